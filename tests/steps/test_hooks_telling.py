"""Telling hooks: what happens makes one post for each hook that wants it, and nothing is missed."""

import threading
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from newsletter.hooks import registry, telling
from newsletter.hooks.kinds import HookKind
from newsletter.hooks.registry import KEPT, PostState, forget_old
from newsletter.hooks.telling import tell_hooks
from newsletter.models import Event, Hook, HookPost, Issue, Newsletter
from newsletter.models.event import EventKind
from newsletter.models.issue import IssueState
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from subscribers import consent, pausing
from subscribers.consent import Channel
from subscribers.erasure import erase
from subscribers.ledger import Evidence
from subscribers.models import Act, Subscriber, SubscriptionState
from tests.feedback import NOW, a_delivery, hear, told
from tests.people import FINGERPRINTS, bring_to, fresh_address, known, subscriber

URL = "https://crm.example/hooks"


def a_hook(services: Services, *kinds: HookKind) -> int:
    with writing(services.engine) as session:
        return registry.add(session, URL, kinds or tuple(HookKind), now=NOW - timedelta(hours=1)).id


def tell(services: Services) -> int:
    with writing(services.engine) as session:
        return tell_hooks(session, NOW)


def all_posts(services: Services, hook_id: int | None = None) -> list[HookPost]:
    with reading(services.engine) as session:
        query = select(HookPost).order_by(HookPost.id)
        return list(session.scalars(query if hook_id is None else query.where(HookPost.hook_id == hook_id)))


def kinds(services: Services) -> list[str]:
    return [post.kind for post in all_posts(services)]


def act(session: Session, person: int, what: Act = Act.CHANGED) -> None:
    """A line in the ledger, as every act of that person writes one."""
    someone = session.get_one(Subscriber, person)
    Evidence(Channel.FORM, "Yes", None, NOW).write(session, what, someone, ["daily"])
    session.flush()


def test_what_people_do_is_told(services: Services) -> None:
    """Each act of a person makes a post of its kind, in order, about that person and without any address."""
    a_hook(services)
    address = fresh_address()
    with writing(services.engine) as session:
        bring_to(session, address, SubscriptionState.CONFIRMED)
        person = known(session, address)
        pausing.pause(
            session, person, None, NOW + timedelta(days=3), channel=Channel.LINK, wording="Pause", now=NOW
        )
        consent.unsubscribe(session, person.public_id, None, channel=Channel.LINK, wording="Stop", now=NOW)
        number = person.id
    assert tell(services) == 4
    found = all_posts(services)
    assert kinds(services) == [
        HookKind.ASKED,
        HookKind.CONFIRMED,
        HookKind.PAUSED,
        HookKind.UNSUBSCRIBED,
    ]
    assert {post.subscriber_id for post in found} == {number}
    assert found[0].body["data"] == {"newsletters": ["daily"], "channel": "form"}
    assert address.mailbox not in str([post.body for post in found])


def test_nothing_is_told_twice(services: Services) -> None:
    """However often the clock strikes, and were the mark of how far it came lost, one act makes one post."""
    hook = a_hook(services)
    with writing(services.engine) as session:
        act(session, subscriber(session).id)
    assert tell(services) == 2
    with writing(services.engine) as session:
        session.execute(update(Hook).values(consent_id=0, event_id=0))
    assert tell(services) == 0
    assert len(all_posts(services, hook)) == 2


def test_each_hook_hears_what_it_asked_for(services: Services) -> None:
    """A hook that asked for one kind gets no other; what was before a hook was added is not told to it."""
    with writing(services.engine) as session:
        subscriber(session)
    only_changes, everything = a_hook(services, HookKind.CHANGED), a_hook(services)
    with writing(services.engine) as session:
        act(session, subscriber(session).id)
    tell(services)
    assert [post.kind for post in all_posts(services, only_changes)] == [HookKind.CHANGED]
    assert [post.kind for post in all_posts(services, everything)] == [HookKind.CONFIRMED, HookKind.CHANGED]


def test_what_others_ask_is_nobodys_business(services: Services) -> None:
    """That somebody asked for a link or took their data is told to no hook."""
    a_hook(services)
    with writing(services.engine) as session:
        person = subscriber(session).id
        act(session, person, Act.LINK_ASKED)
        act(session, person, Act.EXPORTED)
    tell(services)
    assert kinds(services) == [HookKind.CONFIRMED]


def test_more_than_one_stroke(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is too much for one stroke of the clock is told by the next ones, all of it."""
    monkeypatch.setattr(telling, "BATCH", 3)
    a_hook(services, HookKind.CHANGED)
    with writing(services.engine) as session:
        person = subscriber(session).id
        for _ in range(8):
            act(session, person)
    assert [tell(services) for _ in range(4)] == [3, 3, 2, 0]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_commits_late_is_not_missed(services: Services) -> None:
    """A line whose number is lower, and which is committed after a higher one was told, is told as well."""
    a_hook(services, HookKind.CHANGED)
    with writing(services.engine) as session:
        slow, quick = subscriber(session).id, subscriber(session).id
    written, let_go = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with writing(services.engine) as session:
            act(session, slow)
            written.set()
            let_go.wait(10)

    thread = threading.Thread(target=write_slowly)
    thread.start()
    written.wait(10)
    with writing(services.engine) as session:
        act(session, quick)
    assert tell(services) == 1
    let_go.set()
    thread.join()
    assert tell(services) == 1
    assert [post.subscriber_id for post in all_posts(services)] == [quick, slow]
    assert tell(services) == 0


def test_many_write_while_it_is_told(services: Services) -> None:
    """With several writers and two clocks at once, every act is told, and once."""
    a_hook(services, HookKind.CHANGED)
    with writing(services.engine) as session:
        people = [subscriber(session).id for _ in range(4)]
    done = threading.Event()

    def write(person: int) -> None:
        for _ in range(25):
            with writing(services.engine) as session:
                act(session, person)

    def strike() -> None:
        while not done.is_set():
            tell(services)

    writers = [threading.Thread(target=write, args=(person,)) for person in people]
    clocks = [threading.Thread(target=strike) for _ in range(2)]
    for thread in [*writers, *clocks]:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in clocks:
        thread.join()
    tell(services)
    assert Counter(post.subscriber_id for post in all_posts(services)) == dict.fromkeys(people, 25)


def test_what_became_of_mails_is_told(services: Services) -> None:
    """Delivered, bounced, complained and blocked are told, with the mail and the mailbox's words."""
    a_hook(services)
    with writing(services.engine) as session:
        person = subscriber(session)
        mail = a_delivery(session, person.id, issue=7)
    tell(services)
    said = (EventKind.PROCESSED, EventKind.DELIVERED, EventKind.BLOCKED, EventKind.COMPLAINED)
    hear(services.engine, *(told(kind, mail, reason="550 no") for kind in said))
    hear(services.engine, told(EventKind.HARD_BOUNCE, None))
    tell(services)
    found = [post for post in all_posts(services) if post.kind.startswith("delivery.")]
    assert [post.kind for post in found] == ["delivery.delivered", "delivery.blocked", "delivery.complained"]
    assert found[1].body["data"] == {
        "delivery": mail,
        "newsletter": "daily",
        "issue": 7,
        "what": "blocked",
        "reason": "550 no",
    }


def test_an_event_is_told_when_it_was_worked_in(services: Services) -> None:
    """An event that waits is told after it was worked in, although later ones have been told before."""
    a_hook(services)
    with writing(services.engine) as session:
        mail = a_delivery(session, subscriber(session).id)
    hear(services.engine, told(EventKind.DELIVERED, mail), told(EventKind.COMPLAINED, mail))
    with writing(services.engine) as session:
        first = session.scalars(select(Event.id).where(Event.kind == EventKind.DELIVERED)).one()
        session.execute(update(Event).where(Event.id == first).values(applied_at=None))
    for _ in range(2):
        tell(services)
    assert "delivery.delivered" not in kinds(services)
    assert "delivery.complained" in kinds(services)
    with writing(services.engine) as session:
        session.execute(update(Event).where(Event.id == first).values(applied_at=NOW))
    assert tell(services) == 1
    assert kinds(services).count("delivery.delivered") == 1


def test_events_are_told_when_their_numbers_begin_anew(services: Services) -> None:
    """SQLite counts from one again after all events were deleted; the next ones are told all the same."""
    a_hook(services, HookKind.DELIVERED)
    with writing(services.engine) as session:
        mail = a_delivery(session, subscriber(session).id)
    hear(services.engine, *(told(EventKind.DELIVERED, mail) for _ in range(3)))
    assert tell(services) == 3
    with writing(services.engine) as session:
        session.execute(delete(Event))
        session.execute(delete(HookPost))
    tell(services)
    hear(services.engine, told(EventKind.DELIVERED, mail))
    assert tell(services) == 1


def test_issues_are_told(services: Services) -> None:
    """That an issue was published, and that its books are closed, is told once each, with its numbers."""
    a_hook(services)
    with writing(services.engine) as session:
        daily = session.scalars(select(Newsletter).where(Newsletter.slug == "daily")).one()
        for days, published in ((2, NOW - timedelta(hours=2)), (1, NOW)):
            session.add(
                Issue(
                    newsletter=daily,
                    date=(NOW - timedelta(days=days)).date(),
                    state=IssueState.PUBLISHED,
                    since_at=NOW,
                    cutoff_at=NOW,
                    publish_at=NOW,
                    expires_at=NOW,
                    published_at=published,
                    frozen=12,
                )
            )
    assert [tell(services), tell(services)] == [1, 0]
    with writing(services.engine) as session:
        sentence = "12 frozen = 12 accepted"
        session.execute(
            update(Issue).where(Issue.published_at == NOW).values(finished_at=NOW, reason=sentence)
        )
    assert [tell(services), tell(services)] == [1, 0]
    first, second = all_posts(services)
    assert (first.kind, second.kind) == (HookKind.PUBLISHED, HookKind.FINISHED)
    data = second.body["data"]
    assert (data["newsletter"], data["frozen"], data["summary"]) == ("daily", 12, sentence)


def test_old_posts_are_forgotten(services: Services) -> None:
    """What was settled 30 days ago is deleted; what waits stays, however old it is."""
    a_hook(services, HookKind.CHANGED)
    with writing(services.engine) as session:
        person = subscriber(session).id
        for _ in range(3):
            act(session, person)
    tell(services)
    old, young, waiting = (post.id for post in all_posts(services))
    ages = {old: KEPT + timedelta(seconds=1), young: KEPT}
    with writing(services.engine) as session:
        for post, age in ages.items():
            values = {"state": PostState.DONE, "settled_at": NOW - age}
            session.execute(update(HookPost).where(HookPost.id == post).values(**values))
        assert forget_old(session, now=NOW) == 1
    assert [post.id for post in all_posts(services)] == [young, waiting]


def test_somebody_erased_is_told_by_number_alone(services: Services) -> None:
    """Nothing that waits for a hook names somebody who has been erased."""
    a_hook(services)
    address = fresh_address()
    with writing(services.engine) as session:
        subscriber(session, address)
        erase(session, address, channel=Channel.COMMAND, fingerprints=FINGERPRINTS, now=NOW)
    tell(services)
    assert kinds(services) == [HookKind.CONFIRMED, HookKind.ERASED]
    assert address.mailbox not in str([post.body for post in all_posts(services)])
