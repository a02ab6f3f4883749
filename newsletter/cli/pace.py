"""Commands about pace: list, set, clear, stop, open the ways by which mail leaves."""

from datetime import datetime
from typing import Annotated, Any, get_args

import typer
from sqlalchemy.orm import Session

from newsletter.cli.services import ready
from newsletter.cli.terminal import Json, say, show_json, show_table
from newsletter.config import Settings
from newsletter.dispatch import steering, ways
from newsletter.models import Pace
from newsletter.store.clock import database_now
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services

app = typer.Typer(
    no_args_is_help=True,
    help="Pace: how fast mail leaves, by provider, sender and domain; and what stops it.",
)

#: more than anybody lets us send
MOST = 1_000_000_000

Key = Annotated[
    str,
    typer.Argument(
        metavar="KEY",
        help="provider:NAME, sender:DOMAIN (ours), domain:DOMAIN (the readers') or newsletter:SLUG.",
    ),
]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the ways that have a limit or are closed. All others are open, without any limit."""
    services = ready()
    with reading(services.engine) as session:
        found = [_facts(session, row) for row in steering.find_ways(session)]
    if as_json:
        show_json(found)
        return
    show_table(
        ("way", "state", "limits"),
        [(f["key"], f["state"], _limits(f)) for f in found],
        empty="all ways are open, without any limit: `newsletter pace set KEY` sets one",
    )


@app.command("set")
def set_(
    key: Key,
    per_hour: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="How many may leave in an hour.")
    ] = None,
    burst: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many of them may leave at once after a silence; else a minute's worth."
        ),
    ] = None,
    connections: Annotated[
        int | None,
        typer.Option(min=1, max=MOST, help="How many workers may hand over to this provider at one time."),
    ] = None,
    warm_up_first: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="How many a new sender may send on its first day.")
    ] = None,
    warm_up_growth: Annotated[
        float | None, typer.Option(min=1, max=10, help="How many times more on each following day: 1.5.")
    ] = None,
    warm_up_from: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="The first day, in UTC; else today."),
    ] = None,
) -> None:
    """Set limits on a way, for all machines, from the next claim on; those not named stay."""
    limits = steering.Limits(
        per_hour,
        burst,
        connections,
        warm_up_first,
        warm_up_growth,
        warm_up_from.date() if warm_up_from else None,
    )
    services = ready()
    with writing(services.engine) as session:
        row = steering.limit(session, _way(services, key), limits)
        say(f"{row.key}: {_limits(_facts(session, row))}")


@app.command()
def clear(key: Key) -> None:
    """Take all limits off a way. One that is closed stays closed."""
    services = ready()
    way = _way(services, key)
    with writing(services.engine) as session:
        steering.clear(session, way)
    say(f"{way}: without any limit")


@app.command()
def stop(
    key: Key,
    because: Annotated[str, typer.Option(metavar="TEXT", help="Why, for whoever looks at it later.")],
) -> None:
    """Let nothing leave by a way until `newsletter pace open`. What is due waits, until it expires."""
    services = ready()
    with writing(services.engine) as session:
        row = steering.stop(session, _way(services, key), because)
        say(f"{row.key}: {_state(session, row)}")


@app.command("open")
def open_(key: Key) -> None:
    """Let mail leave again by a way that was stopped, or that has closed itself."""
    services = ready()
    way = _way(services, key)
    with writing(services.engine) as session:
        was_closed = steering.open_again(session, way)
    say(f"{way}: open" if was_closed else f"{way}: was open already")


def closed_ways(services: Services) -> list[str]:
    """A line for each way that lets nothing through now, with the reason."""
    with reading(services.engine) as session:
        return [f"{row.key} is {_state(session, row)}" for row in steering.closed_ways(session)]


def _way(services: Services, key: str) -> str:
    return steering.parse_way(
        key,
        providers=get_args(Settings.model_fields["mail_provider"].annotation),
        newsletters=[newsletter.slug for newsletter in services.site.newsletters],
    )


def _state(session: Session, row: Pace) -> str:
    if row.stopped:
        return f"stopped: {row.closed_because}"
    if ways.is_closed_until_mended(row):
        return f"closed until it is mended: {row.closed_because}"
    if ways.is_closed(row, database_now(session)):
        return f"closed until {row.closed_until:%Y-%m-%d %H:%M:%S} UTC: {row.closed_because}"
    return "open"


def _facts(session: Session, row: Pace) -> dict[str, Any]:
    clock = database_now(session)
    steady = ways.rate(row)
    return {
        "key": row.key,
        "state": _state(session, row),
        "open": not ways.is_closed(row, clock),
        "per_hour": row.per_hour,
        "burst": steady and steady.burst,
        "connections": row.connections,
        "warm_up_from": row.warm_up_from and row.warm_up_from.isoformat(),
        "warm_up_first": row.warm_up_first,
        "warm_up_growth": row.warm_up_growth,
        "ceiling_today": ways.ceiling(row, clock),
        "left_today": ways.left_today(row, clock),
    }


def _limits(facts: dict[str, Any]) -> str:
    words = []
    if facts["per_hour"]:
        words.append(f"{facts['per_hour']:,} an hour, {facts['burst']:,} at once")
    if facts["connections"]:
        words.append(f"{facts['connections']} at one time")
    if facts["ceiling_today"]:
        today = f"{facts['left_today']:,} of {facts['ceiling_today']:,} gone today"
        words.append(f"{today}, warming up since {facts['warm_up_from']}")
    elif facts["warm_up_first"]:
        words.append("warmed up")
    return "; ".join(words) or "none"
