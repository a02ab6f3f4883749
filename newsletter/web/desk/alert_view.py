"""Alerts as the desk shows them: with their times in the home zone, and their aims in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import HTTPException, Path
from sqlalchemy.orm import Session

from newsletter.alert_desk.editing import CHANGEABLE
from newsletter.alerts.aim import aim_in_words, segment_names
from newsletter.models import Alert
from newsletter.models.alert import AlertKind, AlertState
from newsletter.web.desk.spans import span
from newsletter.web.pages import Door, alerts_of

AlertNumber = Annotated[int, Path(ge=1, lt=2**63)]

#: states in which its readers have it, or are about to get it
OUT = (AlertState.SPREADING, AlertState.SPREAD)


@dataclass(frozen=True)
class AlertLine:
    """An alert in a list of them."""

    id: int
    headline: str
    kind: str
    state: str
    reason: str | None
    aim: str
    #: when it leaves, or was let go, or was made
    at: datetime
    #: what that moment is
    when: str


def find_alert(session: Session, alert_id: int) -> Alert:
    """The alert of that number; 404 without it."""
    alert = session.get(Alert, alert_id)
    if alert is None:
        raise HTTPException(404)
    return alert


def home_zone(door: Door) -> ZoneInfo:
    """In which editors read and choose the times of alerts: that of the first newsletter."""
    return ZoneInfo(door.services.site.usual_rhythm(alerts_of(door).slug).timezone)


def lines(session: Session, alerts: Sequence[Alert], zone: ZoneInfo, now: datetime) -> list[AlertLine]:
    """The alerts in their order."""
    names = segment_names(session)
    return [
        AlertLine(
            alert.id,
            alert.title,
            AlertKind(alert.kind).words,
            alert.state,
            alert.reason,
            aim_in_words(alert, names),
            at.astimezone(zone),
            when,
        )
        for alert in alerts
        for at, when in [_moment(alert, now)]
    ]


def _moment(alert: Alert, now: datetime) -> tuple[datetime, str]:
    if alert.release_at is None:
        return alert.made_at, "drafted" if alert.state in CHANGEABLE else "came up"
    if alert.state == AlertState.APPROVED:
        return alert.release_at, f"leaves in {span(max(timedelta(), alert.release_at - now))}"
    return alert.release_at, "let go" if alert.state in OUT else "was to leave"
