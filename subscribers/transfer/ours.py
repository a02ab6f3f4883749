"""Our own export, cell by cell, in both directions: what `export` writes, `reading` reads.

Lists and ledgers stand in their cells as JSON.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from subscribers.lens import Lens
from subscribers.models import Act, SubscriptionState
from subscribers.rhythm import DAYS, parse_weekdays
from subscribers.transfer.alerts import choices_from, rules_from
from subscribers.transfer.people import Past
from subscribers.transfer.table import BadLine

COLUMNS = (
    "email",
    "public_id",
    "name",
    "country",
    "timezone",
    "hour",
    "weekdays",
    "tags",
    "created_at",
    "engaged_at",
    "counted",
    "suppressed",
    "suppressed_since",
    "suppressed_note",
    "lens",
    "muted_stories",
    "alert_rules",
    "alert_choices",
    "subscriptions",
    "consent",
)
SUBSCRIPTION_TIMES = ("requested_at", "confirmed_at", "unsubscribed_at", "paused_until")
CONSENT_TEXTS = ("channel", "wording", "wording_version", "ip")

#: what a spreadsheet takes for the beginning of a formula (OWASP, CSV injection), and our guard itself
GUARDS = frozenset("=+-@\t\r\n＝＋－＠'")
#: how `public_id` looks, which stands in links
_PUBLIC_ID = re.compile(r"[\w-]{16,64}", re.ASCII)


def guarded(cell: str) -> str:
    """The cell as no spreadsheet takes it for a formula; `formats.unguarded` gives the same cell back."""
    return f"'{cell}" if cell[:1] in GUARDS else cell


def past(row: Mapping[str, str]) -> Past:
    """What only our own export tells of a person. Raises BadLine where its cells were spoilt.

    Older exports tell neither `public_id`, `engaged_at` and `counted` nor muted stories and alerts.
    """
    try:
        weekdays = row["weekdays"]
        if any("\0" in cell or "\\u0000" in cell for cell in row.values()):
            raise ValueError("a NUL, which no database keeps")
        return Past(
            lens=Lens.read(json.loads(row["lens"] or "{}")),
            weekdays=parse_weekdays(weekdays.split(",") if weekdays else DAYS),
            subscriptions=_once("newsletter", map(_subscription, json.loads(row["subscriptions"] or "[]"))),
            consent=[_consent(line) for line in json.loads(row["consent"] or "[]")],
            public_id=_public_id(row.get("public_id", "")),
            engaged_at=_moment(row.get("engaged_at")),
            counted={"": False, "false": False, "true": True}[row.get("counted", "")],
            muted=_once("story_id", map(_muted, json.loads(row.get("muted_stories") or "[]"))),
            rules=rules_from(json.loads(row.get("alert_rules") or "[]")),
            choices=choices_from(json.loads(row.get("alert_choices") or "{}")),
            note=row["suppressed_note"] or None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadLine(
            "a cell of our own export was changed",
            "export anew, and leave lens, muted_stories, alert_rules, alert_choices, subscriptions "
            "and consent as they are",
            f"{type(error).__name__}: {error}",
        ) from None


def _once(name: str, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, in which every value of that column stands once."""
    found = list(rows)
    if len({row[name] for row in found}) < len(found):
        raise ValueError(f"the same {name} twice")
    return found


def _public_id(text: str) -> str | None:
    if text and not _PUBLIC_ID.fullmatch(text):
        raise ValueError("a public_id that cannot stand in a link")
    return text or None


def _muted(story: Mapping[str, Any]) -> dict[str, Any]:
    number, at = int(story["story"]), _moment(story["at"])
    if at is None or not 0 < number < 1 << 63:
        raise ValueError("a muted story without its number or its time")
    return {"story_id": number, "at": at}


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
