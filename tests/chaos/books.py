"""The books, checked against what the sinks counted: one table of promises for all crash tests."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from newsletter.models import Delivery, Issue
from newsletter.models.delivery import OPEN, DeliveryState
from newsletter.proof import Proof, proof
from newsletter.store.engine import open_engine, reading
from tests.chaos.sinks import Copy
from tests.chaos.world import World

#: whoever is in one of these got nothing, or our books lie
NOT_GIVEN = (
    DeliveryState.REFUSED,
    DeliveryState.WITHHELD,
    DeliveryState.EXPIRED,
    DeliveryState.CANCELLED,
    *OPEN,
)


@dataclass(frozen=True)
class Books:
    """What the database says, beside what was counted where the mail went."""

    world: World
    rows: list[Delivery]
    issues: list[Issue]
    #: issue id → the proof of it
    proofs: Mapping[int, Proof]
    taken: Counter[Copy]

    def mail(self, row: Delivery) -> Copy:
        """As its recipient knows it."""
        known = self.world.readers | self.world.asked
        return Copy(known[row.subscriber_id or 0], row.kind.replace(" ", "-"), row.occasion_id)

    def copies(self, row: Delivery) -> int:
        """How many copies of this mail arrived."""
        return self.taken[self.mail(row)]


def _twice(books: Books) -> list[Any]:
    repeated = {books.mail(row) for row in books.rows if row.repeats}
    return [copy for copy, number in books.taken.items() if number > 1 and copy not in repeated]


def _out_of_nowhere(books: Books) -> list[Any]:
    accounted = sum(books.copies(row) for row in books.rows)
    return (
        []
        if accounted == books.taken.total()
        else [f"{books.taken.total() - accounted} copies without a row"]
    )


def _accepted_but_never_taken(books: Books) -> list[Any]:
    return [r.id for r in books.rows if r.state == DeliveryState.ACCEPTED and books.copies(r) == 0]


def _taken_but_said_to_be_kept_back(books: Books) -> list[Any]:
    return [
        (r.id, r.state, r.reason)
        for r in books.rows
        if r.state in NOT_GIVEN and not r.repeats and books.copies(r) > 0
    ]


def _without_a_fate(books: Books) -> list[Any]:
    return [(row.id, row.state, row.reason) for row in books.rows if row.state in OPEN]


def _without_a_reason(books: Books) -> list[Any]:
    return [r.id for r in books.rows if r.state not in (*OPEN, DeliveryState.ACCEPTED) and not r.reason]


def _still_held(books: Books) -> list[Any]:
    return [row.id for row in books.rows if row.lease_until is not None]


def _readers_without_a_row(books: Books) -> list[Any]:
    told = {row.subscriber_id for row in books.rows if row.kind == "digest"}
    published = any(issue.frozen is not None for issue in books.issues)
    return sorted(books.world.readers.keys() - told) if published else []


def _letters_without_a_row(books: Books) -> list[Any]:
    told = {row.subscriber_id for row in books.rows if row.kind == "confirmation"}
    return sorted(books.world.asked.keys() - told)


def _planned_twice(books: Books) -> list[Any]:
    numbers = Counter((issue.newsletter_id, issue.date) for issue in books.issues)
    return [one for one, number in numbers.items() if number > 1]


def _proofs_that_do_not_add_up(books: Books) -> list[Any]:
    return [found.sentence for found in books.proofs.values() if not found.adds_up]


def _issues_that_never_end(books: Books) -> list[Any]:
    ended = ("finished", "cancelled", "expired", "skipped")
    return [(issue.id, issue.state, issue.reason) for issue in books.issues if issue.state not in ended]


def _no_issue(books: Books) -> list[Any]:
    return [] if books.issues else ["it was never planned"]


#: the promise → whom it was broken to
PROMISES: Mapping[str, Callable[[Books], list[Any]]] = {
    "nobody gets a mail twice": _twice,
    "no mail leaves without a row": _out_of_nowhere,
    "what is accepted was taken": _accepted_but_never_taken,
    "what was kept back, or refused, did not leave": _taken_but_said_to_be_kept_back,
    "every mail has a fate": _without_a_fate,
    "every fate but the good one has a reason": _without_a_reason,
    "nobody holds what is settled": _still_held,
    "every reader of a published issue has a row": _readers_without_a_row,
    "everybody who asked has a row": _letters_without_a_row,
    "an issue is planned once": _planned_twice,
    "an issue is planned": _no_issue,
    "the proof of every issue adds up": _proofs_that_do_not_add_up,
    "every issue comes to its end": _issues_that_never_end,
}


def opened(world: World) -> Books:
    """The books as they stand now."""
    engine = open_engine(world.url)
    try:
        with reading(engine) as session:
            rows = list(session.scalars(select(Delivery).order_by(Delivery.id)))
            issues = list(session.scalars(select(Issue).order_by(Issue.id)))
            proofs = {issue.id: proof(session, issue) for issue in issues}
            session.expunge_all()
        return Books(world, rows, issues, proofs, Counter(world.sink.taken))
    finally:
        engine.dispose()


def check(world: World) -> Counter[str]:
    """Every promise, once all is over; returns how many mails came into which state."""
    books = opened(world)
    broken = {promise: found[:10] for promise, whom in PROMISES.items() if (found := whom(books))}
    assert not broken, broken
    return Counter(row.state for row in books.rows)


def count_open(url: str) -> int:
    """How many mails have no fate yet, and how many issues no end."""
    engine = open_engine(url)
    try:
        with reading(engine) as session:
            mails = session.scalars(select(func.count()).where(Delivery.state.in_(OPEN))).one()
            ended = session.scalars(select(func.count()).where(Issue.state == "finished")).one()
            return mails + (1 - min(1, ended))
    finally:
        engine.dispose()
