"""Gathering: all that decides about what waits for readers, read for many of them at once."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from newsletter.alerts.aim import because
from newsletter.alerts.budget import mails_of_the_day
from newsletter.alerts.known import mailed_lately, told_since
from newsletter.alerts.looking import news_of
from newsletter.alerts.matching import News, judge
from newsletter.alerts.phrases import count
from newsletter.alerts.pieces import AlertTelling, Pieces, from_json
from newsletter.alerts.sparing import Limits, Reader, Waiting
from newsletter.alerts.wording import words
from newsletter.models import Alert, AlertReader
from newsletter.models.alert import AlertKind, AlertReaderState
from newsletter.newsletters import with_issues
from newsletter.rendering.dates import in_words
from newsletter.rendering.joining import Fired
from newsletter.rendering.pieces import Form
from subscribers import roster
from subscribers.alert_models import AlertRuleRecord, Watch
from subscribers.alert_rule import AlertRule
from subscribers.among import among
from subscribers.lens import term
from subscribers.models import Subscriber, Subscription
from subscribers.roster import receiving
from subscribers.watching import choices_of


class Row(NamedTuple):
    """An `AlertReader` that waits."""

    id: int
    alert_id: int
    subscriber_id: int
    rules: Sequence[int]
    changes: Sequence[str]
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """One reader, and what waits for them."""

    reader: Reader
    rows: Mapping[int, Row]
    waiting: Sequence[Waiting]
    #: by the id of the row, why it is not told any more: its reader left, or stopped the rule
    barred: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Told:
    """An alert, ready to be told."""

    alert: Alert
    news: News
    pieces: Pieces

    @property
    def corrects(self) -> bool:
        return self.alert.kind == AlertKind.CORRECTION

    def waits(self, row: Row, told_since: str | None) -> Waiting:
        content = self.news.content
        return Waiting(
            row.id,
            self.alert.story_id,
            frozenset(self.alert.companies),
            content.impact,
            len(content.outlets),
            row.decided_at,
            self.alert.expires_at,
            corrects=self.corrects,
            told_since=told_since,
        )


class Gathered:
    """What waits for some readers, and who they are."""

    def __init__(
        self,
        session: Session,
        zones: Mapping[int, ZoneInfo],
        slug: str,
        limits: Limits,
        *,
        now: datetime,
    ) -> None:
        """All of it is read at once; the readers are locked by the caller."""
        rows = _rows(session, zones)
        self._told = _told(session, {row.alert_id for row in rows})
        # one without pieces waits until it has some
        self._rows = [row for row in rows if row.alert_id in self._told]
        self._rules = _rules(session, {rule_id for row in self._rows for rule_id in row.rules})
        self._facts: dict[tuple[int, int], Fired] = {}
        self._watched = _watched(session, zones, self._rules, now)
        self._told_at = _told_at(session, zones, [one for one in self._told.values() if one.corrects])
        self._known = told_since(session, [row.id for row in self._rows])
        self._places = roster.recipients(session, list(zones), slug, now=now)
        choices, mails = choices_of(session, zones), mails_of_the_day(session, zones, now)
        lately = now - max(limits.story_rest, limits.company_rest, limits.gather)
        mailed, reads = mailed_lately(session, zones, lately), digest_readers(session, zones, now=now)
        self._readers = {
            reader: Reader(choices[reader], zone, reader in reads, sum(mails[reader]), mailed.get(reader, ()))
            for reader, zone in zones.items()
        }

    def cases(self) -> Iterator[Case]:
        """Each reader for whom something waits that can be told."""
        by_reader: dict[int, dict[int, Row]] = {}
        for row in self._rows:
            by_reader.setdefault(row.subscriber_id, {})[row.id] = row
        for reader, rows in by_reader.items():
            barred = {row.id: why for row in rows.values() if (why := self._bar(row))}
            waiting = [
                self._told[row.alert_id].waits(row, self._known.get(row.id))
                for row in rows.values()
                if row.id not in barred
            ]
            yield Case(self._readers[reader], rows, waiting, barred)

    def pieces(self, tellings: Sequence[AlertTelling]) -> Mapping[int, Pieces]:
        """Those of the alerts, by their ids."""
        return {one.alert_id: self._told[one.alert_id].pieces for one in tellings}

    def telling(self, row: Row) -> AlertTelling:
        """What the mail says of the alert to this reader."""
        told = self._told[row.alert_id]
        alert, changes = told.alert, tuple(row.changes)
        about = AlertTelling(alert.id, alert.story_id, alert.revision, Form.ALERT, changes=changes)
        if told.corrects:
            told_at = self._told_at.get((row.subscriber_id, alert.story_id))
            when = (f"We told you on {in_words(told_at.date(), weekday=True)}",) if told_at else ()
            return replace(about, form=Form.CORRECTION, changes=when)
        if alert.kind == AlertKind.EDITORS:
            return replace(about, because=because(alert))
        fired = tuple(self._fired(rule_id, row.alert_id) for rule_id in self._live(row))
        outlets = count(len(told.news.content.outlets), "outlet")
        return replace(about, because=(f"Your alert: {fired[0].words}", outlets), fired=fired)

    def _bar(self, row: Row) -> str | None:
        place = self._places[row.subscriber_id]
        if isinstance(place, str):
            return place
        by_rules = self._told[row.alert_id].alert.kind == AlertKind.RULES
        return "its alert was stopped or paused" if by_rules and not self._live(row) else None

    def _live(self, row: Row) -> list[int]:
        """The rules that fired and that the reader still holds."""
        return [rule_id for rule_id in row.rules if (row.subscriber_id, rule_id) in self._watched]

    def _fired(self, rule_id: int, alert_id: int) -> Fired:
        if (rule_id, alert_id) not in self._facts:
            self._facts[rule_id, alert_id] = _fired(rule_id, self._rules[rule_id], self._told[alert_id].news)
        return self._facts[rule_id, alert_id]


def _fired(rule_id: int, rule: AlertRule, news: News) -> Fired:
    facts = judge(rule, news, leads=lambda: True)
    names = {company.key: company.name for company in news.content.companies}
    names |= {term(audience): audience for audience in news.content.audiences}
    return Fired(rule_id, words(rule, names), tuple(fact.text for fact in facts if fact.shown))


def _rows(session: Session, readers: Collection[int]) -> list[Row]:
    found = session.execute(
        select(*(getattr(AlertReader, name) for name in Row._fields))
        .where(
            among(AlertReader.subscriber_id, readers),
            AlertReader.state == AlertReaderState.WAITING,
        )
        .order_by(AlertReader.subscriber_id, AlertReader.id)
    )
    return [Row._make(row) for row in found]


def _told(session: Session, alert_ids: Collection[int]) -> dict[int, Told]:
    """The alerts that have their pieces."""
    alerts = [
        alert for alert in session.scalars(select(Alert).where(among(Alert.id, alert_ids))) if alert.pieces
    ]
    told: dict[int, Told] = {}
    while left := {alert.story_id: alert for alert in alerts if alert.id not in told}:
        news = news_of(session, {story_id: alert.revision for story_id, alert in left.items()})
        told |= {
            alert.id: Told(alert, news[story_id], from_json(alert.pieces)) for story_id, alert in left.items()
        }
    return told


def _told_at(
    session: Session, readers: Collection[int], correcting: Collection[Told]
) -> dict[tuple[int, int], datetime]:
    """(reader, story) → when an alert told it last, of the stories that are corrected."""
    if not correcting:
        return {}
    rows = session.execute(
        select(AlertReader.subscriber_id, AlertReader.story_id, func.max(AlertReader.mailed_at))
        .where(
            among(AlertReader.subscriber_id, readers),
            among(AlertReader.story_id, {one.alert.story_id for one in correcting}),
            AlertReader.state == AlertReaderState.MAILED,
        )
        .group_by(AlertReader.subscriber_id, AlertReader.story_id)
    )
    return {(reader, story_id): told_at for reader, story_id, told_at in rows if told_at}


def _rules(session: Session, rule_ids: Collection[int]) -> dict[int, AlertRule]:
    if not rule_ids:
        return {}
    records = session.scalars(select(AlertRuleRecord).where(among(AlertRuleRecord.id, rule_ids)))
    return {record.id: record.rule for record in records}


def _watched(
    session: Session, readers: Collection[int], rule_ids: Collection[int], now: datetime
) -> set[tuple[int, int]]:
    """(reader, rule) for those of the rules that readers hold and have not paused."""
    found = session.execute(
        select(Watch.subscriber_id, Watch.rule_id).where(
            among(Watch.subscriber_id, readers),
            among(Watch.rule_id, rule_ids),
            or_(Watch.paused_until.is_(None), Watch.paused_until <= now),
        )
    )
    return {(reader, rule_id) for reader, rule_id in found}


def digest_readers(session: Session, readers: Collection[int], *, now: datetime) -> set[int]:
    """Those of the readers to whom digests come, into which something can be folded."""
    slugs = [newsletter.slug for newsletter in session.scalars(with_issues())]
    return set(
        session.scalars(
            select(Subscriber.id)
            .join(Subscription, Subscription.subscriber_id == Subscriber.id)
            .where(among(Subscriber.id, readers), Subscription.newsletter.in_(slugs), *receiving(now))
        )
    )
