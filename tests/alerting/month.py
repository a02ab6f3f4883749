"""A month that passes: a clock that is set, stories that come in at their moment, and mail that is kept."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from sqlalchemy import Engine, Select, func, select, text

from newsletter import tasks
from newsletter.alerts.matching import anchors
from newsletter.intake.take_in import take_in
from newsletter.mail import Content, Enough, HandedOver, Mail, Outcome, Verdict
from newsletter.models import Alert, AlertReader, Delivery, Story
from newsletter.sources.records import Incoming
from newsletter.store.engine import reading, writing
from newsletter.tick import tick, tick_issues
from newsletter.wiring import Services
from subscribers import watching
from subscribers.address import parse
from subscribers.admission import vouch
from subscribers.alert_models import Watch
from subscribers.alert_rule import AlertRule
from subscribers.enrolment import Applicant
from subscribers.ledger import Channel, Evidence
from subscribers.models import Subscriber
from tests.alerting.acts import Newsroom, become
from tests.alerting.readers import Reader, Wishes
from tests.alerting.stories import Arrival

STEP = timedelta(minutes=30)
#: when issues are planned, close or appear
ISSUES = ((4, 0, 0), (4, 30, 0), (6, 0, 0), (7, 0, 0), (16, 0, 0))
#: once a day all is done that a clock does
NOON = (12, 0, 0)
#: steps that are gone slowly while a flood comes
SLOWLY = timedelta(seconds=6)


class HandedOverMail(NamedTuple):
    at: datetime
    delivery_id: int
    to: str
    content: Content


class Look(NamedTuple):
    """That a story stood at this revision when the alerts were struck."""

    at: datetime
    story_id: int
    revision: int


class Postbox:
    """A provider that keeps what it takes, with the moment at which it took it."""

    name = "folder"
    max_batch = 1_000

    def __init__(self, chance: random.Random, *, in_doubt: float, not_taken: float) -> None:
        self.mails: list[HandedOverMail] = []
        self.now = datetime.min.replace(tzinfo=UTC)
        self._chance = chance
        self._in_doubt, self._not_taken = in_doubt, not_taken

    def hand_over(self, mails: Sequence[Mail], enough: Enough) -> HandedOver:
        return HandedOver({mail.delivery_id: self._take(mail) for mail in mails})

    def _take(self, mail: Mail) -> Outcome:
        fate = self._chance.random()
        if fate < self._not_taken:
            return Outcome(Verdict.NOT_TAKEN, "come again")
        self.mails.append(HandedOverMail(self.now, mail.delivery_id, mail.to, mail.content))
        if fate < self._not_taken + self._in_doubt:
            return Outcome(Verdict.UNKNOWN, "no answer")
        return Outcome(Verdict.ACCEPTED, message_id=f"{mail.delivery_id}")

    def check(self) -> str:
        return "mails are kept"


@dataclass
class Month:
    """What happens, and all that a judge needs to know of it beside the rows."""

    services: Services
    readers: Sequence[Reader]
    start: datetime
    end: datetime
    arrivals: list[Arrival]
    seed: int = 0
    #: so many acts of each kind editors do
    busy: int = 0
    #: from when until when no machine ran
    outages: Sequence[tuple[datetime, datetime]] = ()
    #: around which the clock is set by seconds
    flood_at: datetime | None = None
    in_doubt: float = 0.0
    not_taken: float = 0.0
    looks: list[Look] = field(default_factory=list)
    #: alert reader's id → each state it was seen in, and when first
    seen: dict[int, list[tuple[datetime, str]]] = field(default_factory=dict)
    #: reader's name → their number
    ids: dict[str, int] = field(default_factory=dict)
    #: reader's number → what they wanted from when on
    lived: dict[int, list[tuple[datetime, Wishes]]] = field(default_factory=dict)
    #: editors' alert → when it was seen to be on its way
    released: dict[int, datetime] = field(default_factory=dict)
    steps: int = 0

    def __post_init__(self) -> None:
        chance = random.Random(7)
        self.postbox = Postbox(chance, in_doubt=self.in_doubt, not_taken=self.not_taken)
        self.services = replace(self.services, provider=self.postbox)
        self.engine: Engine = self.services.engine
        self.newsroom = Newsroom(random.Random(self.seed))

    def pass_by(self) -> None:
        """Let all of it happen."""
        before = self.start - timedelta(days=1)
        self.ids = subscribe(self.services, self.readers, now=before)
        self.lived = {self.ids[one.name]: [(before, one.first)] for one in self.readers}
        acts = sorted(self._acts(), key=lambda act: act[0], reverse=True)
        dispatcher = self.services.dispatcher()
        left, now = list(reversed(self.arrivals)), self.start
        while now < self.end:
            now += self._step(now)
            if any(begin <= now < end for begin, end in self.outages):
                continue
            come = []
            while left and left[-1].at <= now:
                come.append(left.pop().record)
            self._take_in(come, now)
            acted = False
            while acts and acts[-1][0] <= now:
                acts.pop()[1](now)
                acted = True
            if come or acted:
                self._note_news(now)
            self.postbox.now = now
            clock = (now.hour, now.minute, now.second)
            if clock == NOON:
                tick(self.services, now)
            elif come or acted or clock in ISSUES or self._is_due(now):
                if clock in ISSUES:
                    tick_issues(self.services, now)
                tasks.alert(self.services, now)
                dispatcher.run(now)
            else:
                continue
            self.steps += 1
            self._observe(now)

    def _acts(self) -> Iterator[tuple[datetime, Callable[[datetime], None]]]:
        """What people do, and when."""
        for reader in self.readers:
            for at, wishes in reader.later:
                yield at, partial(self._change, self.ids[reader.name], wishes)
        chance = random.Random(self.seed)
        for act in (self.newsroom.alert, self.newsroom.cancel, self.newsroom.correct) * self.busy:
            yield self.start + (self.end - self.start) * chance.random(), partial(act, self.services)

    def _change(self, number: int, wishes: Wishes, now: datetime) -> None:
        become(self.services, number, self.lived[number][-1][1], wishes, now)
        self.lived[number].append((now, wishes))

    def _step(self, now: datetime) -> timedelta:
        is_flood = self.flood_at and self.flood_at <= now < self.flood_at + timedelta(minutes=2)
        return SLOWLY if is_flood else STEP - (now - self.start) % STEP

    def _take_in(self, come: Iterable[Incoming], now: datetime) -> None:
        if not come:
            return
        with writing(self.engine) as session:
            report = take_in(session, come, now=now)
            assert not report.refused, report.refused

    def _note_news(self, now: datetime) -> None:
        with reading(self.engine) as session:
            changed = select(Story.id, Story.revision).where(Story.changed_at == now)
            self.looks += [Look(now, *row) for row in session.execute(changed)]

    def _is_due(self, now: datetime) -> bool:
        with reading(self.engine) as session:
            mails = select(func.min(Delivery.due_at)).where(Delivery.state == "queued")
            waits = select(func.min(AlertReader.due_at)).where(AlertReader.state == "waiting")
            approved = select(func.min(Alert.release_at)).where(Alert.state == "approved")
            moments = (session.scalar(query) for query in (mails, waits, approved))
            return any(due and due <= now for due in moments)

    def _observe(self, now: datetime) -> None:
        """Note whatever changed its state."""
        waiting = [number for number, states in self.seen.items() if states[-1][1] == "waiting"]
        new = f"id > {max(self.seen, default=0)}"
        old = f" OR id IN ({', '.join(map(str, waiting))})" if waiting else ""
        with reading(self.engine) as session:
            for number, state in session.execute(
                text(f"SELECT id, state FROM alert_reader WHERE {new}{old}")
            ):
                states = self.seen.setdefault(number, [])
                if not states or states[-1][1] != state:
                    states.append((now, state))
            for number in session.scalars(_on_their_way(self.newsroom.aims)):
                self.released.setdefault(number, now)


def _on_their_way(alert_ids: Iterable[int]) -> Select[int]:
    return select(Alert.id).where(Alert.id.in_(alert_ids), Alert.state.in_(("spreading", "spread")))


def subscribe(services: Services, readers: Sequence[Reader], *, now: datetime) -> dict[str, int]:
    """Let them in, with their rules and choices; by name the number of each."""
    with writing(services.engine) as session:
        for digests in sorted({reader.first.digests for reader in readers}):
            vouch(
                session,
                [
                    Applicant(parse(one.address), one.first.lens, one.first.rhythm)
                    for one in readers
                    if one.first.digests == digests
                ],
                (*digests, "alerts"),
                Evidence(Channel.IMPORT, "paper form", None, now),
                services.fingerprints,
            )
        numbers = dict(session.execute(select(Subscriber.email, Subscriber.id)).all())
        ids = {reader.name: numbers[reader.address] for reader in readers}
        known = {rule: watching.intern(session, rule, anchors(rule)) for rule in _rules(readers)}
        for reader in readers:
            number = ids[reader.name]
            watching.choose(session, number, reader.first.choices)
            for rule in reader.first.rules:
                session.add(Watch(subscriber_id=number, rule_id=known[rule], made_at=now))
        return ids


def _rules(readers: Sequence[Reader]) -> list[AlertRule]:
    return sorted(
        {rule for reader in readers for rule in reader.first.rules}, key=lambda rule: rule.fingerprint()
    )
