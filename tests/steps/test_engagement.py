"""Engagement: what a person did that only they can do, noted once a day, and nothing else."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from newsletter.store.engine import reading, writing
from subscribers import consent
from subscribers.address import Address
from subscribers.consent import Channel
from subscribers.counting import agree_to_be_counted
from subscribers.engagement import engaged
from subscribers.erasure import erase
from subscribers.ledger import Evidence
from subscribers.lens import Lens
from subscribers.models import Act, Consent, Subscriber
from subscribers.pausing import pause
from tests.people import FINGERPRINTS, NOW, fresh_address, known, subscriber

LATER = NOW + timedelta(days=3)


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("act", Act)
def test_who_acts_by_a_link_is_engaged(engine: Engine, act: Act, channel: Channel) -> None:
    """Any act by a link of ours engages, but for leaving and being erased; by other ways anybody may act."""
    with writing(engine) as session:
        person = subscriber(session)
        Evidence(channel, "words", None, LATER).write(session, act, person, ["daily"])
        engages = channel is Channel.LINK and act not in (Act.UNSUBSCRIBED, Act.ERASED)
        assert person.engaged_at == (LATER if engages else None)


def test_what_readers_do_engages_them(engine: Engine) -> None:
    """Confirming, choosing and pausing are each noted as the last thing done."""
    address = fresh_address()
    with writing(engine) as session:
        consent.request(
            session,
            address,
            ["daily"],
            channel=Channel.FORM,
            wording="Yes",
            fingerprints=FINGERPRINTS,
            now=NOW,
        )
        person = known(session, address)
        assert person.engaged_at is None, "anybody may have asked"
        consent.confirm(
            session,
            person.public_id,
            ["daily"],
            channel=Channel.LINK,
            wording="Yes",
            fingerprints=FINGERPRINTS,
            now=NOW,
        )
        assert person.engaged_at == NOW
        day = timedelta(days=1)
        lens = Lens.of(topics=["chips"])
        consent.change(session, person, lens=lens, channel=Channel.LINK, wording="Save", now=NOW + day)
        assert person.engaged_at == NOW + day
        pause(
            session,
            person,
            "daily",
            LATER + day,
            channel=Channel.LINK,
            wording="Pause",
            now=NOW + 2 * day,
        )
        assert person.engaged_at == NOW + 2 * day


def test_a_day_is_noted_once(engine: Engine) -> None:
    """However often somebody acts on a day, their row is written once; the clock never runs backwards."""
    written: list[int] = []
    with writing(engine) as session:
        person = subscriber(session)
        connection = session.connection()
        event.listen(
            connection,
            "after_cursor_execute",
            lambda *seen: written.append(seen[1].rowcount) if seen[2].startswith("UPDATE") else None,
        )
        for hours in (0, 1, 15, -30):
            engaged(session, person.id, now=NOW + timedelta(hours=hours))
        assert (person.engaged_at, written) == (NOW, [1, 0, 0, 0])
        engaged(session, person.id, now=NOW + timedelta(hours=16))
        assert person.engaged_at == NOW + timedelta(hours=16), "08:00 and 16 hours: the next day in UTC"


def agree(session: Session, address: Address, counted: bool) -> bool:
    person = known(session, address)
    return agree_to_be_counted(
        session, person, counted, channel=Channel.LINK, wording="Count me", ip="192.0.2.1", now=LATER
    )


def test_agreeing_to_be_counted_is_in_the_ledger(engine: Engine) -> None:
    """Nobody is counted who did not say so; each change of mind is a line, and saying it again is none."""
    address = fresh_address()
    with writing(engine) as session:
        assert not subscriber(session, address).counted
        assert [agree(session, address, counted) for counted in (False, True, True, False)] == [
            False,
            True,
            False,
            True,
        ]
    with reading(engine) as session:
        person = known(session, address)
        lines = session.query(Consent).filter_by(subscriber_id=person.id, act="changed").order_by("id")
        assert [(line.wording, line.ip) for line in lines] == [
            ("Count me: yes", "192.0.2.1"),
            ("Count me: no", "192.0.2.1"),
        ]


def test_somebody_erased_is_neither_engaged_nor_counted(engine: Engine) -> None:
    """With the person goes what they agreed to and when they last acted, and it never comes back."""
    address = fresh_address()
    with writing(engine) as session:
        number = subscriber(session, address).id
        agree(session, address, counted=True)
        erase(session, address, channel=Channel.LINK, fingerprints=FINGERPRINTS, now=LATER)
        engaged(session, number, now=LATER)
    with reading(engine) as session:
        left = session.get_one(Subscriber, number)
        assert (left.engaged_at, left.counted) == (None, False)
