"""People for tests: an address, and a subscriber in whatever state the test starts from."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from subscribers import consent, roster
from subscribers.address import Address, parse
from subscribers.consent import Channel
from subscribers.fingerprints import Fingerprints
from subscribers.models import Subscriber, SubscriptionState

NOW = datetime(2026, 10, 1, 8, 0, tzinfo=UTC)
FINGERPRINTS = Fingerprints(["0123456789abcdef0123456789abcdef"])

_numbers = count(1)


def fresh_address() -> Address:
    """An address that no test has seen yet."""
    return parse(f"reader{next(_numbers)}@mail.example")


def subscriber(
    session: Session, address: Address | None = None, *slugs: str, **preferences: Any
) -> Subscriber:
    """Somebody confirmed for the newsletters `slugs` (daily if none is named)."""
    address = address or fresh_address()
    consent.attest(
        session,
        address,
        slugs or ["daily"],
        source="paper form, autumn fair",
        channel=Channel.COMMAND,
        fingerprints=FINGERPRINTS,
        now=NOW,
        **preferences,
    )
    return known(session, address)


def known(session: Session, address: Address) -> Subscriber:
    """The subscriber of that address, who must be there."""
    found = roster.find(session, address.mailbox)
    assert found is not None
    return found


def bring_to(session: Session, address: Address, state: SubscriptionState | None) -> None:
    """Let the address go the way to `state` with the daily, as people go it."""
    if state is None:
        return
    asked = consent.request(
        session, address, ["daily"], channel=Channel.FORM, wording="Yes", fingerprints=FINGERPRINTS, now=NOW
    )
    assert asked
    public_id = known(session, address).public_id
    if state is SubscriptionState.CONFIRMED:
        consent.confirm(
            session,
            public_id,
            ["daily"],
            channel=Channel.LINK,
            wording="Yes",
            fingerprints=FINGERPRINTS,
            now=NOW,
        )
    if state is SubscriptionState.UNSUBSCRIBED:
        consent.unsubscribe(session, public_id, None, channel=Channel.LINK, wording="Stop", now=NOW)
