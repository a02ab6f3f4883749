"""The roster: who receives a newsletter, who must not, and how people are found."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from newsletter.store.engine import reading, writing
from subscribers import consent, roster, suppression
from subscribers.address import InvalidAddress, parse
from subscribers.consent import Channel
from subscribers.lens import Lens
from subscribers.models import Subscriber, SubscriptionState, SuppressionReason
from subscribers.rhythm import Rhythm
from subscribers.roster import Mailbox, Reader
from tests.people import FINGERPRINTS, NOW, bring_to, fresh_address, known, subscriber

BARS = {
    "confirmed": None,
    "paused": "paused until 2026-10-02",
    "paused before": None,
    "pending": "not confirmed",
    "unsubscribed": "unsubscribed",
    "never asked": "not confirmed",
    "suppressed": "suppressed: bounced",
    "suppressed and gone": "suppressed: complained",
    "closed": "suppressed: by hand",
}


def everybody(session: Session) -> dict[str, int]:
    """One person in each situation towards the daily, by the name of the situation."""
    people: dict[str, Subscriber] = {}
    for name in ("confirmed", "paused", "paused before", "suppressed", "closed"):
        people[name] = subscriber(session)
    people["paused"].subscriptions[0].paused_until = NOW + timedelta(days=1)
    people["paused before"].subscriptions[0].paused_until = NOW
    people["never asked"] = subscriber(session, None, "weekly")
    for name, state in (
        ("pending", SubscriptionState.PENDING),
        ("unsubscribed", SubscriptionState.UNSUBSCRIBED),
        ("suppressed and gone", SubscriptionState.UNSUBSCRIBED),
    ):
        address = fresh_address()
        bring_to(session, address, state)
        people[name] = known(session, address)
    for name, reason in (
        ("suppressed", SuppressionReason.BOUNCED),
        ("suppressed and gone", SuppressionReason.COMPLAINED),
        ("closed", SuppressionReason.BY_HAND),
    ):
        suppression.suppress(session, parse(people[name].email), reason, fingerprints=FINGERPRINTS, now=NOW)
    return {name: person.id for name, person in people.items()}


def _barred(session: Session, ids: Sequence[int], newsletter: str | None) -> dict[int, str]:
    """Those of them who must not be mailed, each with the reason."""
    found = roster.recipients(session, ids, newsletter, now=NOW)
    return {number: why for number, why in found.items() if isinstance(why, str)}


def test_readers_are_those_who_may_be_mailed(engine: Engine) -> None:
    """A newsletter reaches exactly those whom nothing bars, in the order of their ids."""
    with writing(engine) as session:
        people = everybody(session)
    with reading(engine) as session:
        found = [reader.subscriber_id for reader in roster.readers(session, "daily", now=NOW)]
        assert found == sorted(people[name] for name, bar in BARS.items() if bar is None)


def test_the_barred_come_with_the_reason(engine: Engine) -> None:
    """Before a mail leaves, everybody who must not get it is named, with why."""
    with writing(engine) as session:
        people = everybody(session)
        barred = _barred(session, list(people.values()), "daily")
        assert {name: barred.get(number) for name, number in people.items()} == BARS


def test_a_letter_is_barred_by_an_operator_only(engine: Engine) -> None:
    """A mail that asks for consent needs none, and its owner may open what a bounce has closed."""
    with writing(engine) as session:
        people = everybody(session)
        barred = _barred(session, list(people.values()), None)
        assert {name: barred[number] for name, number in people.items() if number in barred} == {
            name: bar for name, bar in BARS.items() if bar == "suppressed: by hand"
        }


def test_whoever_is_gone_is_barred(engine: Engine) -> None:
    """A subscriber who is no longer there is not mailed, and nobody falls out of the answer."""
    with writing(engine) as session:
        person = subscriber(session)
        assert _barred(session, [person.id, 404], "daily") == {404: "no longer a subscriber"}
        assert _barred(session, [404], None) == {404: "no longer a subscriber"}


def test_a_thousand_are_asked_in_one_statement(engine: Engine) -> None:
    """What the claim asks of a full batch costs one statement."""
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *seen: statements.append(seen[2]))
    with reading(engine) as session:
        assert len(roster.recipients(session, range(1, 1001), "daily", now=NOW)) == 1000
    assert len([each for each in statements if each.startswith("SELECT")]) == 1


def test_readers_stream_while_others_write(engine: Engine) -> None:
    """Every reader comes once and whole, while the same transaction writes between them."""
    lens, rhythm = Lens.of(audiences=["Engineers"]), Rhythm("Asia/Tokyo", 21, frozenset({0, 6}))
    with writing(engine) as session:
        people = [subscriber(session, lens=lens, rhythm=rhythm) for _ in range(3)]
    with writing(engine) as session:
        seen = []
        for reader in roster.readers(session, "daily", now=NOW):
            seen.append(reader)
            suppression.suppress(
                session, fresh_address(), SuppressionReason.BY_HAND, fingerprints=FINGERPRINTS, now=NOW
            )
    assert seen == [Reader(each.id, each.lens_id, "Asia/Tokyo", 21, 0b1000001) for each in people]


def test_mailboxes(engine: Engine) -> None:
    """A subscriber's mail goes to the address as it was first written, under a random name."""
    with writing(engine) as session:
        ann, ben = subscriber(session, parse("Ann@Mail.example")), subscriber(session)
        assert roster.recipients(session, [ann.id, ben.id, 404], "daily", now=NOW) == {
            ann.id: Mailbox("Ann@mail.example", ann.public_id),
            ben.id: Mailbox(ben.email, ben.public_id),
            404: "no longer a subscriber",
        }
        assert len({ann.public_id, ben.public_id}) == 2
        assert len(ann.public_id) >= 22


def test_people_are_found(engine: Engine) -> None:
    """A person is found by any spelling of the address and by the name in their links."""
    with writing(engine) as session:
        person = subscriber(session, parse("Ann@Bücher.example"))
        assert roster.find(session, " ann@XN--BCHER-KVA.example ") is person
        assert roster.find(session, "ben@bücher.example") is None
        assert roster.by_public_id(session, person.public_id) is person
        assert roster.by_public_id(session, "nobody") is None
        with pytest.raises(InvalidAddress):
            roster.find(session, "ann")


def test_equal_lenses_are_stored_once(engine: Engine) -> None:
    """Readers with equal lenses share one, and it comes back as it went in."""
    lens = Lens.of(audiences=["Investors"], muted_topics=["Robots", "Chips"])
    with writing(engine) as session:
        ann, ben, other = subscriber(session, lens=lens), subscriber(session, lens=lens), subscriber(session)
        assert ann.lens_id == ben.lens_id != other.lens_id
        assert dict(roster.lenses(session)) == {ann.lens_id: lens, other.lens_id: Lens()}
        consent.change(session, other, lens=lens, channel=Channel.LINK, wording="Save", now=NOW)
        assert (other.lens_id, other.lens) == (ann.lens_id, lens)


def test_counts_add_up(engine: Engine) -> None:
    """Every subscription is counted once, under its newsletter and its state."""
    with writing(engine) as session:
        everybody(session)
        assert roster.count(session) == {
            "daily": {"pending": 1, "confirmed": 5, "unsubscribed": 2},
            "weekly": {"pending": 0, "confirmed": 1, "unsubscribed": 0},
        }
