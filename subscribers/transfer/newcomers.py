"""People of a file whom nobody here knows: all that is theirs, written in a handful of statements.

What they get is what `admission` and `consent` give one person, and those of our own export get what
they had.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from subscribers.admission import Asked
from subscribers.columns import Base
from subscribers.enrolment import intern, new_row
from subscribers.ledger import Evidence
from subscribers.lens import Lens
from subscribers.models import Act, Consent, MutedStory, Subscriber, Subscription, SubscriptionState, Tag
from subscribers.transfer.alerts import AnchorsOf, restore
from subscribers.transfer.people import Past, Person, Status
from subscribers.unique import insert_new


@dataclass(slots=True)
class Newcomer:
    """A person and the rows that they are to get, without whose they are."""

    person: Person
    #: what our own export told, to be restored
    past: Past | None = None
    subscriptions: list[Mapping[str, Any]] = field(default_factory=list)
    consent: list[Mapping[str, Any]] = field(default_factory=list)
    #: newsletters that they are now asked to confirm
    asked: tuple[str, ...] = ()
    #: False for somebody who is kept only as having left
    joins: bool = False

    @classmethod
    def of(
        cls,
        person: Person,
        newsletters: tuple[str, ...],
        joining: Evidence,
        leaving: Evidence,
        *,
        is_vouched: bool,
    ) -> Self | None:
        """What somebody gets by what the file says of them; None where that is nothing.

        `is_vouched`: an operator says where consent was given.
        """
        if person.past and person.timezone and is_vouched:
            return cls._restored(person)
        newcomer = cls(person)
        to_ask: list[str] = []
        for status, slugs in person.standing(newsletters):
            if status is Status.UNSUBSCRIBED:
                newcomer._left(slugs, leaving)
            elif not status.closes and not person.status.closes:
                if status is Status.SUBSCRIBED and is_vouched:
                    newcomer._vouched(slugs, joining)
                else:
                    to_ask += slugs
        if to_ask:
            newcomer._ask(to_ask, joining)
        return newcomer if newcomer.consent else None

    @classmethod
    def _restored(cls, person: Person) -> Self:
        """Somebody of our own export, just as they were."""
        past = person.past
        assert past is not None
        return cls(person, past, list(past.subscriptions), list(past.consent), joins=True)

    def _left(self, newsletters: Sequence[str], evidence: Evidence) -> None:
        """They unsubscribed elsewhere."""
        self._write(Act.UNSUBSCRIBED, SubscriptionState.UNSUBSCRIBED, newsletters, evidence)

    def _vouched(self, newsletters: Sequence[str], evidence: Evidence) -> None:
        """An operator vouches that they agreed, at the time and from the IP that the file tells."""
        agreed_at = min(self.person.agreed_at or evidence.at, evidence.at)
        given = replace(evidence, ip=self.person.agreed_ip, at=agreed_at)
        self.joins = True
        self._write(Act.ATTESTED, SubscriptionState.CONFIRMED, newsletters, given)

    def _ask(self, newsletters: Sequence[str], evidence: Evidence) -> None:
        """They are to be asked."""
        self.asked, self.joins = tuple(newsletters), True
        self._write(Act.REQUESTED, SubscriptionState.PENDING, newsletters, evidence)

    def _write(
        self, act: Act, state: SubscriptionState, newsletters: Sequence[str], evidence: Evidence
    ) -> None:
        for slug in newsletters:
            held = {
                "newsletter": slug,
                "state": state.value,
                "requested_at": evidence.at,
                "confirmed_at": evidence.at if state is SubscriptionState.CONFIRMED else None,
                "unsubscribed_at": evidence.at if state is SubscriptionState.UNSUBSCRIBED else None,
                "paused_until": None,
            }
            self.subscriptions.append(held)
        self.consent.append(evidence.line(act, newsletters))


def write(
    session: Session,
    newcomers: Sequence[Newcomer],
    *,
    batch_id: int | None,
    now: datetime,
    anchors: AnchorsOf | None,
) -> dict[str, int]:
    """Write these people, all of different addresses; the id of each by address key.

    Whoever became known meanwhile is left out, and nothing of theirs is changed.
    """
    if not newcomers:
        return {}
    ids = _enrol(session, newcomers, batch_id, now)
    came = [(ids[key], each) for each in newcomers if (key := each.person.address.key) in ids]
    _insert(
        session, Subscription, (_owned(number, held) for number, each in came for held in each.subscriptions)
    )
    _insert(session, Consent, (_owned(number, line) for number, each in came for line in each.consent))
    _insert(
        session,
        MutedStory,
        (_owned(number, story) for number, each in came if each.past for story in each.past.muted),
    )
    _insert(
        session, Tag, (_owned(number, {"name": tag}) for number, each in came for tag in each.person.tags)
    )
    if anchors:
        restored = {number: (each.past.rules, each.past.choices) for number, each in came if each.past}
        restore(session, restored, anchors)
    return ids


def to_be_asked(session: Session, newcomers: Sequence[Newcomer], ids: Mapping[str, int]) -> list[Asked]:
    """The confirmations now to be mailed to those of them, just written, who are asked."""
    asked = {ids[each.person.address.key]: each.asked for each in newcomers if each.asked}
    if not asked:
        return []
    lines = session.execute(
        select(Consent.subscriber_id, Consent.id)
        .where(Consent.subscriber_id.in_(asked), Consent.act == Act.REQUESTED)
        .order_by(Consent.id)
    )
    return [Asked(subscriber_id, line, asked[subscriber_id]) for subscriber_id, line in lines]


def _enrol(
    session: Session, newcomers: Sequence[Newcomer], batch_id: int | None, now: datetime
) -> dict[str, int]:
    applicants = [each.person.applicant(None, batch_id) for each in newcomers]
    records = intern(session, {applicant.lens or Lens() for applicant in applicants})
    rows = {}
    used = _used(session, newcomers)
    for newcomer, applicant in zip(newcomers, applicants, strict=True):
        row = new_row(applicant, records, now)
        if past := newcomer.past:
            row |= {"engaged_at": past.engaged_at, "counted": past.counted}
            if past.public_id and past.public_id not in used:
                used.add(past.public_id)
                row["public_id"] = past.public_id
        rows[row["public_id"]] = row
    insert_new(session, Subscriber, list(rows.values()))
    written = select(Subscriber.public_id, Subscriber.email_key, Subscriber.id)
    return {
        key: number
        for public_id, key, number in session.execute(written.where(Subscriber.public_id.in_(rows)))
        if rows[public_id]["email_key"] == key
    }


def _used(session: Session, newcomers: Sequence[Newcomer]) -> set[str]:
    """Which of their public ids somebody here has already: links of theirs must lead nowhere else."""
    wanted = [each.past.public_id for each in newcomers if each.past and each.past.public_id]
    if not wanted:
        return set()
    return set(session.scalars(select(Subscriber.public_id).where(Subscriber.public_id.in_(wanted))))


def _owned(subscriber_id: int, columns: Mapping[str, Any]) -> dict[str, Any]:
    return {"subscriber_id": subscriber_id, **columns}


def _insert(session: Session, table: type[Base], rows: Iterable[dict[str, Any]]) -> None:
    assert isinstance(table.__table__, Table)
    if found := list(rows):
        session.execute(insert(table.__table__), found)
