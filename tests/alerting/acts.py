"""What people do in the month: readers who come to want something else, and editors at their desk."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.alert_desk.editing import CHANGEABLE, Wanted, change, draft
from newsletter.alert_desk.letting_go import Barred, approve, cancel, draft_hash
from newsletter.alerts.matching import anchors
from newsletter.content import Maker, Tldr
from newsletter.desk import correcting
from newsletter.desk.correcting import By
from newsletter.intake.take_in import take_in
from newsletter.models import Alert, AlertReader, Story
from newsletter.models.desk import CorrectionKind
from newsletter.release import Actor
from newsletter.sources.records import Incoming
from newsletter.store.engine import writing
from newsletter.wiring import Services
from subscribers import consent, pausing, watching
from subscribers.address import parse
from subscribers.ledger import Channel
from subscribers.models import Subscriber
from tests.alerting.readers import LEFT, PAUSED, Wishes
from tests.alerting.stories import AUDIENCES

LIFE = timedelta(hours=24)
LONG = timedelta(days=365)


def become(services: Services, number: int, before: Wishes, after: Wishes, now: datetime) -> None:
    """Let the reader say, by all the ways there are, what they want from now on."""
    with writing(services.engine) as session:
        reader = session.get_one(Subscriber, number)
        consent.change(
            session, reader, lens=after.lens, rhythm=after.rhythm, channel=Channel.LINK, wording="Save",
            now=now,
        )  # fmt: skip
        watching.choose(session, number, after.choices)
        _watch(session, reader, before, after, now)
        if after.away != before.away:
            _stay_away(session, reader, before.away, after.away, services, now)
        for slug in set(before.digests) - set(after.digests):
            _leave(session, reader, slug, now)
        if more := sorted(set(after.digests) - set(before.digests)):
            _join(session, reader, more, services, now)


def _watch(session: Session, reader: Subscriber, before: Wishes, after: Wishes, now: datetime) -> None:
    ids = {rule: watching.intern(session, rule, anchors(rule)) for rule in {*before.rules, *after.rules}}
    gone, new = (
        [one for one in before.rules if one not in after.rules],
        [one for one in after.rules if one not in before.rules],
    )
    for rule in gone:
        watch = watching.watch_of(session, reader.id, ids[rule])
        assert watch is not None
        if new:
            narrower = new.pop()
            watching.change(session, watch, narrower, anchors(narrower), now=now)
        else:
            watching.stop(session, watch)
    for rule in new:
        watching.hold(session, reader, rule, anchors(rule), now=now)
    for rule in after.rules:
        watch = watching.watch_of(session, reader.id, ids[rule])
        assert watch is not None
        if rule in after.resting:
            watching.pause(watch, now + LONG)
        else:
            watching.resume(watch)


def _stay_away(
    session: Session, reader: Subscriber, was: str, how: str, services: Services, now: datetime
) -> None:
    if how == LEFT:
        _leave(session, reader, "alerts", now)
    elif how == PAUSED:
        pausing.pause(session, reader, "alerts", now + LONG, channel=Channel.LINK, wording="Pause", now=now)
    elif was == PAUSED:
        pausing.resume(session, reader, "alerts", channel=Channel.LINK, wording="Resume", now=now)
    else:
        _join(session, reader, ["alerts"], services, now)


def _leave(session: Session, reader: Subscriber, slug: str, now: datetime) -> None:
    consent.unsubscribe(session, reader.public_id, slug, channel=Channel.ONE_CLICK, wording="Stop", now=now)


def _join(
    session: Session, reader: Subscriber, slugs: Sequence[str], services: Services, now: datetime
) -> None:
    """By their own yes, since no operator brings back who left."""
    consent.request(
        session, parse(reader.email), slugs, channel=Channel.FORM, wording="Subscribe",
        fingerprints=services.fingerprints, now=now,
    )  # fmt: skip
    consent.confirm(
        session, reader.public_id, slugs, channel=Channel.LINK, wording="Confirm",
        fingerprints=services.fingerprints, now=now,
    )  # fmt: skip


#: what editors write as a segment → whether it means a reader who wants this
SEGMENTS: Mapping[str, Callable[[Wishes], bool]] = {
    "newsletter = weekly": lambda one: "weekly" in one.digests,
    "zone = Europe/Paris or zone = Asia/Tokyo": lambda one: (
        one.rhythm.timezone in ("Europe/Paris", "Asia/Tokyo")
    ),
    "audience = Researchers and not newsletter = daily": lambda one: (
        "researchers" in one.lens.audiences and "daily" not in one.digests
    ),
    'company = "Sample Lab A" or company = "Sample Lab B"': lambda one: bool(
        {"sample lab a", "sample lab b"} & one.lens.companies
    ),
}


class Aim(NamedTuple):
    """Whom the editors meant by an alert."""

    audiences: tuple[str, ...]
    segment: str

    def means(self, wishes: Wishes) -> bool:
        chosen = wishes.lens.audiences
        named = {audience.casefold() for audience in self.audiences}
        if named and (not chosen or chosen & named):
            return True
        return bool(self.segment) and SEGMENTS[self.segment](wishes)


class Wrong(NamedTuple):
    """A correction that was confirmed."""

    at: datetime
    correction_id: int
    story_id: int
    #: all up to this revision was wrong; of a retracted story, whatever it will say, too
    revision: int
    retracts: bool

    def covers(self, story_id: int, revision: int) -> bool:
        return story_id == self.story_id and (self.retracts or revision <= self.revision)


@dataclass
class Newsroom:
    """The editors, and what they did."""

    chance: random.Random
    #: alert's id → whom it was aimed at
    aims: dict[int, Aim] = field(default_factory=dict)
    #: alert's id → when it was cancelled
    cancelled: dict[int, datetime] = field(default_factory=dict)
    wrongs: list[Wrong] = field(default_factory=list)

    def alert(self, services: Services, now: datetime) -> None:
        """Let an alert of a story of the day go: at once, or later."""
        chance, ada = self.chance, Actor("Ada", now)
        with writing(services.engine) as session:
            fresh = select(Story).where(Story.first_seen_at > now - LIFE).order_by(Story.id)
            stories = session.scalars(fresh).all()
            if not stories:
                return
            alert = draft(session, chance.choice(stories), ada, life=LIFE)
            if alert.id in self.aims:
                return
            segment = chance.choice(("", *SEGMENTS))
            audiences = chance.sample(AUDIENCES, chance.choice((1, 1, 2) if not segment else (0, 1)))
            aim = Aim(tuple(audiences), segment)
            change(session, alert, Wanted("We think you should know.", "", *aim), ada)
            seen = draft_hash(session, alert, services.renderer)
            at = chance.choice((None, None, now + timedelta(hours=3)))
            try:
                approve(
                    session, alert, services.renderer, services.look_over_alert, ada,
                    seen=seen, life=LIFE, at=at,
                )  # fmt: skip
            except Barred:
                return
            self.aims[alert.id] = aim

    def cancel(self, services: Services, now: datetime) -> None:
        """Stop an alert of theirs that is not all told."""
        with writing(services.engine) as session:
            going = select(Alert).where(Alert.id.in_(self.aims)).order_by(Alert.id.desc())
            for alert in session.scalars(going):
                if alert.id not in self.cancelled and alert.state in (*CHANGEABLE, "spreading", "spread"):
                    cancel(session, alert, Actor("Ada", now))
                    self.cancelled[alert.id] = now
                    return

    def correct(self, services: Services, now: datetime) -> None:
        """Say that what alerts told of a story lately, or are to tell, was wrong, and tell what is right."""
        with writing(services.engine) as session:
            lately = select(AlertReader.story_id).where(AlertReader.decided_at > now - LIFE)
            told = sorted(set(session.scalars(lately)) - {wrong.story_id for wrong in self.wrongs})
            if not told:
                return
            story = session.get_one(Story, self.chance.choice(told))
            kind = self.chance.choice((CorrectionKind.CORRECTION, CorrectionKind.RETRACTION))
            revision = self.chance.choice((story.revision, max(1, story.revision - 1)))
            text, by = "It was nine percent, and not ninety.", By(now)
            made = correcting.write(session, story, kind=kind, text=text, revision=revision, by=by)
            session.flush()
            correcting.confirm(session, made.id, by=by)
            retracts = kind is CorrectionKind.RETRACTION
            self.wrongs.append(Wrong(now, made.id, story.id, made.revision, retracts))
            # else no issue that takes it in can be approved
            if not retracts and made.revision == story.revision:
                right = Tldr("It was nine percent.", Maker.EDITOR)
                mended = [
                    Incoming(one.external_id, replace(one.content, tldr=right), "desk")
                    for one in story.records
                ]
                take_in(session, mended, now=now)
