"""The ledger of consent: the database itself keeps it, and each line tells which words were shown."""

import hashlib
import importlib
import pkgutil
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

import newsletter.web
import subscribers
from newsletter.store.engine import reading, writing
from subscribers.dossier import receipts
from subscribers.erasure import erase
from subscribers.ledger import WORDING_VERSION, Channel, Evidence, strike_out
from subscribers.models import Act, Consent
from tests.people import FINGERPRINTS, NOW, fresh_address, known, subscriber

TEMPLATES = Path(__file__).parents[2] / "templates" / "email"

#: version → a hash over the words of that version; once released, none of these lines changes
WORDINGS = {
    "1": "e7e1a6b3f8367e0e",
    "2": "dc720db9e6e22012",
    "3": "bf490335e8e4bfb8",
    "4": "67ec8187af58673a",
}

TAMPERING = [
    "DELETE FROM consent",
    "UPDATE consent SET act = 'confirmed'",
    "UPDATE consent SET newsletters = '[]'",
    "UPDATE consent SET at = '2020-01-01 00:00:00'",
    "UPDATE consent SET channel = 'form', wording = '', ip = NULL",
    "UPDATE consent SET wording_version = '0'",
    "UPDATE consent SET subscriber_id = subscriber_id + 1",
    "UPDATE consent SET wording = 'I agreed to everything', ip = NULL",
    "UPDATE consent SET wording = '', ip = '192.0.2.1'",
]


@pytest.mark.parametrize("statement", [*TAMPERING, "UPDATE consent SET wording = '', ip = NULL"])
def test_the_database_keeps_every_line(engine: Engine, statement: str) -> None:
    """No statement, by whoever, changes or deletes a line about somebody who is with us."""
    with writing(engine) as session:
        subscriber(session)
        subscriber(session)
    with pytest.raises(DBAPIError, match="only grows"), writing(engine) as session:
        session.execute(text(statement))


@pytest.mark.parametrize("statement", TAMPERING)
def test_erasure_opens_nothing_else(engine: Engine, statement: str) -> None:
    """Of somebody erased as well, nothing but words and IPs can go, and nothing can be put in their place."""
    address = fresh_address()
    with writing(engine) as session:
        subscriber(session, address)
        erase(session, address, channel=Channel.COMMAND, fingerprints=FINGERPRINTS, now=NOW)
    with pytest.raises(DBAPIError, match="only grows"), writing(engine) as session:
        session.execute(text(statement))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_ledger_cannot_be_emptied(engine: Engine) -> None:
    """PostgreSQL's TRUNCATE passes by the triggers of rows, so it has one of its own."""
    with pytest.raises(DBAPIError, match="only grows"), writing(engine) as session:
        session.execute(text("TRUNCATE consent"))


def test_lines_are_struck_out_for_the_erased_only(engine: Engine) -> None:
    """The step of the erasure is refused for anybody who is not erased."""
    with writing(engine) as session:
        person = subscriber(session, address := fresh_address())
    with pytest.raises(DBAPIError, match="only grows"), writing(engine) as session:
        strike_out(session, person)
    with reading(engine) as session:
        [line] = receipts(session, known(session, address))
        assert line.wording == "paper form, autumn fair"


def test_each_line_has_the_version_of_its_words(engine: Engine) -> None:
    """What a person saw is kept with its version; what an operator states or a provider tells has none."""
    with writing(engine) as session:
        person = subscriber(session)
        for channel in Channel:
            Evidence(channel, "words", None, NOW).write(session, Act.CHANGED, person, ["daily"])
        session.flush()
        lines = session.query(Consent).filter_by(act=Act.CHANGED).all()
        assert {line.channel: line.wording_version for line in lines} == {
            "form": WORDING_VERSION,
            "link": WORDING_VERSION,
            "one-click": WORDING_VERSION,
            "import": None,
            "command line": None,
            "provider": None,
        }


def _wordings() -> dict[str, str]:
    """All words that may stand in the ledger, and the mail that asks for a confirmation."""
    found = {}
    for package, prefix in ((newsletter.web, "newsletter.web."), (subscribers, "subscribers.")):
        for module in pkgutil.iter_modules(package.__path__, prefix):
            for name, value in vars(importlib.import_module(module.name)).items():
                if name.endswith("_WORDING") and isinstance(value, str):
                    found[name] = value
    for part in ("subject.txt", "body.txt"):
        found[part] = (TEMPLATES / "confirmation" / part).read_text()
    return found


def test_no_word_changes_without_a_new_version() -> None:
    """Whoever changes a wording gives WORDING_VERSION a new value and adds a line to WORDINGS here."""
    words = _wordings()
    assert {"SUBSCRIBE_WORDING", "CONFIRM_WORDING", "UNSUBSCRIBE_WORDING"} <= words.keys()
    digest = hashlib.sha256(repr(sorted(words.items())).encode()).hexdigest()[:16]
    assert WORDINGS.get(WORDING_VERSION) == digest, f"the words are now {digest}"
