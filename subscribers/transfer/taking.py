"""How the people of a file come in, leave or are closed, as the file says, and nobody comes back.

Works on up to 1,000 records at a time, in a fixed number of statements but for closed addresses. What
a file says of leaving is done before what it says of joining.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from subscribers import suppression
from subscribers.admission import Asked, Attested, ask, vouch
from subscribers.enrolment import Applicant, enrol
from subscribers.fingerprints import Fingerprints
from subscribers.ledger import Channel, Evidence
from subscribers.models import Act, Consent, Subscriber, SubscriptionState, SuppressionReason, Tag
from subscribers.transfer.people import ImportReport, KeptOut, Person, Refusal, Status
from subscribers.transfer.restoring import restore
from subscribers.unique import insert_new

REASONS = {
    Status.BOUNCED: SuppressionReason.BOUNCED,
    Status.COMPLAINED: SuppressionReason.COMPLAINED,
    Status.BLOCKED: SuppressionReason.BY_HAND,
}


class Outcome(StrEnum):
    """What became of a record; of several, the first here counts."""

    SUPPRESSED = "suppressed"
    ADDED = "added"
    UNSUBSCRIBED = "unsubscribed"
    CHANGED = "changed"
    KEPT_OUT = "kept_out"
    UNCHANGED = "unchanged"


OUTCOMES = {
    Attested.ADDED: Outcome.ADDED,
    Attested.UPDATED: Outcome.CHANGED,
    Attested.UNCHANGED: Outcome.UNCHANGED,
    Attested.KEPT_OUT: Outcome.KEPT_OUT,
}


@dataclass(frozen=True)
class Terms:
    """On what terms a file is taken in."""

    newsletters: tuple[str, ...]
    #: where and how consent was given, as an operator vouches; without it people are asked
    source: str | None
    #: kept as the words that asked them then
    wording: str


def import_people(
    session: Session,
    records: Iterable[Person | Refusal],
    terms: Terms,
    *,
    fingerprints: Fingerprints,
    now: datetime,
    batch_id: int | None = None,
) -> tuple[ImportReport, list[Asked]]:
    """Take up to 1,000 records in; what became of them, and the confirmations now to be mailed.

    Subscribed people are confirmed where `terms.source` vouches for it, and else asked; pending ones
    are always asked. Doing it again changes nothing. Raises ValueError without a newsletter.
    """
    people: list[Person] = []
    report = ImportReport()
    for record in records:
        if isinstance(record, Person):
            people.append(record)
        else:
            report.refused += 1
            report.refused_lines.append(record)
    portion = _Portion(session, people, terms, fingerprints, now, batch_id)
    outcomes = portion.take()
    for person in people:
        outcome = outcomes[person.line]
        setattr(report, outcome, getattr(report, outcome) + 1)
        if outcome is Outcome.KEPT_OUT:
            report.kept_out_lines.append(KeptOut(person.line, portion.why_kept_out(person)))
    report.asked = len(portion.asked)
    return report, portion.asked


class _Portion:
    """One portion of a file on its way in."""

    def __init__(
        self,
        session: Session,
        people: Sequence[Person],
        terms: Terms,
        fingerprints: Fingerprints,
        now: datetime,
        batch_id: int | None,
    ) -> None:
        self.session = session
        self.people = people
        self.terms = terms
        self.fingerprints = fingerprints
        self.now = now
        self.batch_id = batch_id
        self.asked: list[Asked] = []
        keys = [person.address.key for person in people]
        self.closed = suppression.reasons(session, keys, fingerprints)
        self.known = {each.email_key: each for each in self._subscribers(keys)}
        self.confirmed_here = self._confirmed_here()
        self.outcomes: dict[int, Outcome] = {person.line: Outcome.UNCHANGED for person in people}

    def take(self) -> dict[int, Outcome]:
        """Line → what became of it."""
        joining: dict[tuple[bool, tuple[str, ...]], list[Person]] = defaultdict(list)
        leaving: dict[tuple[str, ...], list[Person]] = defaultdict(list)
        restored: list[Person] = []
        for person in self.people:
            if self._is_new(person) and person.past and person.timezone and self.terms.source:
                restored.append(person)
                continue
            for status, newsletters in self._standing(person):
                if status is Status.UNSUBSCRIBED:
                    leaving[newsletters].append(person)
                elif not status.closes and not person.status.closes:
                    joining[status is Status.SUBSCRIBED, newsletters].append(person)
        self._restore(restored)
        for newsletters, people in leaving.items():
            self._leave(people, newsletters)
        self._close([person for person in self.people if person.status in REASONS])
        for (is_agreed, newsletters), people in joining.items():
            self._join(people, newsletters, is_agreed=is_agreed)
        self._mark()
        return self.outcomes

    def why_kept_out(self, person: Person) -> str:
        if reason := self.closed.get(person.address.key):
            return f"suppressed: {reason}"
        return "unsubscribed"

    def _standing(self, person: Person) -> list[tuple[Status, tuple[str, ...]]]:
        """What the file says of the person and which newsletters."""
        if person.past is None:
            return [(person.status, self.terms.newsletters)]
        told = {
            Status.SUBSCRIBED: person.past.newsletters(SubscriptionState.CONFIRMED),
            Status.PENDING: person.past.newsletters(SubscriptionState.PENDING),
            Status.UNSUBSCRIBED: person.past.newsletters(SubscriptionState.UNSUBSCRIBED),
        }
        return [(status, newsletters) for status, newsletters in told.items() if newsletters]

    def _join(self, people: Sequence[Person], newsletters: Sequence[str], *, is_agreed: bool) -> None:
        applicants = [self._applicant(person) for person in people]
        evidence = Evidence(Channel.IMPORT, self.terms.source or self.terms.wording, None, self.now)
        if is_agreed and self.terms.source:
            became = vouch(self.session, applicants, newsletters, evidence, self.fingerprints)
        else:
            answers = ask(self.session, applicants, newsletters, evidence, self.fingerprints)
            became = [outcome for outcome, _ in answers]
            self.asked += [mail for _, mail in answers if mail]
        for person, outcome in zip(people, became, strict=True):
            self._note(person, OUTCOMES[outcome])

    def _leave(self, people: Sequence[Person], newsletters: Sequence[str]) -> None:
        """Record as unsubscribed, known or not, so that no later file brings them in."""
        shut = [person for person in people if person.address.key in self.closed and self._is_new(person)]
        for person in shut:
            self._note(person, Outcome.KEPT_OUT)
        leavers = [person for person in people if person not in shut]
        found = enrol(self.session, [self._applicant(person) for person in leavers], now=self.now)
        for person in leavers:
            subscriber, at = found[person.address.key], self._left_at(person)
            ended = [
                slug for slug in newsletters if subscriber.state(slug) is not SubscriptionState.UNSUBSCRIBED
            ]
            if not ended or self._came_back(person):
                continue
            for slug in ended:
                subscriber.subscription(slug, at).end(at)
            wording = self.terms.source or "Unsubscribed in the imported file"
            Evidence(Channel.IMPORT, wording, None, at).write(
                self.session, Act.UNSUBSCRIBED, subscriber, ended
            )
            self._note(person, Outcome.UNSUBSCRIBED)
        self.session.flush()

    def _close(self, people: Sequence[Person]) -> None:
        for person in people:
            reason = REASONS[person.status]
            if self.closed.get(person.address.key) is reason or self._came_back(person):
                continue
            note = person.past.note if person.past else "an imported file says so"
            if suppression.suppress(
                self.session,
                person.address,
                reason,
                note=note,
                fingerprints=self.fingerprints,
                now=self._left_at(person),
            ):
                self._note(person, Outcome.SUPPRESSED)

    def _restore(self, people: Sequence[Person]) -> None:
        """People of our own export whom nobody here knows: their subscriptions and ledger as they were."""
        restore(self.session, people, batch_id=self.batch_id, now=self.now)
        for person in people:
            self._note(person, Outcome.ADDED)

    def _mark(self) -> None:
        """Tags and country, for those who are in."""
        people = {
            person.address.key: person
            for person in self.people
            if (person.tags or person.country) and self.outcomes[person.line] is not Outcome.KEPT_OUT
        }
        subscribers = self._subscribers(people)
        held = select(Tag.subscriber_id, Tag.name).where(Tag.subscriber_id.in_([s.id for s in subscribers]))
        known = {tuple(row) for row in self.session.execute(held)} if subscribers else set()
        new = []
        for subscriber in subscribers:
            person = people[subscriber.email_key]
            tags = [
                {"subscriber_id": subscriber.id, "name": tag}
                for tag in sorted(person.tags)
                if (subscriber.id, tag) not in known
            ]
            new += tags
            if person.country and subscriber.country != person.country:
                subscriber.country = person.country
                self._note(person, Outcome.CHANGED)
            if tags:
                self._note(person, Outcome.CHANGED)
        if new:
            insert_new(self.session, Tag, new)
        self.session.flush()

    def _note(self, person: Person, outcome: Outcome) -> None:
        """Keep what counts most."""
        rank = list(Outcome).index
        self.outcomes[person.line] = min(self.outcomes[person.line], outcome, key=rank)

    def _is_new(self, person: Person) -> bool:
        return person.address.key not in self.known

    def _applicant(self, person: Person) -> Applicant:
        return person.applicant(self.known.get(person.address.key), self.batch_id)

    def _left_at(self, person: Person) -> datetime:
        return min(person.left_at or self.now, self.now)

    def _came_back(self, person: Person) -> bool:
        """Whether they confirmed to us themselves after they had left elsewhere."""
        confirmed = self.confirmed_here.get(person.address.key)
        return bool(confirmed and person.left_at and confirmed > person.left_at)

    def _confirmed_here(self) -> dict[str, datetime]:
        """When the owners of these addresses last confirmed to us, by address key."""
        closing = [p.address.key for p in self.people if p.status.closes and not self._is_new(p)]
        if not closing:
            return {}
        rows = self.session.execute(
            select(Subscriber.email_key, func.max(Consent.at).label("at"))
            .join(Consent, Consent.subscriber_id == Subscriber.id)
            .where(Subscriber.email_key.in_(closing), Consent.act == Act.CONFIRMED)
            .group_by(Subscriber.email_key)
        )
        return {row.email_key: row.at for row in rows}

    def _subscribers(self, keys: Collection[str]) -> Sequence[Subscriber]:
        if not keys:
            return []
        return self.session.scalars(select(Subscriber).where(Subscriber.email_key.in_(keys))).all()
