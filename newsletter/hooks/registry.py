"""The hooks: added, listed, removed, and what was told to each."""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter.hooks.kinds import TEST, UNLESS_SAID, HookKind
from newsletter.hooks.signing import new_secret
from newsletter.models import Event, Hook, HookPost
from newsletter.store.engine import UNSEEN
from subscribers.models import Consent

#: how long a settled post is kept, and can be replayed
KEPT = timedelta(days=30)
#: posts looked at in one go
BATCH = 1_000


class PostState(StrEnum):
    WAITING = "waiting"  # until it is answered with 2xx, or tried for long enough
    DONE = "done"
    GIVEN_UP = "given up"


def add(session: Session, url: str, kinds: Collection[HookKind], *, now: datetime) -> Hook:
    """Tell what happens from now on to that URL, which has been looked at (`destinations`)."""
    hook = Hook(
        url=url,
        secret=new_secret(),
        events=[kind.value for kind in HookKind if kind in (kinds or UNLESS_SAID)],
        added_at=now,
        consent_id=newest(session, Consent.id),
        event_id=newest(session, Event.id),
    )
    session.add(hook)
    session.flush()
    return hook


def newest(session: Session, key: InstrumentedAttribute[int]) -> int:
    """The highest id in a table; 0 when it is empty."""
    return session.scalar(select(func.max(key))) or 0


def has_any(session: Session) -> bool:
    """Whether there is, or was, a hook at all."""
    return session.scalars(select(Hook.id).limit(1)).first() is not None


def get(session: Session, hook_id: int) -> Hook:
    """That hook; LookupError when there is none, or it was removed."""
    hook = session.get(Hook, hook_id)
    if hook is None or hook.removed_at:
        raise LookupError(f"no hook {hook_id}: `newsletter hooks list` shows those that there are")
    return hook


def listed(session: Session) -> list[tuple[Hook, int, int]]:
    """The hooks, each with how many posts wait, and how many of them failed already."""
    waiting = func.count(HookPost.id)
    rows = session.execute(
        select(Hook, waiting, waiting.filter(HookPost.attempt > 0))
        .outerjoin(HookPost, (HookPost.hook_id == Hook.id) & (HookPost.state == PostState.WAITING))
        .where(Hook.removed_at.is_(None))
        .group_by(Hook.id)
        .order_by(Hook.id)
    )
    return [(hook, total, failing) for hook, total, failing in rows]


def posts(session: Session, hook_id: int, limit: int) -> list[HookPost]:
    """What was told to the hook, the newest first."""
    get(session, hook_id)
    newest_first = select(HookPost).where(HookPost.hook_id == hook_id).order_by(HookPost.id.desc())
    return list(session.scalars(newest_first.limit(limit)))


def remove(session: Session, hook_id: int, *, because: str, now: datetime) -> None:
    """Tell it nothing any more; what still waits for it is given up, and its secret is forgotten."""
    hook = get(session, hook_id)
    hook.removed_at, hook.secret = now, ""
    session.execute(
        update(HookPost)
        .where(HookPost.hook_id == hook_id, HookPost.state == PostState.WAITING)
        .values(state=PostState.GIVEN_UP, answer=because, settled_at=now)
    )


def replay(
    session: Session, hook_id: int, *, which: Sequence[str], since: datetime | None, now: datetime
) -> int:
    """Post once more, under the same ids: the posts of the ids `which`, or all settled since a moment.

    Returns how many. Raises LookupError for an id that is none of this hook's.
    """
    get(session, hook_id)
    wanted: ColumnElement[bool] = HookPost.public_id.in_(which)
    if since is not None:
        wanted = or_(HookPost.settled_at >= since, HookPost.state == PostState.WAITING)
    again = session.scalars(
        update(HookPost)
        .where(HookPost.hook_id == hook_id, wanted)
        .values(state=PostState.WAITING, attempt=0, due_at=now, settled_at=None)
        .returning(HookPost.public_id),
        execution_options=UNSEEN,
    ).all()
    if unknown := set(which) - set(again):
        raise LookupError(f"no post {min(unknown)} of hook {hook_id}: `newsletter hooks posts {hook_id}`")
    return len(again)


def tell_test(session: Session, hook_id: int, *, due_at: datetime, now: datetime) -> HookPost:
    """A post that says nothing but that posts arrive; in the caller's hands until `due_at`."""
    get(session, hook_id)
    post = HookPost(
        public_id=new_id(),
        hook_id=hook_id,
        source=f"test {new_id()}",
        kind=TEST,
        body={"type": TEST, "timestamp": stamp(now), "data": {}},
        state=PostState.WAITING,
        attempt=1,
        due_at=due_at,
    )
    session.add(post)
    session.flush()
    return post


def new_id() -> str:
    """For one post. Without a full stop, which parts what is signed."""
    return f"post_{secrets.token_hex(12)}"


def stamp(at: datetime) -> str:
    """`2026-11-24T07:00:00Z`, as all times in what we post."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def forget_old(session: Session, *, now: datetime, limit: int = BATCH) -> int:
    """Delete posts that were settled longer ago than KEPT, among the `limit` oldest; returns how many."""
    oldest = select(HookPost.id, HookPost.settled_at).order_by(HookPost.id).limit(limit).subquery()
    old = select(oldest.c.id).where(oldest.c.settled_at < now - KEPT)
    gone = session.scalars(
        delete(HookPost).where(HookPost.id.in_(old)).returning(HookPost.id),
        execution_options=UNSEEN,
    )
    return len(gone.all())
