"""A mail's way out and back: with a return path of its own, to a bounce that its reader's server tells."""

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import select

from newsletter.models import Delivery
from newsletter.store.engine import open_engine, reading
from subscribers.models import Suppression, SuppressionReason
from tests.conftest import SETTINGS
from tests.processes import Machine, eventually, fill_outbox, new_machine
from tests.returned import BASE, PATHS, a_report, failed
from tests.walks.test_processes import free_port


class ReadersServer:
    """Takes every mail, and remembers where it is to be returned to."""

    def __init__(self) -> None:
        self.return_paths: list[str | None] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.return_paths.append(envelope.mail_from)
        return "250 2.0.0 ok"


@pytest.fixture
def server() -> ReadersServer:
    return ReadersServer()


@pytest.fixture
def machine(tmp_path: Path, server: ReadersServer) -> Iterator[Machine]:
    """One that has a letter to hand over by SMTP."""
    (tmp_path / "home").mkdir()
    listening = Controller(server, hostname="127.0.0.1", port=int(free_port()))
    by_smtp = {"MAIL_PROVIDER": "smtp", "SMTP_URL": f"smtp://127.0.0.1:{listening.port}"}
    back = {"BOUNCE_ADDRESS": BASE, "RETURNS_LISTEN": f"127.0.0.1:{free_port()}"}
    with Machine(new_machine(tmp_path) | SETTINGS | by_smtp | back) as machine:
        fill_outbox(machine.url, 1)
        listening.start()
        yield machine
        listening.stop()


def test_out_and_back(machine: Machine, server: ReadersServer) -> None:
    """It leaves with a return path of its own; what is reported to that path by LMTP closes the address."""
    tick = machine.start("tick")
    assert tick.end() == 0, tick.said
    [return_path] = server.return_paths
    assert return_path
    assert PATHS.read(return_path) == 1

    door = machine.start("returns", "serve")
    door.says("taking in")
    with smtplib.LMTP(*machine.environ["RETURNS_LISTEN"].split(":")) as client:  # type: ignore[arg-type]
        report = a_report(failed("5.1.1", "550 5.1.1 no such user"), returned="")
        assert client.sendmail("", [return_path], report) == {}
    door.says("return_taken_in")
    eventually(lambda: told(machine.url) == ("hard bounced", [SuppressionReason.BOUNCED]))
    assert door.leave() == 0, door.said
    assert "@" not in door.said.replace(BASE, "")


def told(url: str) -> tuple[str | None, list[str]]:
    """What the mailbox said of the mail, and why addresses are suppressed."""
    engine = open_engine(url)
    try:
        with reading(engine) as session:
            said = session.get_one(Delivery, 1).mailbox
            return said, list(session.scalars(select(Suppression.reason)))
    finally:
        engine.dispose()


def test_two_doors_at_one_place(machine: Machine) -> None:
    """A second one at the same place says what to set, and ends."""
    first = machine.start("returns", "serve")
    first.says("taking in")
    second = machine.start("returns", "serve")
    assert second.end() == 1
    assert "RETURNS_LISTEN" in second.said
    assert first.leave() == 0
