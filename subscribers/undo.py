"""Undo: back to exactly what was before an act, if nobody has touched it since.

What was before travels in the token that the act's page holds (`tokens.Purpose.UNDO`): nothing is
stored, and only whoever acted can go back.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers.alert_choices import AlertChoices
from subscribers.alert_models import AlertChoicesRecord, Watch
from subscribers.enrolment import locked
from subscribers.ledger import Channel, Evidence
from subscribers.models import Act, MutedStory, Subscriber
from subscribers.watching import stop, watch_of, watches_of

#: how long an act may be undone
UNDO_LIFE = timedelta(minutes=10)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHOICES = tuple(field.name for field in fields(AlertChoices))
_TIMES = ("requested_at", "confirmed_at", "unsubscribed_at", "paused_until")

#: a part of what a person chose, as JSON carries it; None is one that is not there
Part = list[str | int | None] | int | None


class Undone(StrEnum):
    """What an undo came to."""

    RESTORED = "restored"
    ALREADY = "already"  # it is as it was before the act
    CHANGED = "changed"  # something else was done since: nothing is restored


@dataclass(frozen=True)
class Standing:
    """What a person chose, part by part: subscriptions, lens, muted stories, alert rules and choices."""

    parts: Mapping[str, Part]

    def way_back_from(self, after: "Standing") -> tuple[str, str] | None:
        """What `undo` needs to go from `after` back to here; None when the two are equal."""
        names = sorted(self.parts.keys() | after.parts.keys())
        changed = {
            name: self.parts.get(name) for name in names if self.parts.get(name) != after.parts.get(name)
        }
        return (_compact(changed), after.fingerprint(changed)) if changed else None

    def fingerprint(self, names: Mapping[str, Part]) -> str:
        """Equal for standings that are equal in these parts."""
        text = _compact({name: self.parts.get(name) for name in names})
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def standing(session: Session, subscriber: Subscriber) -> Standing:
    """Where they stand now, read anew and locked: acts on one person wait for each other."""
    session.flush()
    locked(session, Subscriber.id == subscriber.id)
    parts: dict[str, Part] = {"lens": subscriber.lens_id}
    for held in subscriber.subscriptions:
        moments = (getattr(held, name) for name in _TIMES)
        parts[f"newsletter {held.newsletter}"] = [held.state, *map(_number, moments)]
    for mute in session.scalars(select(MutedStory).where(MutedStory.subscriber_id == subscriber.id)):
        parts[f"muted {mute.story_id}"] = _number(mute.at)
    for watch in watches_of(session, subscriber.id):
        parts[f"watch {watch.rule_id}"] = [_number(watch.made_at), _number(watch.paused_until)]
    if chosen := session.get(AlertChoicesRecord, subscriber.id):
        parts["choices"] = [getattr(chosen, name) for name in _CHOICES]
    return Standing(parts)


def undo(
    session: Session,
    subscriber: Subscriber,
    way_back: tuple[str, str],
    *,
    channel: Channel,
    wording: str,
    ip: str | None = None,
    now: datetime,
) -> Undone:
    """Restore what `Standing.way_back_from` remembered, all of it or nothing."""
    before: dict[str, Part] = json.loads(way_back[0])
    current = standing(session, subscriber)
    if all(current.parts.get(name) == part for name, part in before.items()):
        return Undone.ALREADY
    if current.fingerprint(before) != way_back[1]:
        return Undone.CHANGED
    touched = []
    for name, part in before.items():
        kind, _, key = name.partition(" ")
        if kind == "newsletter":
            touched.append(key)
            _restore_subscription(session, subscriber, key, part)
        elif kind == "muted":
            _restore_mute(session, subscriber, int(key), part)
        elif kind == "choices":
            _restore_choices(session, subscriber, part)
        elif kind == "watch":
            _restore_watch(session, subscriber, int(key), part)
        elif isinstance(part, int):
            subscriber.lens_id = part
    slugs = touched or [held.newsletter for held in subscriber.subscriptions]
    Evidence(channel, wording, ip, now).write(session, Act.RESTORED, subscriber, slugs)
    session.flush()
    session.refresh(subscriber, ["lens_record"])
    return Undone.RESTORED


def make_void(session: Session, public_id: str, newsletter: str, *, now: datetime) -> None:
    """Whoever has left `newsletter` says so once more: no undo from before brings it back."""
    for subscriber in locked(session, Subscriber.public_id == public_id):
        for held in subscriber.subscriptions:
            left_at = held.unsubscribed_at if held.newsletter == newsletter else None
            if left_at is not None and left_at >= now - UNDO_LIFE:
                held.end(now)


def _restore_subscription(session: Session, subscriber: Subscriber, newsletter: str, part: Part) -> None:
    held = subscriber.subscription(newsletter, _EPOCH)
    if not isinstance(part, list):
        subscriber.subscriptions.remove(held)
        session.delete(held)
        return
    state, *moments = part
    held.state = str(state)
    for name, number in zip(_TIMES, moments, strict=True):
        setattr(held, name, _moment(number))


def _restore_mute(session: Session, subscriber: Subscriber, story_id: int, part: Part) -> None:
    mute = session.get(MutedStory, (subscriber.id, story_id))
    if mute is None:
        session.add(MutedStory(subscriber_id=subscriber.id, story_id=story_id, at=_moment(part)))
    elif part is None:
        session.delete(mute)


def _restore_watch(session: Session, subscriber: Subscriber, rule_id: int, part: Part) -> None:
    if watch := watch_of(session, subscriber.id, rule_id):
        stop(session, watch)
    if isinstance(part, list):
        made_at, paused_until = map(_moment, part)
        session.add(
            Watch(subscriber_id=subscriber.id, rule_id=rule_id, made_at=made_at, paused_until=paused_until)
        )


def _restore_choices(session: Session, subscriber: Subscriber, part: Part) -> None:
    if isinstance(part, list):
        columns = dict(zip(_CHOICES, part, strict=True))
        session.merge(AlertChoicesRecord(subscriber_id=subscriber.id, **columns))
    elif chosen := session.get(AlertChoicesRecord, subscriber.id):
        session.delete(chosen)


def _number(at: datetime | None) -> int | None:
    return None if at is None else (at - _EPOCH) // timedelta(microseconds=1)


def _moment(number: object) -> datetime | None:
    return _EPOCH + timedelta(microseconds=number) if isinstance(number, int) else None


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
