"""Spared: which of the rules that keep an alert back it passed for its reader, and which it did not. Pure.

The rules are those of `sparing`. An alert that was decided on tells by which rule; before that one it passed
all others.
"""

from collections.abc import Iterator

from newsletter.alerts.explanation import clock
from newsletter.alerts.phrases import hours
from newsletter.alerts.sparing import ORDER, Limits
from newsletter.judging import Reason
from newsletter.models import Alert, AlertReader
from newsletter.models.alert import AlertKind


def spared(row: AlertReader, alert: Alert, limits: Limits) -> Iterator[Reason]:
    """In their order, up to the one that kept it back; none for an alert that was not decided on by them."""
    if row.rule is None and row.mailed_at is None:
        return
    for rule in ORDER:
        if rule == row.rule:
            yield Reason(rule, False, row.reason or "")
            return
        yield Reason(rule, True, _passed(rule, alert, limits))


def _passed(rule: str, alert: Alert, limits: Limits) -> str:
    if rule == "rest" and alert.kind == AlertKind.CORRECTION:
        return "a correction waits for no rest"
    return {
        "meanwhile": "no digest told it meanwhile",
        "life": f"news until {clock(alert.expires_at)}",
        "same": "no other alert of the story went before it",
        "rest": (
            f"no alert of the story had come within {hours(limits.story_rest)}, "
            f"nor one of its companies within {hours(limits.company_rest)}"
        ),
        "budget": "the mails of the day were not used up",
        "quiet": "no quiet kept it back",
        "gather": "no other alert had just left",
        "full": "the mail had room for it",
    }[rule]
