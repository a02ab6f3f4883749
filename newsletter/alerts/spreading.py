"""Spread: the readers whom an alert concerns and to whom it is news get it, a chunk of them at a time.

What becomes of it then is decided by `mailing`. Readers to whom it is no news get no row at all.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.alerts.concerning import Concerned, lenses_of, next_concerned
from newsletter.alerts.known import Awaited, known, waits
from newsletter.alerts.leading import any_mute, muted
from newsletter.alerts.looking import news_of, wrong_up_to
from newsletter.alerts.matching import News
from newsletter.alerts.newness import is_news, says_as_much
from newsletter.alerts.sparing import Limits
from newsletter.ledger import one_at_a_time
from newsletter.models import Alert, AlertReader
from newsletter.models.alert import AlertKind, AlertReaderState, AlertState
from newsletter.store.bulk import insert_many, stored
from subscribers.among import among
from subscribers.models import MutedStory

#: readers, or rules that readers hold, that are decided on in one transaction
CHUNK = 20_000
#: of an alert that begins, so that its first mail does not wait for its last reader
FIRST = 2_000


def spread(session: Session, alert: Alert, limits: Limits, *, now: datetime, chunk: int = CHUNK) -> bool:
    """Decide on the next `chunk` of the alert's readers, by their ids; False when no reader is left.

    Waits for whoever is about to tell readers something, so that nobody is told it twice.
    """
    one_at_a_time(session)
    alert = session.get_one(Alert, alert.id, with_for_update={"of": Alert}, populate_existing=True)
    if alert.state != AlertState.SPREADING:
        return False
    if stopped := _why_not(session, alert, now):
        alert.state, alert.reason = stopped
        return False
    given, reached = next_given(session, alert, limits, now=now, after=alert.reached, chunk=chunk)
    _give(session, alert, given, now)
    if reached is not None:
        alert.reached = reached
        return True
    alert.state, alert.reason = AlertState.SPREAD, _summary(session, alert)
    return False


class Given(NamedTuple):
    """A reader whom an alert concerns, and to whom it is news."""

    subscriber_id: int
    #: ids of the rules of theirs that it meets, the most specific first
    rules: tuple[int, ...]
    #: what is new to them
    changes: tuple[str, ...]


def next_given(
    session: Session, alert: Alert, limits: Limits, *, now: datetime, after: int, chunk: int
) -> tuple[list[Given], int | None]:
    """Of the next whom it concerns, see `next_concerned`, those to whom it is news."""
    news = news_of(session, {alert.story_id: alert.revision})[alert.story_id]
    found, reached = next_concerned(session, alert, news, now=now, after=after, chunk=chunk)
    if alert.kind == AlertKind.CORRECTION:
        # it is news to whoever was told what is wrong
        return [Given(one.subscriber_id, (), ()) for one in found], reached
    return list(_worth_it(session, news, limits, found)) if found else [], reached


def _why_not(session: Session, alert: Alert, now: datetime) -> tuple[AlertState, str] | None:
    """Why it concerns nobody any more, and what it is then."""
    if alert.expires_at <= now:
        return AlertState.EXPIRED, "too old to be news before it had reached all its readers"
    wrong = alert.kind != AlertKind.CORRECTION and wrong_up_to(session, [alert.story_id])
    if wrong and alert.revision <= wrong.get(alert.story_id, 0):
        return AlertState.CANCELLED, "what it tells was corrected"
    return None


def _give(session: Session, alert: Alert, given: Collection[Given], now: datetime) -> None:
    """Let it wait for these readers."""
    if not given:
        return

    @cache
    def as_stored(values: tuple[object, ...]) -> object:
        return stored(session, AlertReader.rules, list(values))

    insert_many(
        session,
        AlertReader,
        {
            "alert_id": alert.id,
            "story_id": alert.story_id,
            "state": AlertReaderState.WAITING,
            "decided_at": now,
            "due_at": now,
        },
        ("subscriber_id", "rules", "changes"),
        ((reader, as_stored(rules), as_stored(changes)) for reader, rules, changes in given),
        order=("subscriber_id",),
    )


def _worth_it(session: Session, news: News, limits: Limits, found: Sequence[Concerned]) -> Iterator[Given]:
    """Those to whom it is news."""
    readers = [one.subscriber_id for one in found]
    knew, waiting = known(session, news.story_id, readers), waits(session, news.story_id, readers)
    mutes = _mutes(session, news, {one.lens_id for one in found})
    silenced = set(
        session.scalars(
            select(MutedStory.subscriber_id).where(
                MutedStory.story_id == news.story_id, among(MutedStory.subscriber_id, readers)
            )
        )
    )
    #: what is new to them; None where it is no news
    decided: dict[tuple[int, str | None, bool], tuple[str, ...] | None] = {}
    for reader, lens_id, rules in found:
        told, awaited = knew.get(reader), waiting.get(reader)
        if rules and awaited and _will_do(awaited, rules, news):
            continue  # but for a line of the editors
        mute = "muted this story" if reader in silenced else mutes.get(lens_id)
        case = id(told), mute, awaited is not None  # who know the same share one value
        if case not in decided:
            judged = is_news(news, told, limits, muted=mute, waits=awaited is not None)
            decided[case] = judged.changes if judged.passed else None
        changes = decided[case]
        if changes is not None:
            yield Given(reader, rules, changes)


def _will_do(awaited: Awaited, rules: Collection[int], news: News) -> bool:
    """Whether what waits says as much, and will be told: by the editors, or by a rule that is still met."""
    return says_as_much(awaited.told, news) and not (awaited.rules and awaited.rules.isdisjoint(rules))


def _mutes(session: Session, news: News, lens_ids: Collection[int]) -> dict[int, str]:
    """Lens id → why its readers want to hear nothing of the story; others are not there."""
    judged = ((lens_id, muted(lens, news)) for lens_id, lens in lenses_of(session, lens_ids, any_mute()))
    return {lens_id: why for lens_id, why in judged if why}


def _summary(session: Session, alert: Alert) -> str:
    readers = session.scalar(
        select(func.count()).select_from(AlertReader).where(AlertReader.alert_id == alert.id)
    )
    return f"news to {readers or 0:,} reader{'' if readers == 1 else 's'}"
