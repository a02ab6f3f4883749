"""What readers know of a story, read from digests, alerts, and what was left to the next digest.

Nobody is alerted of what they know: after it only a new fact counts. The questions are asked for many
readers at once, in a fixed number of statements.
"""

import json
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from newsletter.alerts.budget import UNTIL_ALL_LEFT
from newsletter.alerts.newness import Known
from newsletter.alerts.outcomes import alerted, left_over
from newsletter.alerts.sparing import WITHOUT_A_WORD, Mailed
from newsletter.content import StoryContent
from newsletter.ledger import MORE_THAN_A_LINE, TELLS_A_STORY
from newsletter.memory import Told, news_since
from newsletter.models import (
    Alert,
    AlertReader,
    Delivery,
    EditionStory,
    Issue,
    Newsletter,
    Pick,
    Story,
    StoryRevision,
)
from newsletter.models.alert import AlertReaderState, of_state
from newsletter.models.delivery import OPEN, TOLD, DeliveryKind
from newsletter.rendering.dates import in_words
from subscribers.among import among, one_of

#: a digest is published as of the moment at which its turn came, and may have to wait for others so long
SLOW = timedelta(hours=1)
_TELLS = (TELLS_A_STORY, MORE_THAN_A_LINE)


class _Telling(NamedTuple):
    """One time at which readers heard of a story, or were spared it."""

    revision: int
    at: datetime
    how: str
    heard: bool = True


def known(
    session: Session, story_id: int, subscriber_ids: Collection[int], *, before: datetime | None = None
) -> dict[int, Known]:
    """What each of the readers was told of the story last, or is about to be told, or was spared.

    Whoever knows nothing of it is not there. Readers who know the same share one value. With `before`,
    what they knew at that instant.
    """
    latest: dict[int, _Telling] = {}
    heard: dict[int, _Telling] = {}
    for tellings in (_by_digests, _by_alerts):
        for subscriber_id, telling in tellings(session, story_id, subscriber_ids):
            if before is not None and telling.at >= before:
                continue
            latest[subscriber_id] = max(telling, latest.get(subscriber_id, telling))
            if telling.heard:
                heard[subscriber_id] = max(telling, heard.get(subscriber_id, telling))
    cases = {reader: (telling, heard.get(reader)) for reader, telling in latest.items()}
    revisions = {(story_id, one.revision) for case in set(cases.values()) for one in case if one}
    contents = _contents(session, revisions)

    def as_told(telling: _Telling) -> Told:
        return Told(telling.revision, contents[story_id, telling.revision], telling.at)

    values = {
        (last, before_it): Known(
            as_told(last),
            last.how,
            spared=not last.heard,
            heard=as_told(before_it) if before_it and not last.heard else None,
        )
        for last, before_it in set(cases.values())
    }
    return {reader: values[case] for reader, case in cases.items()}


def _by_digests(
    session: Session, story_id: int, subscriber_ids: Collection[int]
) -> Iterator[tuple[int, _Telling]]:
    first_seen = select(Story.first_seen_at).where(Story.id == story_id).scalar_subquery()
    issues = {
        issue_id: _Telling(revision, published_at, _digest_in_words(name, published_at))
        for issue_id, revision, published_at, name in session.execute(
            select(Issue.id, Pick.revision, Issue.published_at, Newsletter.name)
            .join(Pick, Pick.issue_id == Issue.id)
            .join(Newsletter, Newsletter.id == Issue.newsletter_id)
            .where(Issue.published_at >= first_seen, Pick.story_id == story_id)
        )
        if published_at is not None
    }
    if not issues:
        return
    rows = session.execute(
        select(Delivery.subscriber_id, Delivery.occasion_id)
        .join(EditionStory, EditionStory.edition_id == Delivery.edition_id)
        .where(
            Delivery.kind == DeliveryKind.DIGEST,
            one_of(Delivery.occasion_id, issues),
            one_of(Delivery.subscriber_id, subscriber_ids),
            Delivery.state.in_(TOLD),
            EditionStory.story_id == story_id,
            *_TELLS,
        )
    )
    for subscriber_id, issue_id in rows:
        if subscriber_id is not None:
            yield subscriber_id, issues[issue_id]


def _by_alerts(
    session: Session, story_id: int, subscriber_ids: Collection[int]
) -> Iterator[tuple[int, _Telling]]:
    """Mails that did not leave are there too: their stories are about to be spared.

    Whoever was to be told newer facts instead, or what is so no more, was spared nothing. A correction tells
    what was wrong, and not what else is new.
    """
    wanted = frozenset(subscriber_ids)
    for row in (*alerted(session, story_id, wanted), *left_over(session, story_id, wanted)):
        is_told = row.state != AlertReaderState.WAITING and not row.corrects
        if is_told and row.reason not in WITHOUT_A_WORD:
            how, heard = _alert_in_words(row.state, row.at), row.state == AlertReaderState.MAILED
            yield row.subscriber_id, _Telling(row.revision, row.at, how, heard)


_HOW = {
    AlertReaderState.MAILED: "told by an alert",
    AlertReaderState.FOLDED: "left to the next digest",
    AlertReaderState.DROPPED: "came up, but was not told,",
}


class Awaited(NamedTuple):
    """What a reader is to be told of the story by an alert that waits for them."""

    told: Told
    #: the ids of the rules by which; none for an alert of the editors
    rules: frozenset[int]


def waits(session: Session, story_id: int, subscriber_ids: Collection[int]) -> dict[int, Awaited]:
    """What waits for each of the readers, if anything; of several the last counts, and no correction."""
    rows = [
        row
        for row in alerted(session, story_id, frozenset(subscriber_ids))
        if row.state == AlertReaderState.WAITING and not row.corrects
    ]
    contents = _contents(session, {(story_id, row.revision) for row in rows})
    return {
        row.subscriber_id: Awaited(
            Told(row.revision, contents[story_id, row.revision], row.at), frozenset(json.loads(row.rules))
        )
        for row in rows
    }


def told_since(session: Session, waiting: Collection[int]) -> dict[int, str]:
    """Of the alerts that wait, by the ids of their `AlertReader`s, those whose reader knows it by now:
    a digest that was published after they came up told the story. In words, which one.

    What that digest did not tell yet, and is news, is worth an alert all the same.
    """
    came_up = session.scalar(select(func.min(AlertReader.decided_at)).where(one_of(AlertReader.id, waiting)))
    if came_up is None:
        return {}
    issues = {
        issue_id: (published_at, name)
        for issue_id, published_at, name in session.execute(
            select(Issue.id, Issue.published_at, Newsletter.name)
            .join(Newsletter, Newsletter.id == Issue.newsletter_id)
            .where(Issue.published_at >= came_up - SLOW)
        )
        if published_at is not None
    }
    if not issues:
        return {}
    rows = session.execute(
        select(
            AlertReader.id,
            AlertReader.decided_at,
            AlertReader.changes,
            AlertReader.story_id,
            Alert.revision,
            EditionStory.revision,
            Delivery.occasion_id,
        )
        .join(Alert, Alert.id == AlertReader.alert_id)
        .join(Delivery, Delivery.subscriber_id == AlertReader.subscriber_id)
        .join(EditionStory, EditionStory.edition_id == Delivery.edition_id)
        .where(
            one_of(AlertReader.id, waiting),
            Delivery.kind == DeliveryKind.DIGEST,
            one_of(Delivery.occasion_id, issues),
            Delivery.state.in_(TOLD),
            EditionStory.story_id == AlertReader.story_id,
            *_TELLS,
        )
    ).all()
    contents = _contents(session, {(row[3], number) for row in rows for number in row[4:6]})
    found = {}
    for reader_id, decided_at, changes, story_id, revision, told, issue_id in rows:
        published_at, name = issues[issue_id]
        before = Told(told, contents[story_id, told], published_at)
        newer = revision > told and news_since(before, contents[story_id, revision], now=published_at)
        # by a slow clock as well: else it would not have come up, or for what it adds to that digest
        since = published_at >= decided_at or told >= revision or not changes
        if since and not newer:
            found[reader_id] = _digest_in_words(name, published_at)
    return found


def mailed_lately(
    session: Session, subscriber_ids: Collection[int], since: datetime, *, now: datetime
) -> dict[int, list[Mailed]]:
    """The alert mails of each reader that left after `since`. One that is about to leave counts
    as leaving at `now`, however long it has waited in the outbox.

    Whoever got none is not there.
    """
    rows = session.execute(
        select(
            AlertReader.subscriber_id,
            AlertReader.edition_id,
            Delivery.state,
            Delivery.settled_at,
            AlertReader.story_id,
            Alert.companies,
        )
        .join(Alert, Alert.id == AlertReader.alert_id)
        .join(
            Delivery,
            and_(
                Delivery.kind == DeliveryKind.ALERT,
                Delivery.occasion_id == AlertReader.edition_id,
                Delivery.subscriber_id == AlertReader.subscriber_id,
            ),
        )
        .where(
            one_of(AlertReader.subscriber_id, subscriber_ids),
            of_state(AlertReaderState.MAILED),
            AlertReader.mailed_at > since - UNTIL_ALL_LEFT,
            Delivery.state.in_(TOLD),
        )
        .order_by(AlertReader.subscriber_id, AlertReader.edition_id)
    )
    mailed: dict[int, list[Mailed]] = {}
    for (subscriber_id, _, state, settled_at), group in groupby(rows, key=itemgetter(slice(4))):
        at = now if state in OPEN else settled_at
        if at <= since:
            continue
        told = [(story_id, companies) for *_, story_id, companies in group]
        companies = frozenset(key for _, keys in told for key in keys)
        mail = Mailed(at, frozenset(story_id for story_id, _ in told), companies)
        mailed.setdefault(subscriber_id, []).append(mail)
    return mailed


def _contents(
    session: Session, revisions: Collection[tuple[int, int]]
) -> dict[tuple[int, int], StoryContent]:
    """(story id, revision) → what it says; the revisions are few, however many readers know them."""
    rows = session.execute(
        select(StoryRevision.story_id, StoryRevision.number, StoryRevision.document).where(
            among(StoryRevision.story_id, {story_id for story_id, _ in revisions}),
            among(StoryRevision.number, {number for _, number in revisions}),
        )
    )
    return {
        (story_id, number): StoryContent.from_json(document)
        for story_id, number, document in rows
        if (story_id, number) in revisions
    }


@lru_cache  # many readers hear of it at one moment
def _alert_in_words(state: AlertReaderState, at: datetime) -> str:
    return f"{_HOW[state]} on {_day(at)}"


def _digest_in_words(newsletter: str, published_at: datetime) -> str:
    return f"told by {newsletter} on {_day(published_at)}"


def _day(at: datetime) -> str:
    return in_words(at.date(), weekday=True)
