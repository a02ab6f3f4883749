"""Numbers as CSV (RFC 4180), in which no cell is taken for a formula."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from newsletter.numbers.issues import SHOWN, IssueNumbers
from newsletter.numbers.over_time import Moves
from newsletter.numbers.tally import ALL, AUDIENCE, CHANNEL
from subscribers.transfer.ours import guarded

SUBSCRIBERS = ("day", "newsletter", "part", "joined", "confirmed", "paused", "left", "net")
ISSUES = ("date", "newsletter", "issue", "state", *SHOWN)


def subscribers_csv(rows: Iterable[tuple[date, str, str, Moves]], audiences: Mapping[str, str]) -> str:
    """A line for each day, newsletter and part: all, an audience, a way of coming and leaving.

    `audiences` names them by their terms. A reader has several audiences or none, so those do not sum up.
    """
    return _table(
        SUBSCRIBERS,
        (
            (day, slug, part_name(kind, audiences), m.joined, m.confirmed, m.paused, m.left, m.net)
            for day, slug, kind, m in rows
        ),
    )


def part_name(kind: str, audiences: Mapping[str, str]) -> str:
    """What a part is called: all, "audience: Investors", "by: form"."""
    if kind == ALL:
        return "all"
    if kind.startswith(AUDIENCE):
        term = kind.removeprefix(AUDIENCE)
        return f"audience: {audiences.get(term, term) or 'none chosen'}"
    return f"by: {kind.removeprefix(CHANNEL)}"


def issues_csv(issues: Iterable[IssueNumbers]) -> str:
    """A line for each issue; cells are empty for what nobody has counted."""
    return _table(
        ISSUES,
        (
            (one.date, one.slug, one.id, one.state, *(one.counts.get(what, "") for what in SHOWN))
            for one in issues
        ),
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        # a number below nought begins like a formula, and is none
        writer.writerow([cell if isinstance(cell, int) else guarded(str(cell)) for cell in row])
    return text.getvalue()
