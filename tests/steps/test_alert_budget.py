"""The budget of a reader's day, over digests and alerts: kept when mails are made and when they leave."""

from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import insert, select, update

from newsletter import tasks
from newsletter.alerts.budget import USED_UP
from newsletter.content import Company, StoryContent
from newsletter.models import AlertReader, Delivery, Edition
from newsletter.store.engine import reading, writing
from newsletter.tick import tick
from newsletter.wiring import Services
from subscribers.alert_choices import AlertChoices
from subscribers.alert_rule import AlertRule
from tests.alerted import MINUTE, NOON, breaks, fates, hold, leave, mails
from tests.builders import a_story
from tests.issues import PUBLISH, tell

ONE_A_DAY = AlertChoices(mails_a_day=1)
#: when the digest of the day is read
READ = PUBLISH + timedelta(hours=2, minutes=30)


def story(name: str) -> StoryContent:
    return a_story(f"{name} trains a model", companies=(Company(name),))


def test_alerts_beyond_the_budget_are_folded(services: Services) -> None:
    """Once as many mails left on the reader's day as they want, what breaks is for the next digest."""
    reader = hold(services, "reader@inbox.example", AlertRule(), choices=AlertChoices(mails_a_day=2))
    for hour, name in enumerate(("One", "Two", "Three")):
        at = NOON + timedelta(hours=hour)
        breaks(services, story(name), at=at)
        leave(services, at)
    assert [fate.state for fate in fates(services, reader)] == ["mailed", "mailed", "folded"]
    assert fates(services, reader)[-1].reason == "2 mails today: you chose 2 at most"


def test_the_day_is_that_of_the_readers_zone(services: Services) -> None:
    """A mail before midnight in the reader's zone leaves the budget of the day after it untouched."""
    choices = AlertChoices(quiet_from=0, quiet_until=0, mails_a_day=1)
    reader = hold(services, "reader@inbox.example", AlertRule(), choices=choices, zone="Asia/Tokyo")
    before, after = NOON + timedelta(hours=2, minutes=50), NOON + timedelta(hours=3, minutes=10)
    for at, name in ((before, "One"), (after, "Two")):
        breaks(services, story(name), at=at)
        leave(services, at)
    assert [fate.state for fate in fates(services, reader)] == ["mailed", "mailed"]


def test_a_digest_beyond_the_budget_is_told_by_the_next(services: Services) -> None:
    """A digest that would be one mail too many is withheld, and its stories are folded; alerts go first."""
    # no quiet keeps the alert back before the digest's hour
    never = AlertChoices(quiet_from=0, quiet_until=0)
    reader = hold(services, "reader@inbox.example", choices=replace(never, mails_a_day=1))
    hold(services, "other@inbox.example", choices=never)
    tell(services, story("Lab of the night"))
    tick(services, PUBLISH)
    early = PUBLISH + timedelta(hours=2)
    breaks(services, a_story("Sample Lab trains a model"), at=early)
    assert leave(services, early) == {"accepted": 2}
    assert leave(services, READ) == {"accepted": 1, "withheld": 1}
    withheld = next(mail for mail in mails(services, "digest") if mail.subscriber_id == reader)
    assert (withheld.state, withheld.reason) == ("withheld", USED_UP)
    with reading(services.engine) as session:
        folds = session.scalars(select(AlertReader).where(AlertReader.alert_id.is_(None))).all()
        assert [(fold.subscriber_id, fold.state, fold.reason) for fold in folds] == [
            (reader, "folded", USED_UP)
        ]


def test_a_digest_is_put_off_once(services: Services) -> None:
    """Whoever wants one mail a day, and is alerted every day, reads a digest every other day at least."""
    reader = hold(services, "reader@inbox.example", choices=AlertChoices(0, 0, mails_a_day=1))
    for day in range(3):
        later = timedelta(days=day)
        tell(services, story(f"Lab of night {day}"), at=PUBLISH + later - timedelta(hours=3))
        tick(services, PUBLISH + later)
        breaks(services, a_story(f"Sample Lab trains model {day}"), at=PUBLISH + later + timedelta(hours=2))
        leave(services, PUBLISH + later + timedelta(hours=2))
        leave(services, READ + later)
        tick(services, READ + later)
    digests = [mail.state for mail in mails(services, "digest") if mail.subscriber_id == reader]
    assert digests == ["withheld", "accepted", "withheld"]


def test_an_alert_counts_before_it_has_left(services: Services) -> None:
    """A digest leaves room for an alert that waits in the outbox; the alert is not kept back by itself."""
    reader = hold(services, "reader@inbox.example", choices=ONE_A_DAY)
    breaks(services, a_story("Sample Lab trains a model"))
    breaks(services, story("Another"), at=NOON + MINUTE)
    assert leave(services, NOON + MINUTE) == {"accepted": 1}
    assert [fate.state for fate in fates(services, reader)] == ["mailed"]


def test_two_workers_do_not_share_the_last_place(services: Services) -> None:
    """Two claims at one moment let one mail through where there is room for one."""
    if services.engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time")
    reader = hold(services, "reader@inbox.example", AlertRule(), choices=ONE_A_DAY)
    breaks(services, story("One"))
    [first] = mails(services)
    with writing(services.engine) as session:
        # as if a second one had got past the first look
        twin = Edition(alerted_at=NOON, fingerprint="twin", readers=1)
        session.add(twin)
        session.flush()
        came = {"state": "mailed", "decided_at": NOON, "due_at": NOON, "mailed_at": NOON}
        row = {"subscriber_id": reader, "story_id": 1, "rules": [], "changes": [], "edition_id": twin.id}
        session.execute(insert(AlertReader).values(**row, **came))
        columns = [column.name for column in Delivery.__table__.c if column.name != "id"]
        mail = {name: getattr(first, name) for name in columns} | {"occasion_id": twin.id}
        session.execute(insert(Delivery).values(**mail))
    barrier = Barrier(2)
    done: list[dict[str, int]] = []

    def work() -> None:
        dispatcher = services.dispatcher()
        barrier.wait()
        done.append(dict(dispatcher.run(NOON).counts))

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    leave(services)
    assert sorted(mail.state for mail in mails(services)) == ["accepted", "withheld"]


def test_what_did_not_leave_is_mended(services: Services) -> None:
    """An alert that expired in the outbox is folded for readers of a digest, and dropped for all others."""
    reader = hold(services, "reader@inbox.example")
    alone = hold(services, "alone@inbox.example", newsletters=["alerts"])
    breaks(services, a_story("Sample Lab trains a model"))
    later = NOON + timedelta(days=2)
    assert leave(services, later) == {"expired": 2}
    assert dict(tasks.alert(services, later)) == {"mended": 2}
    assert [fates(services, one)[0].state for one in (reader, alone)] == ["folded", "dropped"]
    assert fates(services, reader)[0].reason == "its mail was expired: could not leave in its time"


def test_a_refused_alert_stays_as_it_is(services: Services) -> None:
    """What a provider refused, or may have taken, is not told again as if nothing had been."""
    readers = [hold(services, f"{name}@inbox.example") for name in ("refused", "unknown")]
    breaks(services, a_story("Sample Lab trains a model"))
    with writing(services.engine) as session:
        for reader, state in zip(readers, ("refused", "unknown"), strict=True):
            settled = update(Delivery).where(Delivery.subscriber_id == reader)
            session.execute(settled.values(state=state, settled_at=NOON))
    assert dict(tasks.alert(services, NOON + MINUTE)) == {}
    assert [fates(services, reader)[0].state for reader in readers] == ["mailed", "mailed"]
