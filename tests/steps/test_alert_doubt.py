"""Alerts of which nobody knows whether they were taken: when they are repeated, and what they count for."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from newsletter import tasks
from newsletter.alert_desk.letting_go import cancel
from newsletter.dispatch.unknown import repeat_by_policy
from newsletter.models import Delivery
from newsletter.models.desk import CorrectionKind
from newsletter.store.engine import writing
from newsletter.tick import tick
from newsletter.wiring import Services
from subscribers.alert_choices import AlertChoices
from tests.alerted import MINUTE, NOON, breaks, hold, leave, mails
from tests.builders import a_story
from tests.corrected import corrected
from tests.editors_alerts import ADA, a_draft, approved, do, spread, subscribe
from tests.issues import PUBLISH, tell

HOUR = timedelta(hours=1)
ONE_A_DAY = AlertChoices(quiet_from=0, quiet_until=0, mails_a_day=1)


def settle(services: Services, state: str, at_minute: float) -> None:
    """What the provider made of all alerts."""
    at = NOON + at_minute * MINUTE
    with writing(services.engine) as session:
        alerts = update(Delivery).where(Delivery.kind == "alert")
        session.execute(alerts.values(state=state, reason="so it was told", settled_at=at))


def repeat(services: Services, at_minute: float) -> int:
    with writing(services.engine) as session:
        return repeat_by_policy(session, now=NOON + at_minute * MINUTE)


def test_a_cancelled_alert_is_not_repeated(services: Services) -> None:
    """What was in doubt when the editors stopped their alert is not handed over once more after that."""
    subscribe(services, "ann")
    alert_id = a_draft(services)
    approved(services, alert_id)
    spread(services, 2)
    settle(services, "unknown", 3)
    do(services, alert_id, lambda session, alert: cancel(session, alert, ADA))
    assert repeat(services, 20) == 0
    assert [mail.state for mail in mails(services)] == ["unknown"]


@pytest.mark.parametrize("kind", CorrectionKind)
def test_a_wrong_alert_is_not_repeated(services: Services, kind: CorrectionKind) -> None:
    """Nor what is known by then to be wrong; its readers hear what is right, and that may be repeated."""
    hold(services, "ann@inbox.example", choices=AlertChoices(0, 0))
    breaks(services, a_story("Known"))
    settle(services, "unknown", 1)
    corrected(services, NOON + 5 * MINUTE, kind=kind)
    assert repeat(services, 20) == 0
    tasks.alert(services, NOON + 20 * MINUTE)
    assert [mail.state for mail in mails(services)] == ["unknown", "queued"]
    settle(services, "unknown", 21)
    assert repeat(services, 40) == 1


def test_what_was_repeated_counts_as_one_that_left(services: Services) -> None:
    """A first copy may have arrived, though the second was refused: the day has one mail less."""
    hold(services, "ann@inbox.example", choices=ONE_A_DAY)
    now = PUBLISH + 2 * HOUR
    tell(services, a_story("News of the night", companies=()), at=PUBLISH - 3 * HOUR)
    tick(services, PUBLISH)
    breaks(services, a_story("Known"), at=now)
    minutes = (now - NOON) / MINUTE
    settle(services, "unknown", minutes)
    assert repeat(services, minutes + 16) == 1
    settle(services, "refused", minutes + 17)
    assert leave(services, PUBLISH + 3 * HOUR) == {"withheld": 1}
