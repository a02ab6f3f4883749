"""Attesting: an operator's word brings in whoever is new, and nobody who left or is kept out."""

from datetime import timedelta

from sqlalchemy import Engine

from newsletter.store.engine import writing
from subscribers import consent, roster, suppression
from subscribers.consent import Attested, Channel
from subscribers.models import SubscriptionState, SuppressionReason
from tests.consents import CONFIRMED, LATER, UNSUBSCRIBED, ask, attest, confirm, leave, ledger, state
from tests.people import FINGERPRINTS, NOW, bring_to, fresh_address


def test_an_attested_person_counts_as_what_they_are(engine: Engine) -> None:
    """Attesting tells added, updated, unchanged and kept out apart, and the source is in the ledger."""
    address = fresh_address()
    with writing(engine) as session:
        assert attest(session, address) is Attested.ADDED
        assert attest(session, address) is Attested.UNCHANGED
        assert attest(session, address, "weekly") is Attested.UPDATED
        leave(session, address, None)
        assert attest(session, address) is Attested.KEPT_OUT
        assert attest(session, address, "monthly") is Attested.UPDATED
        assert [line.act for line in ledger(session, address)] == [
            "attested",
            "attested",
            "unsubscribed",
            "attested",
        ]
        assert ledger(session, address)[0].rest == (
            "command line",
            "paper form, autumn fair",
            None,
            NOW,
        )


def test_attesting_several_leaves_alone_what_was_ended(engine: Engine) -> None:
    """An operator who vouches for several newsletters brings back none that was unsubscribed."""
    address = fresh_address()
    with writing(engine) as session:
        bring_to(session, address, UNSUBSCRIBED)
        outcome = consent.attest(
            session,
            address,
            ["daily", "weekly"],
            source="fair",
            channel=Channel.COMMAND,
            fingerprints=FINGERPRINTS,
            now=LATER,
        )
        assert outcome is Attested.UPDATED
        assert state(session, address, "daily") is UNSUBSCRIBED
        assert state(session, address, "weekly") is CONFIRMED
        assert ledger(session, address)[-1].newsletters == ("weekly",)


def test_what_keeps_people_out_has_a_name(engine: Engine) -> None:
    """Whoever an operator may not bring back is kept out with the reason in words."""
    left, closed, new = fresh_address(), fresh_address(), fresh_address()
    with writing(engine) as session:
        bring_to(session, left, UNSUBSCRIBED)
        suppression.suppress(session, closed, SuppressionReason.ERASED, fingerprints=FINGERPRINTS, now=NOW)
        assert attest(session, left) is attest(session, closed) is Attested.KEPT_OUT
        assert consent.kept_out_because(session, left, ["daily"], FINGERPRINTS) == "unsubscribed from daily"
        assert consent.kept_out_because(session, closed, ["daily"], FINGERPRINTS) == "suppressed: erased"
        assert consent.kept_out_because(session, new, ["daily"], FINGERPRINTS) is None
        assert roster.find(session, closed.mailbox) is None


def test_who_left_is_not_brought_back_by_way_of_a_question(engine: Engine) -> None:
    """Unsubscribed, then asked anew by anybody: an operator's word still does not bring them back."""
    address = fresh_address()
    with writing(engine) as session:
        attest(session, address)
        leave(session, address)
        assert ask(session, address, now=NOW + timedelta(days=1)) is not None
        assert attest(session, address, now=NOW + timedelta(days=2)) is Attested.KEPT_OUT
        assert state(session, address) is SubscriptionState.PENDING
        assert confirm(session, address, now=NOW + timedelta(days=3))
        assert state(session, address) is SubscriptionState.CONFIRMED
