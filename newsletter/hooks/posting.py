"""Post what is due: claim (commit) → post → record (commit), with no transaction open meanwhile.

At least once: a post whose answer was lost is posted again, under the same id. A claim is a due time a
little later, so that no two machines post the same at once, and what a dead one held comes due again.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, NamedTuple

import httpx
import structlog
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session, selectinload

from newsletter.hooks import registry
from newsletter.hooks.destinations import BadDestination, addresses
from newsletter.hooks.registry import PostState, stamp
from newsletter.hooks.signing import signed_headers
from newsletter.internet import request_to
from newsletter.models import Hook, HookPost
from newsletter.store.engine import UNSEEN, reading, writing
from subscribers.models import Subscriber

log = structlog.get_logger()

#: seconds for one post, from the name's look-up to the answer
TIMEOUT = 10.0
#: seconds to connect to one of the addresses that a name has
TO_CONNECT = 4.0
#: posts to one hook at one time
AT_ONCE = 8
#: seconds in which new posts are claimed; with those in hand a process still leaves in its time
BRIEFLY = 5.0
#: longer than a post can take, and than two machines' clocks may differ
LEASE = timedelta(minutes=2)
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
PATIENCE = timedelta(days=3)


class Verdict(Enum):
    DONE = auto()
    FAILED = auto()  # to be tried again
    GONE = auto()  # the receiver wants nothing more


class Answer(NamedTuple):
    verdict: Verdict
    #: the status, or why there was none
    words: str


class InHand(NamedTuple):
    """A post in this process's hands."""

    id: int
    public_id: str
    #: with the id the fence: what was claimed again since is no longer ours
    attempt: int
    body: bytes


def wait_before_next(attempt: int) -> timedelta | None:
    """How long to wait after the `attempt`-th failure, from 1; None when the post is given up.

    Doubling up to 6 hours, until the waits add up to 3 days.
    """
    waits = [min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(number, 20)) for number in range(attempt)]
    return None if sum(waits[:-1], timedelta()) >= PATIENCE else waits[-1]


def post_due(engine: Engine, now: datetime) -> int:
    """Post what is due, for a few seconds; returns how many posts were answered or failed.

    Each hook has a thread of its own: one that does not answer holds up no other.
    """
    with reading(engine) as session:
        hooks = _with_due_posts(session, now)
    if not hooks:
        return 0
    until = time.monotonic() + BRIEFLY
    with ThreadPoolExecutor(len(hooks), thread_name_prefix="hook") as threads:
        return sum(threads.map(lambda hook: asyncio.run(_post_to(engine, hook, now, until)), hooks))


def post_test(engine: Engine, hook_id: int, now: datetime) -> Answer:
    """Post to that hook, once, that posts arrive, and nothing else; what it answered."""
    with writing(engine) as session:
        hook = registry.get(session, hook_id)
        post = registry.tell_test(session, hook_id, due_at=now + LEASE, now=now)
        in_hand = InHand(post.id, post.public_id, post.attempt, _serialized(post.body))
    answer = asyncio.run(_alone(hook, in_hand, now))
    with writing(engine) as session:
        _record(session, hook_id, [in_hand], [answer], now)
        session.execute(
            update(HookPost)
            .where(HookPost.id == in_hand.id, HookPost.state == PostState.WAITING)
            .values(state=PostState.GIVEN_UP, settled_at=now)
        )
    return answer


async def _alone(hook: Hook, post: InHand, now: datetime) -> Answer:
    async with _web() as web:
        return await _hand_over(web, hook, post, now)


def _with_due_posts(session: Session, now: datetime) -> list[Hook]:
    due = select(HookPost.hook_id).where(HookPost.state == PostState.WAITING, HookPost.due_at <= now)
    return list(session.scalars(select(Hook).where(Hook.removed_at.is_(None), Hook.id.in_(due))))


async def _post_to(engine: Engine, hook: Hook, now: datetime, until: float) -> int:
    """Post to one hook until nothing is due, time is up, or it does not take one."""
    posted = 0
    async with _web() as web:
        while time.monotonic() < until:
            with writing(engine) as session:
                claimed = claim(session, hook.id, now)
            answers = await asyncio.gather(*(_hand_over(web, hook, post, now) for post in claimed))
            with writing(engine) as session:
                _record(session, hook.id, claimed, answers, now)
            posted += len(claimed)
            if not claimed or any(answer.verdict is not Verdict.DONE for answer in answers):
                break
    return posted


def claim(session: Session, hook_id: int, now: datetime) -> list[InHand]:
    """Take what is due for that hook into the caller's hands for the time of a lease."""
    due = (
        select(HookPost.id)
        .where(HookPost.hook_id == hook_id, HookPost.state == PostState.WAITING, HookPost.due_at <= now)
        .order_by(HookPost.due_at, HookPost.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    taken = session.execute(
        update(HookPost)
        .where(HookPost.id.in_(due.scalar_subquery()))
        .values(due_at=now + LEASE, attempt=HookPost.attempt + 1)
        .returning(HookPost.id, HookPost.public_id, HookPost.attempt, HookPost.body, HookPost.subscriber_id),
        execution_options=UNSEEN,
    ).all()
    people = _people(session, {row.subscriber_id for row in taken} - {None})
    return [
        InHand(row.id, row.public_id, row.attempt, _serialized(row.body, people.get(row.subscriber_id)))
        for row in sorted(taken)
    ]


def _people(session: Session, ids: set[int]) -> dict[int, dict[str, Any]]:
    """What is told of each person, as it is now: of somebody erased only the number."""
    found = session.scalars(
        select(Subscriber).where(Subscriber.id.in_(ids)).options(selectinload(Subscriber.subscriptions))
    )
    return {person.id: _person(person) for person in found}


def _person(person: Subscriber) -> dict[str, Any]:
    if person.erased_at:
        return {"subscriber": person.id}
    subscriptions = {
        held.newsletter: {
            "state": held.state,
            "paused_until": held.paused_until and stamp(held.paused_until),
        }
        for held in person.subscriptions
    }
    return {"subscriber": person.id, "email": person.email, "subscriptions": subscriptions}


def _serialized(body: dict[str, Any], person: dict[str, Any] | None = None) -> bytes:
    whole = {**body, "data": {**(person or {}), **body["data"]}}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def _web() -> httpx.AsyncClient:
    # no proxy and no password out of the environment
    return httpx.AsyncClient(timeout=httpx.Timeout(TIMEOUT, connect=TO_CONNECT), trust_env=False)


async def _hand_over(web: httpx.AsyncClient, hook: Hook, post: InHand, now: datetime) -> Answer:
    headers = {
        "content-type": "application/json",
        "user-agent": "race-to-agi-newsletter",
        **signed_headers(hook.secret, post.public_id, post.body, now),
    }
    try:
        # over all: a server may send one byte now and then for ever
        async with asyncio.timeout(TIMEOUT):
            status = await _post(web, httpx.URL(hook.url), headers, post.body)
    except BadDestination as error:
        return Answer(Verdict.FAILED, f"not posted: {error}")
    except (httpx.HTTPError, OSError) as error:
        return Answer(Verdict.FAILED, f"no answer: {type(error).__name__}")
    if status == httpx.codes.GONE:
        return Answer(Verdict.GONE, str(status))
    return Answer(Verdict.DONE if httpx.codes.is_success(status) else Verdict.FAILED, str(status))


async def _post(web: httpx.AsyncClient, url: httpx.URL, headers: dict[str, str], body: bytes) -> int:
    """The status of the answer, from the first of the name's addresses that can be connected to."""
    found = await asyncio.to_thread(addresses, url)
    for address in found:
        request = request_to(web, address, "POST", url, headers, body)
        try:
            # what it says beside the status is of no interest, and may be endless
            answer = await web.send(request, stream=True, follow_redirects=False)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if address == found[-1]:
                raise
            continue
        await answer.aclose()
        return answer.status_code
    raise BadDestination("its name leads nowhere")


def _record(
    session: Session, hook_id: int, posts: Sequence[InHand], answers: Sequence[Answer], now: datetime
) -> None:
    given_up = 0
    for post, answer in zip(posts, answers, strict=True):
        wait = wait_before_next(post.attempt)
        if answer.verdict is Verdict.DONE:
            fate: dict[str, object] = {"state": PostState.DONE, "settled_at": now}
        elif wait is None:
            given_up += 1
            fate = {"state": PostState.GIVEN_UP, "settled_at": now}
        else:
            fate = {"due_at": now + wait}
        session.execute(
            update(HookPost)
            .where(
                HookPost.id == post.id,
                HookPost.attempt == post.attempt,
                HookPost.state == PostState.WAITING,
            )
            .values(answer=answer.words, **fate)
        )
    if given_up:
        log.error("hook_posts_given_up", hook=hook_id, posts=given_up)
    if any(answer.verdict is Verdict.GONE for answer in answers):
        hook = session.get(Hook, hook_id, with_for_update=True)
        if hook and not hook.removed_at:
            registry.remove(session, hook_id, because="410: the hook was removed", now=now)
            log.warning("hook_removed", hook=hook_id, because="it answered 410")
