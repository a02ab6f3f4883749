"""What every test may ask for: a database of its own, on SQLite and on PostgreSQL; a browser page."""

import asyncio
import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import hypothesis
import pytest
import structlog
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import Engine, create_engine

from newsletter.config import read_settings
from newsletter.newsletters import sync
from newsletter.store.engine import open_engine, writing
from newsletter.store.migrate import migrate
from newsletter.wiring import Services, build
from tests.compiled_once import compiled_once
from tests.postgres import Reused, postgres_server, reused

# how long one example takes says more about the machine than about the rule; the same examples in
# every run, so that a red run is of its change (`--hypothesis-profile=default` goes exploring)
hypothesis.settings.register_profile("house", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("house")

KINDS = ("sqlite", "postgresql")
SETTINGS = {
    "SECRET_KEY": "0123456789abcdef0123456789abcdef",
    "API_KEY": "fedcba9876543210fedcba9876543210",
    "PUBLIC_URL": "https://news.racetoagi.example",
    "POSTAL_ADDRESS": "1 Sample Street, 00000 Sample Town",
}

_numbers = itertools.count()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden mails anew")


@pytest.fixture(autouse=True, scope="session")
def nothing_is_compiled_twice() -> Iterator[None]:
    with compiled_once():
        yield


@pytest.fixture(autouse=True)
def logs_as_by_default() -> Iterator[None]:
    """A command that a test runs sets up the logs of the whole process: the next test begins anew."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with the one kept under a name in `tests/golden`, or keeps it anew."""

    def check(name: str, text: str) -> None:
        path = Path(__file__).parent / "golden" / name
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{name} differs: read it, then --update-golden"

    return check


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy from."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_admin() -> Iterator[Engine]:
    """The server."""
    with postgres_server() as url:
        admin = create_engine(url, isolation_level="AUTOCOMMIT")
        yield admin
        admin.dispose()


@pytest.fixture(scope="session")
def postgres_databases(postgres_admin: Engine) -> Iterator[Callable[[str], Reused]]:
    """Name → a migrated database, which one test after the other has to itself."""
    with ExitStack() as opened:

        @cache
        def database(_name: str) -> Reused:
            url = opened.enter_context(_postgres_database(postgres_admin))
            _migrate(url)
            return opened.enter_context(reused(url))

        yield database


def _migrate(url: str) -> None:
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()


@contextmanager
def _postgres_database(admin: Engine) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
    yield admin.url.set(database=name).render_as_string(False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def _migrated_database(request: pytest.FixtureRequest, folder: Path, name: str) -> Iterator[str]:
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / f"{name}.db")
        yield f"sqlite:///{folder / name}.db"
        return
    database: Reused = request.getfixturevalue("postgres_databases")(name)
    yield database.url
    database.clear()


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated database without rows, whose schema stays as it is; the test runs once on
    each kind."""
    yield from _migrated_database(request, tmp_path, "test")


@pytest.fixture(params=KINDS)
def another_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """That of a second one."""
    yield from _migrated_database(request, tmp_path, "another")


@pytest.fixture(params=KINDS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without any table; the test runs once on each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    with _postgres_database(request.getfixturevalue("postgres_admin")) as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def services(database_url: str, tmp_path: Path) -> Iterator[Services]:
    """Everything that a door works with, on a fresh database and with a folder for the mail."""
    services = build(
        read_settings({"DATABASE_URL": database_url, "MAIL_FOLDER": str(tmp_path / "mail"), **SETTINGS})
    )
    with writing(services.engine) as session:
        sync(session, services.site)
    yield services
    services.engine.dispose()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium: the one on the PATH, or else the one that `playwright install` has fetched."""
    found = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=quiet)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def no_loop_of_the_browser(request: pytest.FixtureRequest) -> Iterator[None]:
    """Playwright leaves its event loop running in this thread; tests without a browser must not see it."""
    loop = None if "browser" in request.fixturenames else asyncio._get_running_loop()
    if loop:
        asyncio._set_running_loop(None)
    yield
    if loop:
        asyncio._set_running_loop(loop)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a browser profile of its own; a script error on it fails the test."""
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert not errors
