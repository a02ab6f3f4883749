"""kill -9 while somebody acts at a door: before or after, never half; and no yes without a commit."""

import socket
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import func, select

from newsletter.links import unsubscribe_url
from newsletter.models import Event
from newsletter.store.engine import reading, writing
from newsletter.tick import tick_issues
from subscribers import roster
from subscribers.models import SubscriptionState
from tests.chaos.acts import READER
from tests.chaos.books import check
from tests.chaos.conftest import Driver, MakeWorld
from tests.chaos.points import PORTION, Moment, Point
from tests.chaos.world import World
from tests.sendgrid_signing import PUBLIC_KEY, headers

_APPROVAL = "newsletter.desk.approval"
#: not committed, and committed
MOMENTS = (Moment.RETURNED, Moment.COMMITTED)


def state_of(world: World) -> str:
    issue = world.issue()
    assert issue is not None
    return issue.state


def reach(world: World, when: datetime) -> None:
    """All that the clock does until then; no mail leaves."""
    services = world.services()
    tick_issues(services, when)
    services.engine.dispose()


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    ("act", "where", "states"),
    [
        ("pause", "pause", ("published", "paused")),
        ("cancel", "cancel", ("published", "cancelled")),
    ],
)
def test_death_while_an_issue_is_stopped(
    driver: Driver, make_world: MakeWorld, act: str, where: str, states: tuple[str, str], moment: Moment
) -> None:
    """C8: pause and cancel hold wholly or not at all; once committed, no mail of the issue is claimed."""
    world = make_world()
    reach(world, world.now)
    # some mails are in the hands of somebody who died
    driver.die(world, "tick", Point("C4", "newsletter.dispatch.dispatcher:claim", Moment.COMMITTED))
    driver.die(world, act, Point("C8", f"{_APPROVAL}:{where}", moment))
    assert state_of(world) == states[moment is Moment.COMMITTED]
    world.finish()
    if act == "pause" and moment is Moment.COMMITTED:
        assert not world.sink.taken
        driver.live(world, "resume")
        world.finish()
    found = check(world)
    stopped = act == "cancel" and moment is Moment.COMMITTED
    assert found == {"cancelled" if stopped else "accepted": len(world.readers)}


@pytest.mark.parametrize(
    ("where", "moment", "state"),
    [
        (f"{_APPROVAL}:content_hash", Moment.CALLED, "draft"),
        (f"{_APPROVAL}:approve", Moment.RETURNED, "draft"),
        (f"{_APPROVAL}:approve", Moment.COMMITTED, "approved"),
    ],
)
def test_death_while_an_issue_is_approved(
    driver: Driver, make_world: MakeWorld, where: str, moment: Moment, state: str
) -> None:
    """C8: an approval is there with all that it froze, or not at all; the issue goes out either way."""
    world = make_world()
    reach(world, world.now - timedelta(hours=2, minutes=30))
    driver.die(world, "approve", Point("C8", where, moment))
    assert state_of(world) == state
    world.finish()
    assert check(world) == {"accepted": len(world.readers)}


@pytest.mark.parametrize(
    ("where", "moment", "gone"),
    [
        ("newsletter.erasure:_withhold", Moment.RETURNED, False),
        ("newsletter.erasure:erase", Moment.RETURNED, False),
        ("newsletter.erasure:erase", Moment.COMMITTED, True),
    ],
)
@pytest.mark.parametrize("claimed", [False, True], ids=["queued", "claimed"])
def test_death_while_somebody_is_erased(
    driver: Driver, make_world: MakeWorld, where: str, moment: Moment, gone: bool, claimed: bool
) -> None:
    """C10: the person is forgotten wholly or not at all; then nothing leaves to them, and counts add up."""
    world = make_world()
    reach(world, world.now)
    if claimed:
        driver.die(world, "tick", Point("C4", "newsletter.dispatch.dispatcher:claim", Moment.COMMITTED))
    driver.die(world, "erase", Point("C10", where, moment))
    world.finish()
    found = check(world)
    assert found["withheld"] == gone
    assert found["accepted"] == len(world.readers) - gone
    assert any(copy.to == READER for copy in world.sink.taken) is not gone


def knock(url: str, content: bytes, sent: dict[str, str]) -> int | None:
    """What a request is answered; None is nothing at all. Waits until somebody serves."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return httpx.post(url, content=content, headers=sent, timeout=20).status_code
        except httpx.ConnectError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        except httpx.TransportError:
            return None


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
        return port


def ask_and_die(
    driver: Driver, world: World, point: Point, url: str, content: bytes, **sent: str
) -> int | None:
    """What a server that dies at the point still answers."""
    world.environ["PORT"] = str(free_port())
    answers: list[int | None] = []
    full = f"http://127.0.0.1:{world.environ['PORT']}{url}"
    asking = threading.Thread(target=lambda: answers.append(knock(full, content, sent)))
    asking.start()
    driver.die(world, "serve", point)
    asking.join()
    return answers[0]


@pytest.mark.parametrize("moment", MOMENTS)
def test_death_while_somebody_leaves(driver: Driver, make_world: MakeWorld, moment: Moment) -> None:
    """C9: no yes before the commit; who left by then gets nothing, and who did not may ask again."""
    world = make_world()
    reach(world, world.now)
    services = world.services()
    with reading(services.engine) as session:
        reader = roster.find(session, READER)
        assert reader is not None
        url = unsubscribe_url("", services.tokens, reader.public_id, "daily")
    point = Point("C9", "subscribers.consent:unsubscribe", moment)
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert ask_and_die(driver, world, point, url, b"List-Unsubscribe=One-Click", **form) is None
    gone = moment is Moment.COMMITTED
    with reading(services.engine) as session:
        reader = roster.find(session, READER)
        assert reader is not None
        states = {held.state for held in reader.subscriptions}
    assert (states == {SubscriptionState.UNSUBSCRIBED}) is gone
    services.engine.dispose()
    world.finish()
    assert check(world)["withheld"] == gone
    assert any(copy.to == READER for copy in world.sink.taken) is not gone


@pytest.mark.parametrize("moment", MOMENTS)
def test_death_while_a_provider_tells(driver: Driver, make_world: MakeWorld, moment: Moment) -> None:
    """C9: a batch of events is kept wholly or not at all; told again, it counts once."""
    world = make_world()
    world.environ["SENDGRID_WEBHOOK_KEY"] = PUBLIC_KEY
    world.finish()
    services = world.services()
    body = (
        b'[{"event":"delivered","sg_event_id":"a","delivery_id":"1","timestamp":%d,"email":"x@inbox.example"},'
        b'{"event":"bounce","type":"bounce","status":"5.1.1","sg_event_id":"b","delivery_id":"2",'
        b'"timestamp":%d,"email":"y@inbox.example"}]'
    ) % ((int(datetime.now(UTC).timestamp()),) * 2)
    point = Point("C9", "newsletter.web.hooks:store", moment)
    for _ in range(2):
        sent = headers(body, datetime.now(UTC))
        assert ask_and_die(driver, world, point, "/hooks/sendgrid", body, **sent) is None
        with reading(services.engine) as session:
            told = session.scalars(select(func.count()).select_from(Event)).one()
        assert told == (2 if moment is Moment.COMMITTED else 0)
    services.engine.dispose()
    world.finish()
    check(world)


@pytest.mark.parametrize("moment", MOMENTS)
def test_death_while_people_are_imported(driver: Driver, make_world: MakeWorld, moment: Moment) -> None:
    """C9: an import that died is simply run again; who was in stays in, once, and nobody is missing."""
    world = make_world(readers=PORTION)
    file = world.folder / "people.csv"
    file.write_text("email\n" + "".join(f"new{n}@inbox.example\n" for n in range(50)))
    driver.die(world, "take_in_file", Point("C9", "subscribers.transfer.batches:import_people", moment))
    driver.live(world, "take_in_file")
    services = world.services()
    with writing(services.engine) as session:
        assert len({r.email for n in range(50) if (r := roster.find(session, f"new{n}@inbox.example"))}) == 50
    services.engine.dispose()
