"""Our own export, cell by cell, in both directions: what `export` writes, `reading` reads.

Lists and ledgers stand in their cells as JSON.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from subscribers.lens import Lens
from subscribers.models import Act, SubscriptionState
from subscribers.rhythm import DAYS, parse_weekdays
from subscribers.transfer.people import Past
from subscribers.transfer.table import BadLine

COLUMNS = (
    "email",
    "name",
    "country",
    "timezone",
    "hour",
    "weekdays",
    "tags",
    "created_at",
    "suppressed",
    "suppressed_since",
    "suppressed_note",
    "lens",
    "subscriptions",
    "consent",
)
SUBSCRIPTION_TIMES = ("requested_at", "confirmed_at", "unsubscribed_at", "paused_until")
CONSENT_TEXTS = ("channel", "wording", "wording_version", "ip")

#: what a spreadsheet takes for the beginning of a formula (OWASP, CSV injection), and our guard itself
_DANGEROUS = tuple("=+-@\t\r\n＝＋－＠'")


def guarded(cell: str) -> str:
    """The cell as no spreadsheet takes it for a formula; `unguarded` gives the same cell back."""
    return f"'{cell}" if cell.startswith(_DANGEROUS) else cell


def unguarded(cell: str) -> str:
    return cell.removeprefix("'")


def past(row: Mapping[str, str]) -> Past:
    """What only our own export tells of a person. Raises BadLine where its cells were spoilt."""
    try:
        weekdays = row["weekdays"]
        return Past(
            lens=Lens.read(json.loads(row["lens"] or "{}")),
            weekdays=parse_weekdays(weekdays.split(",") if weekdays else DAYS),
            subscriptions=[_subscription(held) for held in json.loads(row["subscriptions"] or "[]")],
            consent=[_consent(line) for line in json.loads(row["consent"] or "[]")],
            note=row["suppressed_note"] or None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadLine(
            f"a cell of our own export was changed ({type(error).__name__}: {str(error)[:80]})",
            "export anew, and leave lens, subscriptions and consent as they are",
        ) from None


def _subscription(held: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: _moment(held.get(name)) for name in SUBSCRIPTION_TIMES}
    if times["requested_at"] is None:
        raise ValueError("a subscription without requested_at")
    return {"newsletter": str(held["newsletter"]), "state": SubscriptionState(held["state"]).value, **times}


def _consent(line: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: None if (text := line.get(name)) is None else str(text) for name in CONSENT_TEXTS}
    at = _moment(line["at"])
    if at is None or texts["channel"] is None or texts["wording"] is None:
        raise ValueError("a line of consent without its time, channel or wording")
    return {
        "act": Act(line["act"]).value,
        "newsletters": [str(slug) for slug in line["newsletters"]],
        "at": at,
        **texts,
    }


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None
