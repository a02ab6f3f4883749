"""Undo: exactly what was before, all of it or nothing; and less of a story or of a company."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from newsletter.store.engine import writing
from subscribers import consent, roster
from subscribers.consent import Channel
from subscribers.lens import Lens
from subscribers.models import Act, Consent, MutedStory, Subscriber, Subscription
from subscribers.muting import mute_company, mute_story
from subscribers.pausing import pause
from subscribers.switching import switch
from subscribers.undo import Undone, standing, undo
from tests.people import NOW, subscriber

LATER = NOW + timedelta(minutes=3, microseconds=7)
BY_LINK: dict[str, Any] = {"channel": Channel.LINK, "wording": "Do it", "now": LATER}
LENS = Lens.of(companies=["Mistral AI"], audiences=["Investors"])

ACTS: dict[str, Callable[[Session, Subscriber], object]] = {
    "leave": lambda session, reader: consent.unsubscribe(session, reader.public_id, "daily", **BY_LINK),
    "leave all": lambda session, reader: consent.unsubscribe(session, reader.public_id, None, **BY_LINK),
    "pause": lambda session, reader: pause(session, reader, "daily", LATER + timedelta(weeks=4), **BY_LINK),
    "switch": lambda session, reader: switch(session, reader, "daily", "weekly", **BY_LINK),
    "mute a story": lambda session, reader: mute_story(session, reader, 7, **BY_LINK),
    "mute a company": lambda session, reader: mute_company(session, reader, "Mistral AI", **BY_LINK),
}


def reader_of(session: Session) -> Subscriber:
    """Somebody with a pause, an interest and a muted story, so that there is much to restore."""
    reader = subscriber(session, None, "daily", "alerts", lens=LENS)
    pause(
        session,
        reader,
        None,
        NOW + timedelta(weeks=1, microseconds=1),
        channel=Channel.LINK,
        wording="x",
        now=NOW,
    )
    mute_story(session, reader, 3, channel=Channel.LINK, wording="x", now=NOW)
    return reader


def rows(session: Session, reader: Subscriber) -> list[Any]:
    """All that is stored of what they chose, as the database has it."""
    session.flush()
    session.expire_all()
    chosen = Subscription.__table__.c
    mutes = select(MutedStory.__table__).where(MutedStory.subscriber_id == reader.id)
    held = select(Subscription.__table__).where(chosen.subscriber_id == reader.id).order_by(chosen.newsletter)
    return [reader.lens, *map(tuple, session.execute(held)), *map(tuple, session.execute(mutes))]


def act_and_remember(session: Session, reader: Subscriber, name: str) -> tuple[str, str]:
    before = standing(session, reader)
    ACTS[name](session, reader)
    way_back = before.way_back_from(standing(session, reader))
    assert way_back is not None
    return way_back


@pytest.mark.parametrize("name", ACTS)
def test_undo_restores_every_row(engine: Engine, name: str) -> None:
    """After any act and its undo the rows are those before, times and pauses too, and a line says so."""
    with writing(engine) as session:
        reader = reader_of(session)
        before = rows(session, reader)
        way_back = act_and_remember(session, reader, name)
        assert rows(session, reader) != before
        assert undo(session, reader, way_back, **BY_LINK) is Undone.RESTORED
        assert rows(session, reader) == before
        last = session.scalars(select(Consent).order_by(Consent.id.desc())).first()
        assert last is not None
        assert (last.act, set(last.newsletters) <= {"daily", "weekly", "alerts"}) == (Act.RESTORED, True)


@pytest.mark.parametrize("name", ACTS)
def test_undo_twice_is_once(engine: Engine, name: str) -> None:
    """The second press changes nothing, writes nothing, and says that it is done."""
    with writing(engine) as session:
        reader = reader_of(session)
        way_back = act_and_remember(session, reader, name)
        undo(session, reader, way_back, **BY_LINK)
        lines = len(session.scalars(select(Consent)).all())
        assert undo(session, reader, way_back, **BY_LINK) is Undone.ALREADY
        assert len(session.scalars(select(Consent)).all()) == lines


@pytest.mark.parametrize(
    ("name", "then"),
    [
        ("pause", "leave"),
        ("leave all", "ask anew"),
        ("switch", "leave all"),
        ("mute a company", "mute another"),
    ],
)
def test_undo_never_overrides_what_came_after(engine: Engine, name: str, then: str) -> None:
    """Once the same thing was changed again, undo restores nothing of it, and not half of it."""

    def ask_anew(session: Session, reader: Subscriber) -> None:
        reader.subscription("daily", LATER).ask(LATER)

    def mute_another(session: Session, reader: Subscriber) -> None:
        mute_company(session, reader, "Another Lab", **BY_LINK)

    with writing(engine) as session:
        reader = reader_of(session)
        way_back = act_and_remember(session, reader, name)
        (ACTS | {"ask anew": ask_anew, "mute another": mute_another})[then](session, reader)
        changed = rows(session, reader)
        assert undo(session, reader, way_back, **BY_LINK) is Undone.CHANGED
        assert rows(session, reader) == changed


def test_undo_leaves_other_things_alone(engine: Engine) -> None:
    """What was done to something else since is kept."""
    with writing(engine) as session:
        reader = reader_of(session)
        way_back = act_and_remember(session, reader, "leave")
        mute_company(session, reader, "Another Lab", **BY_LINK)
        assert undo(session, reader, way_back, **BY_LINK) is Undone.RESTORED
        assert reader.state("daily") == "confirmed"
        assert "another lab" in reader.lens.muted_companies


def test_nothing_done_is_nothing_to_undo(engine: Engine) -> None:
    """An act that changed nothing leaves no way back."""
    with writing(engine) as session:
        reader = reader_of(session)
        before = standing(session, reader)
        assert not mute_story(session, reader, 3, **BY_LINK)
        assert before.way_back_from(standing(session, reader)) is None


def test_a_muted_company_is_no_longer_followed(engine: Engine) -> None:
    """Muting wins over following, however the name is written, and keeps all other preferences."""
    with writing(engine) as session:
        reader = reader_of(session)
        assert mute_company(session, reader, "MISTRAL  ai", **BY_LINK)
        assert not mute_company(session, reader, "Mistral AI", **BY_LINK)
        assert reader.lens == Lens.of(muted_companies=["Mistral AI"], audiences=["Investors"])


def test_a_muted_story_is_its_holders_alone(engine: Engine) -> None:
    """One reader's mutes are nobody else's."""
    with writing(engine) as session:
        one, other = subscriber(session), subscriber(session)
        assert mute_story(session, one, 7, **BY_LINK)
        assert not mute_story(session, one, 7, **BY_LINK)
        assert roster.muted_stories(session, [7, 8]) == {one.id: frozenset({7})}
        assert mute_story(session, other, 7, **BY_LINK)


def test_a_reason_is_kept_once_for_each_leaving(engine: Engine) -> None:
    """Why somebody left stands in a line of its own; only after they left, and once until they come back."""

    def tell(reader: Subscriber, now: datetime) -> bool:
        return consent.give_reason(
            session, reader.public_id, "daily", channel=Channel.LINK, reason="Too many mails", now=now
        )

    with writing(engine) as session:
        reader = subscriber(session)
        assert not tell(reader, NOW)
        consent.unsubscribe(session, reader.public_id, "daily", **BY_LINK)
        assert [tell(reader, LATER) for _ in range(3)] == [True, False, False]
        lines = session.scalars(select(Consent).where(Consent.wording == "Reason: Too many mails")).all()
        assert [(line.act, line.newsletters) for line in lines] == [(Act.UNSUBSCRIBED, ["daily"])]
