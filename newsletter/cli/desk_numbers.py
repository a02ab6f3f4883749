"""The command that tells how readers came and went, and what became of the issues."""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from newsletter.cli.services import ready
from newsletter.cli.terminal import Json, fail, say, show_json, show_table
from newsletter.numbers.csv_files import subscribers_csv
from newsletter.numbers.issues import IssueNumbers, issues_in_numbers
from newsletter.numbers.over_time import Moves, OverTime, by_day, over_time
from newsletter.store.engine import reading
from subscribers.lens import term

Days = Annotated[int, typer.Option(min=1, max=365, help="How many days, with today (UTC).")]
Csv = Annotated[bool, typer.Option("--csv", help="Print subscribers day by day as CSV instead of text.")]


def numbers(days: Days = 30, as_json: Json = False, as_csv: Csv = False) -> None:
    """Tell how many subscribers joined, were confirmed and left, and how the issues fared."""
    if as_json and as_csv:
        fail("choose one of --json and --csv")
    services, now = ready(), datetime.now(UTC)
    with reading(services.engine) as session:
        if as_csv:
            audiences = {term(name): name for name in services.site.audiences}
            sys.stdout.write(subscribers_csv(by_day(session, days, now=now), audiences))
            return
        found = over_time(session, days, now=now)
        issues = issues_in_numbers(session, days, now=now)
    if as_json:
        show_json(_document(found, [*issues]))
        return
    _show(found, [*issues])


def _moves(moves: Moves) -> dict[str, int]:
    return {**asdict(moves), "net": moves.net}


def _document(found: OverTime, issues: list[IssueNumbers]) -> dict[str, object]:
    return {
        "total": _moves(found.total),
        "suppressed": dict(found.suppressed),
        "days_not_counted": found.missing,
        "days": [
            {
                "day": one.day.isoformat(),
                **_moves(one.moves),
                "suppressed": one.suppressed,
                "confirmed_subscriptions": one.readers,
            }
            for one in found.days
        ],
        "newsletters": {part.name: _moves(part.moves) for part in found.by_newsletter},
        "audiences": {part.name: _moves(part.moves) for part in found.by_audience},
        "channels": {part.name: _moves(part.moves) for part in found.by_channel},
        "issues": [
            {
                "issue": one.id,
                "newsletter": one.slug,
                "date": one.date.isoformat(),
                "state": one.state,
                **one.counts,
            }
            for one in issues
        ],
    }


def _show(found: OverTime, issues: list[IssueNumbers]) -> None:
    last, total = found.days[-1].readers, found.total
    standing = "not known yet" if last is None else f"{last:,}"
    say(f"confirmed subscriptions: {standing}, {total.net:+,} in these days")
    if found.missing:
        say(f"{found.missing} days are not counted yet: `newsletter tick` counts them")
    columns = ("", "joined", "confirmed", "left", "net")
    parts = [("all", total), *((part.name, part.moves) for part in found.by_newsletter)]
    show_table(columns, [(name, m.joined, m.confirmed, m.left, m.net) for name, m in parts], empty="")
    say("")
    shown = ("accepted", "delivered", "bounced", "complained", "left")
    show_table(
        ("issue", "newsletter", "date", *shown),
        [(one.id, one.slug, one.date, *(one.counts.get(what, "") for what in shown)) for one in issues],
        empty="no issue was published in these days",
    )
