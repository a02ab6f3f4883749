"""A correction of what an alert told: whoever is to hear of it hears once, whichever way is first."""

from datetime import timedelta

import pytest

from newsletter import tasks
from newsletter.content import Impact
from newsletter.models.delivery import DeliveryState
from newsletter.wiring import Services
from subscribers.alert_choices import AlertChoices
from subscribers.alert_rule import AlertRule
from tests.alerted import NOON, breaks, fates, hold, leave
from tests.alerted import mails as deliveries
from tests.builders import a_story
from tests.corrected import a_day, corrected, heard, mails, noted
from tests.issues import tell

HOUR = timedelta(hours=1)
KNOWN = AlertRule.of({"words": ["known"]})
#: over when the next digest has come, and while the correction is news still
QUIET = AlertChoices(quiet_from=13, quiet_until=12, mails_a_day=20)
NO_QUIET = AlertChoices(quiet_from=0, quiet_until=0, mails_a_day=20)
ALERT, NOTE, DIGEST = "alert", "note", "digest"


def told(services: Services, choices: AlertChoices = NO_QUIET) -> tuple[int, int]:
    """Ann, who reads digests, too, and Bob, who reads alerts only: an alert told them the story."""
    ann = hold(services, "ann@reader.example", KNOWN, choices=choices)
    bob = hold(services, "bob@reader.example", KNOWN, choices=choices, newsletters=("alerts",))
    breaks(services, a_story("Known"))
    assert leave(services) == {DeliveryState.ACCEPTED: 2}
    return ann, bob


@pytest.mark.parametrize(
    "order", [(ALERT, NOTE, DIGEST), (NOTE, DIGEST, ALERT), (DIGEST, ALERT, NOTE)], ids="-".join
)
def test_it_is_heard_once(services: Services, order: tuple[str, ...]) -> None:
    """By an alert, a note that goes out at once, or a digest: the first of them tells it, the others are
    silent about it."""
    waits = order.index(DIGEST) < order.index(ALERT)
    told(services, QUIET if waits else NO_QUIET)
    now = NOON + 1.5 * HOUR
    number = corrected(services, now)
    if waits:
        assert tasks.alert(services, now)["waiting"] == 2
    for way in order:
        if way == DIGEST:
            a_day(services, 2, revision=2)
            now = NOON + 24 * HOUR
            continue
        if way == ALERT:
            tasks.alert(services, now)
        else:
            noted(services, number, now)
        leave(services, now)
        now += timedelta(minutes=10)
    assert heard(services) == ["ann", "bob"]


def test_two_that_come_up_at_once_are_heard_once_each(services: Services) -> None:
    """One leaves at once; the other one by the next digest, or the next morning where none comes."""
    ann, bob = told(services)
    for _ in range(2):
        corrected(services, NOON + HOUR)
    tasks.alert(services, NOON + HOUR)
    leave(services, NOON + HOUR)
    assert heard(services) == ["ann", "bob"]
    assert [fate.state for fate in fates(services, ann)] == ["mailed", "folded", "mailed"]
    assert [fate.state for fate in fates(services, bob)] == ["mailed", "waiting", "mailed"]
    for number in (2, 3):
        a_day(services, number, revision=2)
    assert heard(services) == ["ann", "ann", "bob", "bob"]


def test_a_note_to_whom_an_alert_told_it(services: Services) -> None:
    """It says when they were told, leaves by the alerts, and can be ended with one click."""
    _, bob = told(services)
    now = NOON + HOUR
    noted(services, corrected(services, now), now)
    assert {row.newsletter for row in deliveries(services, "correction") if row.subscriber_id == bob} == {
        "alerts"
    }
    assert leave(services, now) == {DeliveryState.ACCEPTED: 2}
    [(_, subject, text)] = [mail for mail in mails(services)[2:] if mail[0].startswith("bob")]
    assert subject == "Correction: Known"
    assert "We told you on Thursday, January 8, 2026" in " ".join(text.split())
    assert "/unsubscribe/" in text
    assert dict(tasks.alert(services, now)) == {}


def test_a_correction_tells_nothing_else_that_is_new(services: Services) -> None:
    """The story's label turned, and the alert of that was wrong; a correction said so, and not the label. So
    its turning back is no news to whoever was told the first one."""
    ann, _ = told(services)
    now = NOON + HOUR
    tell(services, a_story("Known", impact=Impact.NEUTRAL), at=now)
    corrected(services, now, revision=2)
    tasks.alert(services, now)
    leave(services, now)
    assert heard(services) == ["ann", "bob"]
    breaks(services, a_story("Known", impact=Impact.ADVANCE), at=NOON + 20 * HOUR)
    assert [fate.state for fate in fates(services, ann)] == ["mailed", "mailed"]
