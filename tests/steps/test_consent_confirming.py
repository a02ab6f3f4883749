"""Confirming: what it opens, for whom, and what it says that it came to."""

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from newsletter.store.engine import reading, writing
from subscribers import consent, roster, suppression
from subscribers.address import Address
from subscribers.consent import Attested, Channel, UnknownSubscriber
from subscribers.models import SuppressionReason
from tests.consents import CONFIRMED, LATER, PENDING, ask, ask_by_file, attest, confirm, leave
from tests.people import FINGERPRINTS, NOW, bring_to, fresh_address, known, subscriber


def close(session: Session, address: Address, reason: SuppressionReason) -> None:
    suppression.suppress(session, address, reason, fingerprints=FINGERPRINTS, now=NOW)


def test_an_address_closed_by_hand_is_not_asked(engine: Engine) -> None:
    """A request for an address that an operator closed mails nobody and leaves no trace."""
    address = fresh_address()
    with writing(engine) as session:
        close(session, address, SuppressionReason.BY_HAND)
        assert ask(session, address) is None
    with reading(engine) as session:
        assert roster.find(session, address.mailbox) is None


@pytest.mark.parametrize("reason", sorted(suppression.CONFIRMATION_OPENS))
def test_whoever_bounced_or_complained_comes_back_by_their_own_wish(
    engine: Engine, reason: SuppressionReason
) -> None:
    """Asked at the form and confirmed from the mailbox: then mail comes again; by no other way, and
    not before."""
    address = fresh_address()
    with writing(engine) as session:
        subscriber(session, address)
        close(session, address, reason)
        assert attest(session, address, now=LATER) is Attested.KEPT_OUT
        assert ask_by_file(session, address, "daily", LATER) is None
        assert ask(session, address, now=LATER)
        assert list(roster.readers(session, "daily", now=LATER)) == []
        assert confirm(session, address, now=LATER)
        assert [each.subscriber_id for each in roster.readers(session, "daily", now=LATER)]
        assert suppression.why(session, address, FINGERPRINTS) is None


def test_confirming_does_not_open_what_was_closed_since(engine: Engine) -> None:
    """An old link pressed again opens nothing: only what it confirms anew is a fresh wish. What an
    operator closed no link opens."""
    again, by_hand = fresh_address(), fresh_address()
    with writing(engine) as session:
        bring_to(session, again, CONFIRMED)
        close(session, again, SuppressionReason.COMPLAINED)
        assert not confirm(session, again)
        bring_to(session, by_hand, PENDING)
        close(session, by_hand, SuppressionReason.BY_HAND)
        assert confirm(session, by_hand)
        assert suppression.reasons(session, [again.key, by_hand.key], FINGERPRINTS) == {
            again.key: SuppressionReason.COMPLAINED,
            by_hand.key: SuppressionReason.BY_HAND,
        }
        assert list(roster.readers(session, "daily", now=NOW)) == []


def test_a_confirmation_says_what_it_came_to(engine: Engine) -> None:
    """Each newsletter of the link is told apart: confirmed now, before, or no longer open."""
    address = fresh_address()
    with writing(engine) as session:
        attest(session, address, "before")
        ask(session, address, "now")
        attest(session, address, "left")
        leave(session, address, "left")
        done = consent.confirm(
            session,
            known(session, address).public_id,
            ["now", "before", "left", "never"],
            channel=Channel.LINK,
            wording="Yes",
            fingerprints=FINGERPRINTS,
            now=NOW,
        )
    assert (done.confirmed, done.already, done.closed) == (("now",), ("before",), ("left", "never"))
    assert done.suppressed is None


def test_links_of_nobody(engine: Engine) -> None:
    """A confirmation for nobody we know is refused with words; leaving is granted to anybody."""
    with writing(engine) as session:
        with pytest.raises(UnknownSubscriber, match="subscribe anew"):
            consent.confirm(
                session,
                "nobody",
                ["daily"],
                channel=Channel.LINK,
                wording="Yes",
                fingerprints=FINGERPRINTS,
                now=NOW,
            )
        assert not consent.unsubscribe(session, "nobody", None, channel=Channel.LINK, wording="Stop", now=NOW)
