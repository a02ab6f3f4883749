"""Segments under their names: save, find, list, delete; and who is in a segment now."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from subscribers.lens import term
from subscribers.models import Segment, Subscriber
from subscribers.roster import FETCH
from subscribers.segments.parsing import parse
from subscribers.segments.rule import Rule
from subscribers.segments.sql import condition

#: characters
LONGEST_NAME = 100


class BadName(ValueError):
    """A segment cannot be saved under this name."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"cannot save a segment as {name[:LONGEST_NAME]!r}: {reason}")


def save(session: Session, name: str, rule_text: str, *, now: datetime) -> Segment:
    """Save a rule under a name that is still free; BadRule or BadName if it cannot be.

    A name is stored as a term, so that case and blanks make no other segment.
    """
    parse(rule_text)
    key = term(name)
    if not _is_name(key):
        raise BadName(name, f"choose one of 1 to {LONGEST_NAME} visible characters")
    segment = Segment(name=key, rule=rule_text.strip(), created_at=now)
    try:
        with session.begin_nested():
            session.add(segment)
    except IntegrityError:
        raise BadName(name, "there is one of that name; delete it first, or choose another name") from None
    return segment


def _is_name(key: str) -> bool:
    return 0 < len(key) <= LONGEST_NAME and key.isprintable()


def find(session: Session, name: str) -> Segment:
    """The segment of that name; LookupError if there is none."""
    key = term(name)
    query = select(Segment).where(Segment.name == key)
    found = session.scalars(query).one_or_none() if _is_name(key) else None
    if found is None:
        raise LookupError(
            f"no segment {name[:LONGEST_NAME]!r}: `newsletter segments list` shows those there are"
        )
    return found


def list_segments(session: Session) -> Sequence[Segment]:
    """All, in the order of their names."""
    return session.scalars(select(Segment).order_by(Segment.name)).all()


def delete(session: Session, name: str) -> None:
    """Forget the segment; its subscribers stay. LookupError if there is none."""
    session.delete(find(session, name))
    session.flush()


def count(session: Session, rule: Rule) -> int:
    """How many subscribers are in the segment now."""
    return session.scalars(select(func.count()).select_from(Subscriber).where(condition(rule))).one()


def subscriber_ids(session: Session, rule: Rule) -> Iterator[int]:
    """Who is in the segment now, in the order of their ids, as a stream."""
    query = select(Subscriber.id).where(condition(rule)).order_by(Subscriber.id)
    return iter(session.scalars(query, execution_options={"yield_per": FETCH}))
