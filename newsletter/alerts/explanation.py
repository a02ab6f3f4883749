"""What is said of an alert and one reader: every rule passed and failed, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from newsletter.alerts.matching import meets
from newsletter.judging import Reason
from newsletter.models.alert import AlertKind, AlertReaderState


@dataclass(frozen=True)
class RuleAsked:
    """One of the reader's rules, asked of a revision."""

    rule_id: int
    words: str
    reasons: tuple[Reason, ...]

    @property
    def met(self) -> bool:
        return meets(self.reasons)

    def to_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule_id,
            "words": self.words,
            "met": self.met,
            "reasons": as_json(self.reasons),
        }


@dataclass(frozen=True)
class AlertExplanation:
    """An alert of the story, or its newest revision where that became none, as it was for one reader."""

    kind: AlertKind
    #: None where the revision became no alert
    alert_id: int | None
    revision: int
    #: when that revision came in
    seen_at: datetime
    rules: tuple[RuleAsked, ...]
    #: what else it took: of the reader, and of what they knew
    reasons: tuple[Reason, ...]
    #: what was new to a reader who knew of it
    changes: tuple[str, ...]
    #: the reader's part in the alert; None where it never came up for them
    state: AlertReaderState | None
    #: what became of it for them, in words
    outcome: str
    #: what became of the mail, in words; None without one
    mail: str | None

    @property
    def title(self) -> str:
        """`alert 3, found by rules of readers, of revision 2 (2026-01-08 09:00 UTC)`."""
        which = f"alert {self.alert_id}, {self.kind.words}, of" if self.alert_id else "alerts,"
        return f"{which} revision {self.revision} ({clock(self.seen_at)})"

    def to_json(self) -> dict[str, Any]:
        return {
            "newsletter": "alerts",
            "kind": self.kind,
            "alert": self.alert_id,
            "revision": self.revision,
            "seen_at": self.seen_at.isoformat(timespec="seconds"),
            "picked": self.state == AlertReaderState.MAILED,
            "rules": [asked.to_json() for asked in self.rules],
            "reasons": as_json(self.reasons),
            "changes": list(self.changes),
            "state": self.state,
            "outcome": self.outcome,
            "mail": self.mail,
        }


def clock(at: datetime) -> str:
    """`2026-01-08 09:00 UTC`."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def as_json(reasons: Sequence[Reason]) -> list[dict[str, object]]:
    """As scripts read them."""
    return [{"rule": reason.rule, "passed": reason.passed, "text": reason.text} for reason in reasons]
