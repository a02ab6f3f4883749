"""Posting to hooks: until it is answered, signed, one hook harming no other, and about nobody erased."""

import base64
import hmac
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from newsletter.hooks import registry
from newsletter.hooks.posting import FIRST_WAIT, LEASE, claim, post_due, wait_before_next
from newsletter.hooks.registry import PostState
from newsletter.hooks.telling import tell_hooks
from newsletter.models import Hook, HookPost
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from subscribers.consent import Channel
from subscribers.erasure import erase
from subscribers.models import Subscriber
from tests.feedback import NOW
from tests.hook_receiver import Receiver, a_hook, fates, happen, hook_receiver, slowly, the_posts
from tests.people import FINGERPRINTS, fresh_address, subscriber

MINUTE = timedelta(minutes=1)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with hook_receiver() as receiver:
        yield receiver


def test_a_post_from_first_to_last(services: Services, receiver: Receiver) -> None:
    """What happened is posted once, signed over its very bytes, with the person as they are now."""
    hook = a_hook(services, f"{receiver.url}/hooks?key=1")
    (person,) = happen(services)
    assert [post_due(services.engine, NOW), post_due(services.engine, NOW)] == [1, 0]
    (told,) = receiver.told
    with reading(services.engine) as session:
        email = session.get_one(Subscriber, person).email
        secret = session.get_one(Hook, hook).secret
    assert told.path == "/hooks?key=1"
    assert told.headers["content-type"] == "application/json"
    assert told.headers["host"] == receiver.url.removeprefix("http://")
    assert told.document == {
        "type": "subscriber.confirmed",
        "timestamp": "2026-10-01T08:00:00Z",
        "data": {
            "subscriber": person,
            "email": email,
            "subscriptions": {"daily": {"state": "confirmed", "paused_until": None}},
            "newsletters": ["daily"],
            "channel": "command line",
        },
    }
    (post,) = the_posts(services, hook)
    assert told.headers["webhook-id"] == post.public_id
    assert told.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    signed = f"{post.public_id}.{told.headers['webhook-timestamp']}.".encode() + told.body
    proof = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, "sha256")
    assert told.headers["webhook-signature"] == f"v1,{base64.b64encode(proof).decode()}"
    assert (post.state, post.answer, post.settled_at) == (PostState.DONE, "204", NOW)


@pytest.mark.parametrize("status", [302, 400, 401, 404, 429, 500, 503])
def test_any_other_answer_is_tried_again(services: Services, receiver: Receiver, status: int) -> None:
    """Only 2xx is a yes: anything else, a redirect too, is posted again later under the same id."""
    receiver.answer = lambda _path: status
    hook = a_hook(services, receiver.url)
    happen(services)
    assert [post_due(services.engine, NOW), post_due(services.engine, NOW)] == [1, 0]
    assert fates(services, hook) == [(PostState.WAITING, str(status))]
    receiver.answer = lambda _path: 200
    assert post_due(services.engine, NOW + FIRST_WAIT) == 1
    assert fates(services, hook) == [(PostState.DONE, "200")]
    first, second = receiver.told
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert {told.path for told in receiver.told} == {"/"}


def test_it_is_given_up_in_the_end(services: Services, receiver: Receiver) -> None:
    """A receiver that never takes a post is tried for three days; then one line of the log says so."""
    receiver.answer = lambda _path: 500
    hook = a_hook(services, receiver.url)
    happen(services)
    now, tries = NOW, 0
    with capture_logs() as logs:
        while wait := wait_before_next(tries + 1):
            assert post_due(services.engine, now) == 1
            assert post_due(services.engine, now + wait - timedelta(seconds=1)) == 0
            now, tries = now + wait, tries + 1
        assert logs == []
        assert post_due(services.engine, now) == 1
    assert timedelta(days=3) <= now - NOW < timedelta(days=3, hours=6)
    assert fates(services, hook) == [(PostState.GIVEN_UP, "500")]
    assert [(line["event"], line["hook"], line["posts"]) for line in logs] == [
        ("hook_posts_given_up", hook, 1)
    ]
    assert post_due(services.engine, now + timedelta(days=9)) == 0


def test_gone_is_gone(services: Services, receiver: Receiver) -> None:
    """A receiver that answers 410 is told nothing any more, and its secret is forgotten."""
    receiver.answer = lambda _path: 410
    hook = a_hook(services, receiver.url)
    happen(services, 20)
    with capture_logs() as logs:
        post_due(services.engine, NOW)
    told = len(receiver.told)
    assert told < 20
    assert {state for state, _ in fates(services, hook)} == {PostState.GIVEN_UP}
    assert [line["event"] for line in logs] == ["hook_removed"]
    happen(services)
    assert post_due(services.engine, NOW + timedelta(days=1)) == 0
    assert (len(receiver.told), len(the_posts(services, hook))) == (told, 20)
    with reading(services.engine) as session:
        assert session.get_one(Hook, hook).secret == ""


def test_no_two_post_the_same_at_once(services: Services, receiver: Receiver) -> None:
    """Several machines share the work: each post is handed over once, although all strike at once."""
    receiver.answer = slowly(0.02)
    hook = a_hook(services, receiver.url)
    happen(services, 80)
    with ThreadPoolExecutor(4) as machines:
        done = list(machines.map(lambda _: post_due(services.engine, NOW), range(4)))
    assert sum(done) == 80
    ids = [told.headers["webhook-id"] for told in receiver.told]
    assert sorted(ids) == sorted(post.public_id for post in the_posts(services, hook))


def test_what_a_dead_machine_held_is_posted(services: Services, receiver: Receiver) -> None:
    """A post whose machine died before the answer is posted again when its lease is over, and not before."""
    hook = a_hook(services, receiver.url)
    happen(services)
    with writing(services.engine) as session:
        assert len(claim(session, hook, NOW)) == 1
    assert post_due(services.engine, NOW + LEASE - timedelta(seconds=1)) == 0
    assert post_due(services.engine, NOW + LEASE) == 1
    assert fates(services, hook) == [(PostState.DONE, "204")]


def test_a_late_answer_changes_nothing(services: Services, receiver: Receiver) -> None:
    """A machine that was only slow writes nothing over what another found out after it."""
    hook = a_hook(services, receiver.url)
    happen(services)

    def taken_over(_path: str) -> int:
        receiver.answer = lambda _path: 204
        post_due(services.engine, NOW + LEASE)
        return 500

    receiver.answer = taken_over
    post_due(services.engine, NOW)
    assert fates(services, hook) == [(PostState.DONE, "204")]


def test_of_somebody_erased_only_the_number(services: Services, receiver: Receiver) -> None:
    """What waited for a receiver while its person was erased is posted without their address."""
    a_hook(services, receiver.url)
    address = fresh_address()
    with writing(services.engine) as session:
        person = subscriber(session, address).id
    with writing(services.engine) as session:
        tell_hooks(session, NOW)
        erase(session, address, channel=Channel.COMMAND, fingerprints=FINGERPRINTS, now=NOW)
    with writing(services.engine) as session:
        tell_hooks(session, NOW)
    post_due(services.engine, NOW)
    assert sorted(receiver.kinds()) == ["subscriber.confirmed", "subscriber.erased"]
    assert {told.document["data"]["subscriber"] for told in receiver.told} == {person}
    assert address.mailbox.encode() not in b"".join(told.body for told in receiver.told)
    assert b"email" not in b"".join(told.body for told in receiver.told)


def test_posted_again_on_request(services: Services, receiver: Receiver) -> None:
    """A replay posts what was settled since a moment, or what is named, once more under the same ids."""
    hook = a_hook(services, receiver.url)
    happen(services, 3)
    post_due(services.engine, NOW)
    with writing(services.engine) as session:
        first = the_posts(services, hook)[0].public_id
        session.execute(
            update(HookPost).where(HookPost.public_id == first).values(settled_at=NOW - timedelta(days=2))
        )
        assert registry.replay(session, hook, which=(), since=NOW - MINUTE, now=NOW) == 2
    assert post_due(services.engine, NOW) == 2
    with writing(services.engine) as session:
        assert registry.replay(session, hook, which=[first], since=None, now=NOW) == 1
    assert post_due(services.engine, NOW) == 1
    ids = [told.headers["webhook-id"] for told in receiver.told]
    assert sorted(ids) == sorted(post.public_id for post in the_posts(services, hook) for _ in range(2))
    with pytest.raises(LookupError, match="no post post_0"), writing(services.engine) as session:
        registry.replay(session, hook, which=[first, "post_0"], since=None, now=NOW)
    assert post_due(services.engine, NOW) == 0
