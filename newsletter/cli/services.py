"""From the environment to the services that a command works with."""

import os
from contextlib import ExitStack
from pathlib import Path

from newsletter.config import read_settings
from newsletter.newsletters import sync
from newsletter.store.engine import writing
from newsletter.store.migrate import is_empty, migrate, require_current
from newsletter.wiring import Services, build

_opened = ExitStack()


def configured() -> Services:
    """The services as the environment and `.env` describe them; the database may not be ready."""
    services = build(read_settings(os.environ, Path(".env")))
    _opened.callback(services.engine.dispose)
    return services


def close() -> None:
    """Let go of what the command has opened."""
    _opened.close()


def ready() -> Services:
    """The same, with a database that is up to date.

    A new embedded database is set up on first use; any other must be migrated by hand.
    """
    services = configured()
    if embedded(services) and is_empty(services.engine):
        bring_up_to_date(services)
    require_current(services.engine)
    return services


def embedded(services: Services) -> bool:
    """Whether the database is a file of this machine."""
    return services.engine.dialect.name == "sqlite"


def bring_up_to_date(services: Services) -> list[str]:
    """Migrate the database and take over the publication file; returns what changed, in words."""
    done = migrate(services.engine)
    news = [] if done.before == done.after else [f"database: {done.before or 'empty'} → {done.after}"]
    with writing(services.engine) as session:
        return news + sync(session, services.site)
