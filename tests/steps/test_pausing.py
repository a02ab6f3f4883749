"""Fewer mails without leaving: a pause, and another newsletter instead; and links asked for by mail."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from newsletter.store.engine import reading, writing
from subscribers import consent, roster, suppression
from subscribers.address import Address
from subscribers.admission import Asked
from subscribers.consent import Channel
from subscribers.links_asked import ask_link
from subscribers.models import Act, Consent, Subscriber, SubscriptionState, SuppressionReason
from subscribers.pausing import pause, resume
from subscribers.switching import may_switch, switch
from tests.people import FINGERPRINTS, NOW, bring_to, fresh_address, known, subscriber

LATER = NOW + timedelta(weeks=2)
BY_LINK: dict[str, Any] = {"channel": Channel.LINK, "wording": "Pause", "ip": "192.0.2.7", "now": NOW}


def acts(session: Session, reader: Subscriber) -> list[tuple[str, list[Any]]]:
    lines = session.scalars(select(Consent).where(Consent.subscriber_id == reader.id).order_by(Consent.id))
    return [(line.act, line.newsletters) for line in lines]


def receive(session: Session, slug: str, now: datetime) -> set[int]:
    return {reader.subscriber_id for reader in roster.readers(session, slug, now=now)}


def test_a_pause_keeps_mail_back_and_ends_by_itself(engine: Engine) -> None:
    """Until its date nobody is mailed what is paused, and is mailed all else; from the date on, all again."""
    with writing(engine) as session:
        reader = subscriber(session, None, "daily", "weekly")
        assert pause(session, reader, "daily", LATER, **BY_LINK)
        assert not receive(session, "daily", NOW)
        assert roster.recipients(session, [reader.id], "daily", now=NOW) == {
            reader.id: f"paused until {LATER:%Y-%m-%d}"
        }
        assert receive(session, "weekly", NOW) == {reader.id}
        assert receive(session, "daily", LATER) == {reader.id}
        open_again = roster.recipients(session, [reader.id], "daily", now=LATER)[reader.id]
        assert isinstance(open_again, roster.Mailbox)
        assert acts(session, reader)[1:] == [(Act.PAUSED, ["daily"])]


def test_a_pause_of_all(engine: Engine) -> None:
    """Without a newsletter, all that is confirmed is paused, in one line; what is not, stays as it is."""
    with writing(engine) as session:
        reader = subscriber(session, None, "daily", "weekly")
        consent.unsubscribe(session, reader.public_id, "weekly", channel=Channel.LINK, wording="x", now=NOW)
        assert pause(session, reader, None, LATER, **BY_LINK)
        assert acts(session, reader)[-1] == (Act.PAUSED, ["daily"])
        assert {held.newsletter: held.paused_until for held in reader.subscriptions} == {
            "daily": LATER,
            "weekly": None,
        }


def test_a_pause_said_twice_is_one(engine: Engine) -> None:
    """The same pause again changes nothing and writes nothing; another date does."""
    with writing(engine) as session:
        reader = subscriber(session)
        assert pause(session, reader, "daily", LATER, **BY_LINK)
        assert not pause(session, reader, "daily", LATER, **BY_LINK)
        assert pause(session, reader, "daily", LATER + timedelta(days=1), **BY_LINK)
        assert len(acts(session, reader)) == 3


def test_a_pause_can_be_ended(engine: Engine) -> None:
    """Mail comes again at once; where nothing is paused, nothing is written."""
    with writing(engine) as session:
        reader = subscriber(session)
        pause(session, reader, None, LATER, **BY_LINK)
        assert resume(session, reader, "daily", **BY_LINK)
        assert not resume(session, reader, None, **BY_LINK)
        assert receive(session, "daily", NOW) == {reader.id}
        assert acts(session, reader)[1:] == [(Act.PAUSED, ["daily"])] * 2


@pytest.mark.parametrize("state", [SubscriptionState.PENDING, SubscriptionState.UNSUBSCRIBED])
def test_only_what_is_received_can_be_paused(engine: Engine, state: SubscriptionState) -> None:
    """A pause neither confirms what is pending nor brings back what was left."""
    with writing(engine) as session:
        address = fresh_address()
        bring_to(session, address, state)
        reader = known(session, address)
        assert not pause(session, reader, None, LATER, **BY_LINK)
        assert reader.state("daily") is state


def test_a_pause_lies_ahead(engine: Engine) -> None:
    """A date that is over is refused, and named."""
    with writing(engine) as session, pytest.raises(ValueError, match="2026-10-01 08:00"):
        pause(session, subscriber(session), "daily", NOW, **BY_LINK)


def test_the_rarer_one_instead(engine: Engine) -> None:
    """The one is left and the other confirmed at once; the ledger says why no mail asked for it."""
    with writing(engine) as session:
        reader = subscriber(session)
        assert switch(session, reader, "daily", "weekly", **BY_LINK | {"wording": "Weekly instead"})
        assert (reader.state("daily"), reader.state("weekly")) == ("unsubscribed", "confirmed")
        assert acts(session, reader)[1:] == [(Act.UNSUBSCRIBED, ["daily"]), (Act.CONFIRMED, ["weekly"])]
        wording = session.scalars(select(Consent.wording).order_by(Consent.id.desc())).first()
        assert wording == (
            "Weekly instead (confirmed without a further mail, since it takes the place of daily)"
        )


@pytest.mark.parametrize("state", [None, SubscriptionState.PENDING, SubscriptionState.UNSUBSCRIBED])
def test_nobody_gets_in_by_switching(engine: Engine, state: SubscriptionState | None) -> None:
    """Whoever was not confirmed for the one is not confirmed for the other, and nothing changes."""
    with writing(engine) as session:
        address = fresh_address()
        bring_to(session, address, state)
        reader = known(session, address) if state else subscriber(session, address, "other")
        before = acts(session, reader)
        assert not switch(session, reader, "daily", "weekly", **BY_LINK)
        assert (reader.state("daily"), reader.state("weekly")) == (state, None)
        assert acts(session, reader) == before


def test_who_has_both_cannot_switch(engine: Engine) -> None:
    """Nothing is offered in place of itself, or in place of what is received already."""
    with writing(engine) as session:
        reader = subscriber(session, None, "daily", "weekly")
        assert not may_switch(reader, "daily", "weekly")
        assert not may_switch(reader, "daily", "daily")


def ask(session: Session, address: Address, now: datetime, **changes: Any) -> Asked | None:
    return ask_link(session, address, channel=Channel.FORM, fingerprints=FINGERPRINTS, now=now, **changes)


def test_a_link_is_mailed_to_those_we_know(engine: Engine) -> None:
    """Asking writes one line, of which the mail is made; subscriptions stay as they are."""
    with writing(engine) as session:
        address = fresh_address()
        bring_to(session, address, SubscriptionState.UNSUBSCRIBED)
        reader = known(session, address)
        asked = ask(session, address, NOW)
        assert asked is not None
        line = session.get_one(Consent, asked.consent_id)
        assert (line.act, line.subscriber_id, line.newsletters) == (Act.LINK_ASKED, reader.id, [])
        assert reader.state("daily") is SubscriptionState.UNSUBSCRIBED


def test_nobody_is_flooded_with_links(engine: Engine) -> None:
    """One link of a kind in ten minutes and three in a day, however often somebody asks."""
    with writing(engine) as session:
        address = fresh_address()
        subscriber(session, address)
        minutes = [
            minute
            for minute in range(0, 24 * 60 + 20, 5)
            if ask(session, address, NOW + timedelta(minutes=minute))
        ]
        assert minutes == [0, 10, 20, 24 * 60, 24 * 60 + 10]
        assert ask(session, address, NOW, wording="Mail me the link to my data") is not None


def test_no_link_for_strangers(engine: Engine) -> None:
    """Neither an address that we do not know nor one closed by hand gets a mail or a line."""
    with writing(engine) as session:
        closed = fresh_address()
        subscriber(session, closed)
        suppression.suppress(session, closed, SuppressionReason.BY_HAND, fingerprints=FINGERPRINTS, now=NOW)
        for address in (closed, fresh_address()):
            assert ask(session, address, NOW) is None
    with reading(engine) as session:
        assert session.scalar(select(func.count()).where(Consent.act == Act.LINK_ASKED)) == 0
