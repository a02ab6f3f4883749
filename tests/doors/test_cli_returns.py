"""The commands about mail that came back: from a folder, each mail once, and what follows for the reader."""

import json
import mailbox
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from newsletter.models import Delivery, Event
from newsletter.store.engine import open_engine, reading, writing
from subscribers import suppression
from subscribers.address import parse
from subscribers.models import Subscriber, SuppressionReason
from tests.command_line import STORY, Cli
from tests.doors.conftest import on_one_database
from tests.feedback import a_delivery
from tests.people import FINGERPRINTS, fresh_address, subscriber
from tests.returned import BASE, PATHS, a_complaint, a_letter, a_mail_of_ours, a_report, failed

pytestmark = on_one_database


@pytest.fixture
def behind(cli: Cli, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The database behind the commands, where BOUNCE_ADDRESS is set."""
    monkeypatch.setenv("BOUNCE_ADDRESS", BASE)
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def mail(behind: Engine) -> int:
    """A digest that was handed over to somebody."""
    with writing(behind) as session:
        return a_delivery(session, subscriber(session, fresh_address()).id)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "returned").mkdir()
    return tmp_path / "returned"


def suppressed(engine: Engine, delivery_id: int) -> str | None:
    """Why its reader is mailed no more."""
    with reading(engine) as session:
        delivery = session.get_one(Delivery, delivery_id)
        reader = session.get_one(Subscriber, delivery.subscriber_id)
        found = suppression.why(session, parse(reader.email), FINGERPRINTS)
        return found.reason if found else None


def test_a_folder_of_files(cli: Cli, behind: Engine, mail: int, folder: Path) -> None:
    """Each file tells what it is, the reader whose mail bounced is suppressed, and all is put aside."""
    (folder / "1.eml").write_bytes(a_report(failed("5.1.1"), to=PATHS.make(mail), returned=""))
    (folder / "2.eml").write_bytes(a_report(failed("5.1.1"), returned="To: victim@inbox.example\n"))
    (folder / "3.eml").write_bytes(a_letter("Thank you", subject="Re: digest", sender="ann@inbox.example"))
    (folder / "notes.txt").write_text("no mail")
    found = cli("returns", "read", str(folder), "--json").json()
    assert found == {
        "read": 3,
        "new": 1,
        "told_before": 0,
        "not_ours": 1,
        "nothing": 1,
        "kinds": {"ours": {"hard bounce": 1}, "not_ours": {"hard bounce": 1}},
    }
    assert suppressed(behind, mail) == SuppressionReason.BOUNCED
    assert sorted(path.name for path in folder.iterdir()) == ["notes.txt", "read"]
    assert len(list((folder / "read").iterdir())) == 3
    assert cli("returns", "read", str(folder), "--json").json()["read"] == 0


def test_what_is_read_twice_counts_once(cli: Cli, behind: Engine, mail: int, folder: Path) -> None:
    """A mail that lies there again, because the first run broke off, tells nothing new."""
    raw = a_complaint(returned=a_mail_of_ours(mail))
    for expected in (1, 0):
        (folder / "1.eml").write_bytes(raw)
        found = cli("returns", "read", str(folder), "--json").json()
        assert (found["new"], found["told_before"]) == (expected, 1 - expected)
    with reading(behind) as session:
        assert len(session.scalars(select(Event)).all()) == 1
    assert suppressed(behind, mail) == SuppressionReason.COMPLAINED


def test_a_maildir(cli: Cli, behind: Engine, mail: int, folder: Path) -> None:
    """What is new in a Maildir is read, and lies there as seen afterwards."""
    maildir = mailbox.Maildir(str(folder / "Maildir"))
    maildir.add(a_report(failed("4.2.2"), to=PATHS.make(mail), returned=""))
    run = cli("returns", "read", str(folder / "Maildir"))
    assert (run.code, "soft bounce" in run.out) == (0, True), run.err
    assert [(message.get_subdir(), message.get_flags()) for message in maildir] == [("cur", "S")]
    assert suppressed(behind, mail) is None


def test_one_file_that_cannot_be_read(cli: Cli, behind: Engine, mail: int, folder: Path) -> None:
    """It is named, and keeps no other from being told of."""
    (folder / "1.eml").symlink_to("/proc/self/mem")
    (folder / "2.eml").write_bytes(a_report(failed("5.1.1"), to=PATHS.make(mail), returned=""))
    run = cli("returns", "read", str(folder))
    assert run.code == 1
    assert "1.eml cannot be read" in run.err
    assert suppressed(behind, mail) == SuppressionReason.BOUNCED


def test_a_mistaken_folder_is_named(cli: Cli, behind: Engine, tmp_path: Path) -> None:
    """What is no folder is an error that says what to name instead."""
    run = cli("returns", "read", str(tmp_path / "nowhere"))
    assert (run.code, "name a Maildir" in run.err) == (1, True)


@pytest.mark.parametrize("command", [("serve",), ("read", ".")])
def test_without_a_bounce_address_there_is_nothing_to_read(cli: Cli, command: tuple[str, ...]) -> None:
    """The commands say which setting they need."""
    run = cli("returns", *command)
    assert (run.code, "BOUNCE_ADDRESS" in run.err) == (1, True)


def test_every_mail_says_where_complaints_go(cli: Cli, behind: Engine, tmp_path: Path) -> None:
    """A digest and a letter carry the mailbox for complaints, and the token that names them (RFC 9477)."""
    (tmp_path / "story.json").write_text(json.dumps(STORY))
    cli("stories", "import", "story.json", "--seen-at", "2026-01-08T02:00Z")
    attested = ("--confirmed", "--source", "test", "--timezone", "UTC", "--hour", "7")
    cli("subscribers", "add", "ines@reader.example", "--newsletter", "daily", *attested)
    cli("subscribers", "add", "adam@reader.example", "--newsletter", "daily")
    cli("tick", "--at", "2026-01-08T06:30Z")
    cli("tick", "--at", "2026-01-08T07:00Z")
    cli("tick")
    paths = list((tmp_path / "mail").glob("*.eml"))
    mails = [message_from_bytes(path.read_bytes()) for path in paths]
    assert {mail["CFBL-Address"] for mail in mails} == {f"{BASE}; report=arf"}
    with reading(behind) as session:
        ids = set(session.scalars(select(Delivery.id)))
    assert len(ids) == 2
    assert {PATHS.read_token(mail["CFBL-Feedback-ID"]) for mail in mails} == ids
