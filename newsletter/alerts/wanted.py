"""Wanted: whether a reader still wants an alert that was found to concern them.

Asked when it is to be mailed, and once more of a mail that had to wait in the outbox: meanwhile its reader
may have stopped a rule, muted a company or chosen quiet.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from newsletter.alerts.budget import Asking
from newsletter.alerts.leading import any_mute, muted
from newsletter.alerts.looking import news_of_alerts
from newsletter.alerts.matching import News
from newsletter.alerts.quiet import quiet_until
from newsletter.alerts.sparing import IN_QUIET, comes_in_quiet
from newsletter.models import Alert, AlertReader, Delivery
from newsletter.models.alert import AlertKind, AlertReaderState, of_state
from newsletter.store.engine import UNSEEN
from subscribers.alert_choices import AlertChoices, InQuiet
from subscribers.alert_models import Watch
from subscribers.among import among, one_of
from subscribers.lens import Lens
from subscribers.models import LensRecord, MutedStory, Subscriber
from subscribers.watching import choices_of

#: after so long in the outbox a mail is asked about once more; most leave within a second
WAITED = timedelta(minutes=1)


def why_unwanted(kind: str, *, live: Sequence[int], choices: AlertChoices, mute: str | None) -> str | None:
    """Why an alert of that kind is wanted no more by a reader who still holds `live` of the rules that fired,
    and for whom `mute` says why they want to hear nothing of the story; None where it is. Pure.

    A correction is owed to whoever was told wrong.
    """
    if kind == AlertKind.CORRECTION:
        return None
    if kind == AlertKind.RULES and not live:
        return "its alert was stopped or paused"
    if kind == AlertKind.EDITORS and not choices.from_editors:
        return "wants no alerts from the editors"
    return mute


def watched(session: Session, readers: Collection[int], *, now: datetime) -> set[tuple[int, int]]:
    """(reader, rule) for the rules that they hold and have not paused."""
    found = session.connection().execute(
        select(Watch.subscriber_id, Watch.rule_id).where(
            one_of(Watch.subscriber_id, readers),
            or_(Watch.paused_until.is_(None), Watch.paused_until <= now),
        )
    )
    return {(reader, rule_id) for reader, rule_id in found.all()}


class Mutes:
    """What some readers want to hear nothing of."""

    def __init__(self, session: Session, readers: Collection[int]) -> None:
        self._lenses: dict[int, Lens] = {}
        self._stories: defaultdict[int, set[int]] = defaultdict(set)
        rows = session.execute(
            select(Subscriber.id, LensRecord.definition)
            .join(LensRecord, LensRecord.id == Subscriber.lens_id)
            .where(one_of(Subscriber.id, readers), any_mute())
        )
        for reader, definition in rows:
            self._lenses[reader] = Lens.read(definition)
        stories = select(MutedStory.subscriber_id, MutedStory.story_id)
        for reader, story_id in session.execute(stories.where(one_of(MutedStory.subscriber_id, readers))):
            self._stories[reader].add(story_id)

    def why(self, reader: int, news: News) -> str | None:
        """In words, why the reader wants to hear nothing of it; None where they may."""
        if news.story_id in self._stories.get(reader, ()):
            return "muted this story"
        lens = self._lenses.get(reader)
        return muted(lens, news) if lens else None


class Unwanted(NamedTuple):
    """Why a mail does not leave now."""

    why: str
    #: when the quiet is over into which it is held; None where it does not leave at all
    until: datetime | None = None
    #: until when it is news, where it is held
    expires_at: datetime | None = None


def unwanted(session: Session, mails: Collection[Asking], *, now: datetime) -> dict[int, Unwanted]:
    """Of these mails, by their ids, those whose readers want nothing of what they tell any more, or want
    quiet now.

    One of which they still want anything is not there: what leaves is what was frozen.
    """
    asked = _Asked(session, mails, now)
    found = {mail.delivery_id: asked.why(mail) for mail in mails}
    return {delivery_id: why for delivery_id, why in found.items() if why}


def put_off(session: Session, delivery_ids: Collection[int], found: Unwanted) -> None:
    """They leave when the quiet is over into which they are held."""
    held = update(Delivery).where(among(Delivery.id, delivery_ids))
    later = held.values(due_at=found.until, expires_at=found.expires_at)
    session.execute(later, execution_options=UNSEEN)


class _Asked:
    """What decides about some mails, read at once."""

    def __init__(self, session: Session, mails: Iterable[Asking], now: datetime) -> None:
        self._session, self._now = session, now
        readers = {mail.subscriber_id for mail in mails}
        rows = session.execute(
            select(AlertReader.subscriber_id, AlertReader.edition_id, AlertReader.rules, AlertReader.alert_id)
            .where(
                one_of(AlertReader.subscriber_id, readers),
                of_state(AlertReaderState.MAILED),
                among(AlertReader.edition_id, {mail.edition_id for mail in mails if mail.edition_id}),
            )
            .order_by(AlertReader.id)
        ).all()
        # read once, since its parts are large, and thousands of readers are told it
        ids = {alert_id for *_, alert_id in rows if alert_id}
        alerts = {one.id: one for one in session.scalars(select(Alert).where(among(Alert.id, ids)))}
        self._told: defaultdict[tuple[int, int | None], list[tuple[list[int], Alert]]] = defaultdict(list)
        for reader, edition_id, rules, alert_id in rows:
            if alert_id:
                self._told[reader, edition_id].append((rules, alerts[alert_id]))
        self._watched = watched(session, readers, now=now)
        self._choices = choices_of(session, readers)
        self._mutes = Mutes(session, readers)
        zones = select(Subscriber.id, Subscriber.timezone).where(one_of(Subscriber.id, readers))
        self._zones = {reader: ZoneInfo(name) for reader, name in session.execute(zones)}

    @cached_property
    def _news(self) -> Mapping[int, News]:
        return news_of_alerts(self._session, {alert for told in self._told.values() for _, alert in told})

    def why(self, mail: Asking) -> Unwanted | None:
        reader, choices = mail.subscriber_id, self._choices[mail.subscriber_id]
        told = self._told[reader, mail.edition_id]
        reasons = [self._why_unwanted(reader, rules, alert) for rules, alert in told]
        if reasons and all(reasons):
            return Unwanted(str(reasons[0]))
        until = quiet_until(choices, self._zones[reader], self._now)
        if until is None or all(self._comes_in_quiet(alert, choices) for _, alert in told):
            return None
        expires_at = min(alert.expires_at for _, alert in told)
        is_held = choices.in_quiet is not InQuiet.FOLD and until < expires_at
        return Unwanted(IN_QUIET, until, expires_at) if is_held else Unwanted(IN_QUIET)

    def _why_unwanted(self, reader: int, rules: Iterable[int], alert: Alert) -> str | None:
        live = [rule_id for rule_id in rules if (reader, rule_id) in self._watched]
        mute = self._mutes.why(reader, self._news[alert.id])
        return why_unwanted(alert.kind, live=live, choices=self._choices[reader], mute=mute)

    def _comes_in_quiet(self, alert: Alert, choices: AlertChoices) -> bool:
        corrects = alert.kind == AlertKind.CORRECTION
        return comes_in_quiet(self._news[alert.id].content.impact, choices, corrects=corrects)
