"""Suppression: a closed address stays closed, for the strongest reason there was."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from newsletter.store.engine import reading, writing
from subscribers import suppression
from subscribers.address import parse
from subscribers.models import SuppressionReason
from tests.people import FINGERPRINTS, NOW, fresh_address

BY_HAND, BOUNCED, COMPLAINED, ERASED = (
    SuppressionReason.BY_HAND,
    SuppressionReason.BOUNCED,
    SuppressionReason.COMPLAINED,
    SuppressionReason.ERASED,
)


@pytest.mark.parametrize("first", SuppressionReason)
@pytest.mark.parametrize("second", SuppressionReason)
def test_the_stronger_reason_stays(
    engine: Engine, first: SuppressionReason, second: SuppressionReason
) -> None:
    """Of any two reasons the stronger is on record, with the note and the instant it came with."""
    strength = [BY_HAND, BOUNCED, COMPLAINED, ERASED]
    stronger = strength.index(second) > strength.index(first)
    address = fresh_address()
    with writing(engine) as session:
        assert suppression.suppress(session, address, first, note="first", fingerprints=FINGERPRINTS, now=NOW)
        changed = suppression.suppress(
            session, address, second, note="second", fingerprints=FINGERPRINTS, now=NOW + timedelta(days=1)
        )
        assert changed is stronger
    with reading(engine) as session:
        record = suppression.why(session, address, FINGERPRINTS)
        assert record is not None
        assert record.reason == (second if stronger else first)
        assert record.note == ("second" if stronger else "first")
        assert record.since == NOW + timedelta(days=1 if stronger else 0)


def test_every_spelling_is_closed(engine: Engine) -> None:
    """An address is suppressed in all its spellings, whether or not it has a subscriber."""
    with writing(engine) as session:
        suppression.suppress(
            session, parse("Ann@Bücher.example"), BOUNCED, fingerprints=FINGERPRINTS, now=NOW
        )
    with reading(engine) as session:
        assert suppression.why(session, parse("ann@xn--bcher-kva.example"), FINGERPRINTS)
        assert suppression.why(session, parse("ann@other.example"), FINGERPRINTS) is None


def test_lifted_is_open(engine: Engine) -> None:
    """A lifted address may be mailed, may be suppressed again, and lifting twice does no harm."""
    address = fresh_address()
    with writing(engine) as session:
        suppression.suppress(session, address, COMPLAINED, fingerprints=FINGERPRINTS, now=NOW)
        assert suppression.lift(session, address, FINGERPRINTS)
        assert not suppression.lift(session, address, FINGERPRINTS)
        assert suppression.why(session, address, FINGERPRINTS) is None
        assert suppression.suppress(session, address, BY_HAND, fingerprints=FINGERPRINTS, now=NOW)


def test_many_are_asked_at_once(engine: Engine) -> None:
    """Of many addresses, those that are closed come back with their reasons, and no others."""
    open_, closed = fresh_address(), fresh_address()
    with writing(engine) as session:
        suppression.suppress(session, closed, BOUNCED, fingerprints=FINGERPRINTS, now=NOW)
        assert suppression.reasons(session, [open_.key, closed.key], FINGERPRINTS) == {closed.key: BOUNCED}
        assert suppression.reasons(session, [], FINGERPRINTS) == {}
