"""Gathering: all that decides about what waits for readers, read for many of them at once."""

import json
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from newsletter.alerts.aim import because, by_editors
from newsletter.alerts.known import told_since
from newsletter.alerts.looking import news_of_alerts
from newsletter.alerts.matching import News, judge
from newsletter.alerts.phrases import count
from newsletter.alerts.pieces import AlertTelling, Pieces, from_json, is_as_approved
from newsletter.alerts.readers import as_they_are
from newsletter.alerts.sparing import TAKEN_BACK, Limits, Reader, Waiting
from newsletter.alerts.standing import Held, taken_back
from newsletter.alerts.wanted import Mutes, watched, why_unwanted
from newsletter.alerts.wording import MOST_TERMS, words
from newsletter.corrections.book import as_wrong
from newsletter.corrections.owing import Debts
from newsletter.corrections.rules import Owed
from newsletter.memory import Told as Knew
from newsletter.memory import news_since
from newsletter.models import Alert, AlertReader, Correction
from newsletter.models.alert import AlertKind, AlertReaderState, of_state
from newsletter.rendering.joining import CORRECTION, Fired
from newsletter.rendering.pieces import Form
from newsletter.suggestions import company_names
from subscribers import roster
from subscribers.alert_models import AlertRuleRecord
from subscribers.alert_rule import AlertRule
from subscribers.among import among, one_of
from subscribers.lens import term

#: why a correction comes, for the footer
CORRECTS = "A correction of what we told you"


class Row(NamedTuple):
    """An `AlertReader` that waits."""

    id: int
    alert_id: int
    subscriber_id: int
    rules: tuple[int, ...]
    changes: tuple[str, ...]
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """What waits for a reader; and for others for whom all is the same that decides on it."""

    reader: Reader
    #: of the first of them, by their ids
    rows: Mapping[int, Row]
    waiting: Sequence[Waiting]
    #: by the id of the row, why it is not told any more: its reader left, or stopped the rule
    barred: Mapping[int, str]
    #: rows of alerts that are not what was approved
    untrue: Collection[int]
    #: the rows of each of them, in the order of the first one's
    alike: Sequence[Sequence[Row]]

    def like(self, row_id: int) -> list[Row]:
        """That row of the first of them, and what is the same for the others."""
        place = [*self.rows].index(row_id)
        return [rows[place] for rows in self.alike]


@dataclass(frozen=True, slots=True)
class Told:
    """An alert, ready to be told."""

    alert: Alert
    news: News
    pieces: Pieces
    #: whether that is what was approved
    is_true: bool

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
            by_editors=self.alert.kind == AlertKind.EDITORS,
            # whether that told the correction, too, is asked by itself
            told_since=None if self.corrects else told_since,
            names={company.key: company.name for company in content.companies},
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
        self._names = company_names(session, {key for rule in self._rules.values() for key in rule.companies})
        self._facts: dict[tuple[int, int], Fired] = {}
        self._watched = watched(session, zones, now=now)
        self._mutes = Mutes(session, zones)
        self._debts, self._owed = _owed(session, zones, self._told.values())
        self._known = told_since(session, [row.id for row in self._rows])
        self._places = roster.recipients(session, list(zones), slug, now=now)
        self._readers = as_they_are(session, zones, limits, now=now)
        self._taken_back = taken_back(session, list(self._held()))

    def cases(self) -> Iterator[Case]:
        """All readers for whom something waits that can be told, alike ones together."""
        by_reader: dict[int, list[Row]] = {}
        for row in self._rows:
            by_reader.setdefault(row.subscriber_id, []).append(row)
        alike: dict[Hashable, list[Sequence[Row]]] = {}
        for reader, rows in by_reader.items():
            decides = self._readers[reader], *map(self._decides, rows)
            alike.setdefault(decides, []).append(rows)
        return map(self._case, alike.values())

    def _decides(self, row: Row) -> Hashable:
        """What decides on it, and what is said of it, besides what holds of its reader."""
        owed = self._owed.get((row.subscriber_id, self._told[row.alert_id].alert.correction_id))
        known, bar = self._known.get(row.id), self._bar(row)
        words = owed and self._debts.words(owed)
        return row.alert_id, self._live(row), row.changes, row.decided_at, known, bar, words

    def _case(self, alike: Sequence[Sequence[Row]]) -> Case:
        rows = {row.id: row for row in alike[0]}
        barred = {row.id: why for row in alike[0] if (why := self._bar(row))}
        untrue = {row.id for row in alike[0] if not self._told[row.alert_id].is_true} - barred.keys()
        waiting = [
            self._told[row.alert_id].waits(row, self._known.get(row.id))
            for row in alike[0]
            if row.id not in barred and row.id not in untrue
        ]
        return Case(self._readers[alike[0][0].subscriber_id], rows, waiting, barred, untrue, alike)

    def pieces(self, tellings: Sequence[AlertTelling]) -> Mapping[int, Pieces]:
        """Those of the alerts, by their ids."""
        return {one.alert_id: self._told[one.alert_id].pieces for one in tellings}

    def telling(self, row: Row, newer: Row | None = None) -> AlertTelling:
        """What the mail says of the alert to this reader; with `newer` facts beside it, which those are."""
        told = self._told[row.alert_id]
        alert = told.alert
        about = AlertTelling(alert.id, alert.story_id, alert.revision, Form.ALERT, changes=row.changes)
        if told.corrects:
            told_wrong = self._debts.words(self._owed[row.subscriber_id, alert.correction_id])
            fired = Fired(CORRECTION, CORRECTS, (told_wrong,))
            return replace(about, form=Form.CORRECTION, changes=(told_wrong,), fired=(fired,))
        if alert.kind == AlertKind.EDITORS:
            about = replace(about, because=because(alert), fired=(by_editors(alert),))
            return self._updated(about, told.news, self.telling(newer)) if newer else about
        found = tuple(self._fired(rule_id, row.alert_id) for rule_id in self._live(row))
        outlets = count(len(told.news.content.outlets), "outlet")
        return replace(about, because=(f"Your alert: {found[0].words}", outlets), fired=found)

    def _updated(self, about: AlertTelling, news: News, newer: AlertTelling) -> AlertTelling:
        """With what is new since it was approved, and the rules that this met."""
        known, since = Knew(news.revision, news.content, news.seen_at), self._told[newer.alert_id].news
        changes = newer.changes or news_since(known, since.content, now=since.seen_at)
        why, fired = (*about.because, *newer.because), (*about.fired, *newer.fired)
        return replace(about, revision=newer.revision, because=why, changes=changes, fired=fired)

    def _bar(self, row: Row) -> str | None:
        place = self._places[row.subscriber_id]
        if isinstance(place, str):
            return place
        alert = self._told[row.alert_id].alert
        choices = self._readers[row.subscriber_id].choices
        mute = self._mutes.why(row.subscriber_id, self._told[row.alert_id].news)
        if why := why_unwanted(alert.kind, live=self._live(row), choices=choices, mute=mute):
            return why
        if alert.correction_id and (row.subscriber_id, alert.correction_id) not in self._owed:
            return "heard of the correction by other means, or was not told what was wrong"
        return TAKEN_BACK if row.id in self._taken_back else None

    def _held(self) -> Iterator[Held]:
        """What their rules found, as far as nothing else keeps it from being told."""
        for row in self._rows:
            told, live = self._told[row.alert_id], self._live(row)
            if told.alert.kind == AlertKind.RULES and live and row.id not in self._known:
                rules = tuple(self._rules[rule_id] for rule_id in live)
                yield Held(row.id, row.subscriber_id, told.alert, told.news.content, rules)

    def _live(self, row: Row) -> tuple[int, ...]:
        """The rules that fired and that the reader still holds."""
        return tuple(rule_id for rule_id in row.rules if (row.subscriber_id, rule_id) in self._watched)

    def _fired(self, rule_id: int, alert_id: int) -> Fired:
        if (rule_id, alert_id) not in self._facts:
            rule, news = self._rules[rule_id], self._told[alert_id].news
            self._facts[rule_id, alert_id] = _fired(rule_id, rule, news, self._names)
        return self._facts[rule_id, alert_id]


def _fired(rule_id: int, rule: AlertRule, news: News, names: Mapping[str, str]) -> Fired:
    facts = judge(rule, news, leads=lambda: True)
    names = {**names, **{company.key: company.name for company in news.content.companies}}
    names |= {term(audience): audience for audience in news.content.audiences}
    return Fired(
        rule_id, words(rule, names, most=MOST_TERMS), tuple(fact.text for fact in facts if fact.shown)
    )


def _rows(session: Session, readers: Collection[int]) -> list[Row]:
    @cache  # thousands of readers have the same
    def values(document: str) -> tuple[Any, ...]:
        return tuple(json.loads(document))

    # past the session, which would take longer over each row than the database
    found = session.connection().execute(
        select(
            AlertReader.id,
            AlertReader.alert_id,
            AlertReader.subscriber_id,
            cast(AlertReader.rules, Text),
            cast(AlertReader.changes, Text),
            AlertReader.decided_at,
        )
        .where(one_of(AlertReader.subscriber_id, readers), of_state(AlertReaderState.WAITING))
        .order_by(AlertReader.subscriber_id, AlertReader.id)
    )
    return [
        Row._make((row_id, alert_id, subscriber_id, values(rules), values(changes), decided_at))
        for row_id, alert_id, subscriber_id, rules, changes, decided_at in found.all()
    ]


def _told(session: Session, alert_ids: Collection[int]) -> dict[int, Told]:
    """The alerts that have their pieces."""
    alerts = [
        alert for alert in session.scalars(select(Alert).where(among(Alert.id, alert_ids))) if alert.pieces
    ]
    news = news_of_alerts(session, alerts)
    return {
        alert.id: Told(alert, news[alert.id], from_json(alert.pieces), is_as_approved(alert))
        for alert in alerts
    }


def _owed(
    session: Session, readers: Collection[int], told: Collection[Told]
) -> tuple[Debts, dict[tuple[int, int | None], Owed]]:
    """(reader, correction) → what they were told wrong, as long as they have not heard of it."""
    ids = {one.alert.correction_id for one in told if one.alert.correction_id is not None}
    corrections = session.scalars(select(Correction).where(Correction.id.in_(ids))) if ids else ()
    debts = Debts(session, [as_wrong(one) for one in corrections])
    return debts, {
        (reader, one.correction_id): one for reader, owed in debts.readers(of=readers) for one in owed
    }


def _rules(session: Session, rule_ids: Collection[int]) -> dict[int, AlertRule]:
    if not rule_ids:
        return {}
    records = session.scalars(select(AlertRuleRecord).where(among(AlertRuleRecord.id, rule_ids)))
    return {record.id: record.rule for record in records}
