"""How the people of a file come in, leave or are closed, as the file says, and nobody comes back.

Works on some thousand records at a time, in a fixed number of statements but for closed addresses.
Whoever nobody knows yet is written at once (`newcomers`); of the others, what the file says of leaving
is done before what it says of joining.
"""

from collections import Counter, defaultdict
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
from subscribers.transfer.alerts import AnchorsOf
from subscribers.transfer.newcomers import Newcomer, to_be_asked, write
from subscribers.transfer.people import ImportReport, KeptOut, Person, Refusal, Status
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


RANKS = tuple(Outcome)
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
    #: says by what alert rules are found; without it, nobody's are taken in
    anchors: AnchorsOf | None = None


def import_people(
    session: Session,
    records: Iterable[Person | Refusal],
    terms: Terms,
    *,
    fingerprints: Fingerprints,
    now: datetime,
    batch_id: int | None = None,
) -> tuple[ImportReport, list[Asked]]:
    """Take some thousand records in; what became of them, and the confirmations now to be mailed.

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
        self.newsletters = tuple(dict.fromkeys(terms.newsletters))
        if not self.newsletters:
            raise ValueError("name at least one newsletter")
        self.fingerprints = fingerprints
        self.now = now
        self.batch_id = batch_id
        self.joining = Evidence(Channel.IMPORT, terms.source or terms.wording, None, now)
        self.asked: list[Asked] = []
        keys = [person.address.key for person in people]
        self.closed = suppression.reasons(session, keys, fingerprints)
        self.known = {each.email_key: each for each in self._subscribers(keys)}
        self.confirmed_here = self._confirmed_here()
        self.outcomes: dict[int, Outcome] = {person.line: Outcome.UNCHANGED for person in people}

    def take(self) -> dict[int, Outcome]:
        """Line → what became of it."""
        came = self._welcome()
        others = [person for person in self.people if person.line not in came]
        joining: dict[tuple[bool, tuple[str, ...]], list[Person]] = defaultdict(list)
        leaving: dict[tuple[str, ...], list[Person]] = defaultdict(list)
        for person in others:
            for status, newsletters in person.standing(self.newsletters):
                if status is Status.UNSUBSCRIBED:
                    leaving[newsletters].append(person)
                elif not status.closes and not person.status.closes:
                    joining[status is Status.SUBSCRIBED, newsletters].append(person)
        for newsletters, people in leaving.items():
            self._leave(people, newsletters)
        self._close([person for person in self.people if person.status in REASONS])
        for (is_agreed, newsletters), people in joining.items():
            self._join(people, newsletters, is_agreed=is_agreed)
        self._mark(others)
        return self.outcomes

    def _welcome(self) -> set[int]:
        """Write those whom nobody knows and who stand in one line; returns their lines."""
        lines = Counter(person.address.key for person in self.people)
        strangers = [
            newcomer
            for person in self.people
            if self._is_new(person)
            and person.address.key not in self.closed
            and lines[person.address.key] == 1
            and (newcomer := self._newcomer(person))
        ]
        ids = write(self.session, strangers, batch_id=self.batch_id, now=self.now, anchors=self.terms.anchors)
        came = [newcomer for newcomer in strangers if newcomer.person.address.key in ids]
        for newcomer in came:
            self._note(newcomer.person, Outcome.ADDED if newcomer.joins else Outcome.UNSUBSCRIBED)
        self.asked += to_be_asked(self.session, came, ids)
        return {newcomer.person.line for newcomer in came}

    def _newcomer(self, person: Person) -> Newcomer | None:
        leaving, is_vouched = self._leaving(person), bool(self.terms.source)
        return Newcomer.of(person, self.newsletters, self.joining, leaving, is_vouched=is_vouched)

    def why_kept_out(self, person: Person) -> str:
        if reason := self.closed.get(person.address.key):
            return f"suppressed: {reason}"
        return "unsubscribed"

    def _join(self, people: Sequence[Person], newsletters: Sequence[str], *, is_agreed: bool) -> None:
        applicants = [self._applicant(person) for person in people]
        if is_agreed and self.terms.source:
            became = vouch(self.session, applicants, newsletters, self.joining, self.fingerprints)
        else:
            answers = ask(self.session, applicants, newsletters, self.joining, self.fingerprints)
            became = [outcome for outcome, _ in answers]
            self.asked += [mail for _, mail in answers if mail]
        for person, outcome in zip(people, became, strict=True):
            self._note(person, OUTCOMES[outcome])

    def _leave(self, people: Sequence[Person], newsletters: Sequence[str]) -> None:
        """Record as unsubscribed, known or not, so that no later file brings them in."""
        leavers = []
        for person in people:
            if person.address.key in self.closed and self._is_new(person):
                self._note(person, Outcome.KEPT_OUT)
            else:
                leavers.append(person)
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
            self._leaving(person).write(self.session, Act.UNSUBSCRIBED, subscriber, ended)
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

    def _mark(self, people: Sequence[Person]) -> None:
        """Tags and country, for those who are in."""
        marked = {
            person.address.key: person
            for person in people
            if (person.tags or person.country) and self.outcomes[person.line] is not Outcome.KEPT_OUT
        }
        subscribers = self._subscribers(marked)
        held = select(Tag.subscriber_id, Tag.name).where(Tag.subscriber_id.in_([s.id for s in subscribers]))
        known = {tuple(row) for row in self.session.execute(held)} if subscribers else set()
        new = []
        for subscriber in subscribers:
            person = marked[subscriber.email_key]
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
        self.outcomes[person.line] = min(self.outcomes[person.line], outcome, key=RANKS.index)

    def _is_new(self, person: Person) -> bool:
        return person.address.key not in self.known

    def _applicant(self, person: Person) -> Applicant:
        return person.applicant(self.known.get(person.address.key), self.batch_id)

    def _leaving(self, person: Person) -> Evidence:
        wording = self.terms.source or "Unsubscribed in the imported file"
        return Evidence(Channel.IMPORT, wording, None, self._left_at(person))

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
