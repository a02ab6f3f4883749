"""Keys of programs: made by an admin, shown once, held to a role, ended at once.

Only a digest is kept, so the table opens no door. A key lasts no longer than its maker is an admin:
whoever made it knows it still.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.editors.audit import audit
from newsletter.editors.rules import digest_of
from newsletter.models import ApiKey
from newsletter.models.editor import Role
from subscribers.address import parse_name

#: so that whoever finds one in a log or a repository sees what it is
PREFIX = "rta_"
#: that a key was used is noted at most so often: to look at something is no reason to write
USED_EVERY = timedelta(minutes=1)


class BadKey(ValueError):
    """A key cannot be made as it is asked for; the message says how to mend it."""


class NoSuchKey(LookupError):
    """There is no key of this number."""

    def __init__(self, key_id: int) -> None:
        super().__init__(f"there is no key {key_id}: `newsletter keys list` shows those there are")


def make(
    session: Session,
    name: str,
    role: Role,
    *,
    by: int | None = None,
    ip: str | None = None,
    now: datetime,
) -> tuple[ApiKey, str]:
    """A new key, and its secret: 256 random bits behind PREFIX, which nobody can read again.

    Here and below `by` is the number of the editor who does it; None for the command line. Raises BadKey,
    and InvalidName for a name with control characters.
    """
    tidy = parse_name(name)
    if tidy is None:
        raise BadKey("a key needs a name: say which program it is for")
    if session.scalar(select(ApiKey.id).where(ApiKey.name == tidy, ApiKey.ended_at.is_(None))):
        raise BadKey(f"there is a key named “{tidy}” already: end it first, or choose another name")
    secret = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(name=tidy, digest=digest_of(secret), role=role, made_by=by, made_at=now)
    session.add(key)
    session.flush()
    detail = {"name": tidy, "role": role}
    audit(session, "key made", f"key {key.id}", editor_id=by, now=now, detail=detail, ip=ip)
    return key, secret


def find(session: Session, secret: str) -> ApiKey | None:
    """The key of that secret, unless it has ended.

    It is looked up by its digest, so the time that takes tells nothing of any other key.
    """
    return session.scalar(select(ApiKey).where(ApiKey.digest == digest_of(secret), ApiKey.ended_at.is_(None)))


def note(session: Session, key_id: int, *, now: datetime) -> None:
    """Note that the key was used, unless that was done within USED_EVERY."""
    late = ApiKey.used_at.is_(None) | (ApiKey.used_at <= now - USED_EVERY)
    session.execute(update(ApiKey).where(ApiKey.id == key_id, late).values(used_at=now))


def all_keys(session: Session) -> Sequence[ApiKey]:
    """Every key there is or was: those in use first, then the newest first."""
    return session.scalars(select(ApiKey).order_by(ApiKey.ended_at.is_not(None), ApiKey.id.desc())).all()


def end(
    session: Session, key_id: int, *, by: int | None = None, ip: str | None = None, now: datetime
) -> ApiKey:
    """End a key at once; one that has ended stays as it is. Raises NoSuchKey."""
    key = session.scalar(select(ApiKey).where(ApiKey.id == key_id).with_for_update())
    if key is None:
        raise NoSuchKey(key_id)
    if key.ended_at is None:
        _end(session, key, by=by, ip=ip, now=now)
    return key


def end_all(
    session: Session, editor_id: int, *, by: int | None = None, ip: str | None = None, now: datetime
) -> None:
    """End all keys that this editor made."""
    theirs = select(ApiKey).where(ApiKey.made_by == editor_id, ApiKey.ended_at.is_(None))
    for key in session.scalars(theirs.order_by(ApiKey.id).with_for_update()):
        _end(session, key, by=by, ip=ip, now=now)


def _end(session: Session, key: ApiKey, *, by: int | None, ip: str | None, now: datetime) -> None:
    key.ended_at = now
    audit(session, "key ended", f"key {key.id}", editor_id=by, now=now, detail={"name": key.name}, ip=ip)
