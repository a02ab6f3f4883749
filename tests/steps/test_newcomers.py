"""Newcomers of a file get, in a handful of statements, what one person gets who comes in alone."""

from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from newsletter.store.engine import writing
from subscribers import consent
from subscribers.ledger import Channel, Evidence
from subscribers.lens import Lens
from subscribers.models import Consent, Subscriber, Subscription
from subscribers.transfer.newcomers import Newcomer, write
from subscribers.transfer.people import Person
from tests.people import FINGERPRINTS, NOW, fresh_address, known, subscriber
from tests.tables import DEFAULTS, take_records, terms


def rows_of(session: Session, person: Subscriber) -> list[list[dict[str, Any]]]:
    """All that is theirs, but for what tells two people apart."""
    own = ("id", "subscriber_id", "public_id", "email", "email_key")
    owners = (
        (Subscriber, Subscriber.id),
        (Subscription, Subscription.subscriber_id),
        (Consent, Consent.subscriber_id),
    )
    return [
        [
            {name: value for name, value in row._mapping.items() if name not in own}
            for row in session.execute(select(table.__table__).where(owner == person.id))
        ]
        for table, owner in owners
    ]


@pytest.mark.parametrize("source", ["fair", None], ids=["attested", "asked"])
def test_a_newcomer_by_file_and_one_by_hand(engine: Engine, source: str | None) -> None:
    """Whether a file brings somebody or an operator enters them, the same is known of them."""
    by_file, by_hand = fresh_address(), fresh_address()
    lens = Lens.of(audiences=["Investors"])
    with writing(engine) as session:
        row = Person(2, by_file, DEFAULTS, name="Ann", audiences=lens.audiences)
        take_records(session, row, source=source)
        how: dict[str, Any] = {"channel": Channel.IMPORT, "fingerprints": FINGERPRINTS, "now": NOW}
        what: dict[str, Any] = {"lens": lens, "rhythm": DEFAULTS, "name": "Ann"}
        if source:
            consent.attest(session, by_hand, ["daily"], source=source, **what, **how)
        else:
            consent.request(session, by_hand, ["daily"], wording=terms().wording, **what, **how)
        assert rows_of(session, known(session, by_file)) == rows_of(session, known(session, by_hand))


def test_who_became_known_meanwhile(engine: Engine) -> None:
    """Somebody whom another process has just enrolled is left to the ordinary way, and nothing is changed."""
    address, other = fresh_address(), fresh_address()
    evidence = Evidence(Channel.IMPORT, "fair", None, NOW)
    with writing(engine) as session:
        subscriber(session, address, "weekly")
        before = rows_of(session, known(session, address))
        people = [Person(line, each, DEFAULTS) for line, each in enumerate((address, other), start=2)]
        found = [Newcomer.of(person, ("daily",), evidence, evidence, is_vouched=True) for person in people]
        written = write(session, [each for each in found if each], batch_id=None, now=NOW, anchors=None)
        assert written == {other.key: known(session, other).id}
        assert rows_of(session, known(session, address)) == before
