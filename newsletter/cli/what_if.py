"""The command that runs other limits over past days. Nothing is written."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from sqlalchemy import select

from newsletter.cli.services import ready
from newsletter.cli.terminal import Json, fail, say, show_json, show_table
from newsletter.desk.planning import limits
from newsletter.models import Newsletter
from newsletter.selection import Limits
from newsletter.store.engine import reading
from newsletter.what_if.looking_back import MOST_DAYS, NAMED, LookBack, look_back
from newsletter.what_if.simulation import Outcome

Slug = Annotated[str, typer.Argument(metavar="NEWSLETTER", help="Its slug, as in publication.toml.")]
Days = Annotated[int, typer.Option(min=1, max=MOST_DAYS, help="How many past days.")]
Least = Annotated[int | None, typer.Option(min=1, max=50, help="Stories that a mail has at least.")]
Most = Annotated[int | None, typer.Option(min=1, max=50, help="Stories that a mail has at most.")]
Company = Annotated[int | None, typer.Option(min=1, max=50, help="Stories about one company, at most.")]
Category = Annotated[int | None, typer.Option(min=1, max=50, help="Stories in one category, at most.")]


def what_if(
    newsletter: Slug,
    days: Days = 14,
    min_stories: Least = None,
    max_stories: Most = None,
    per_company: Company = None,
    per_category: Category = None,
    as_json: Json = False,
) -> None:
    """Run other limits over past issues: mails and stories per reader, now and changed. Changes nothing."""
    with reading(ready().engine) as session:
        known = session.scalars(select(Newsletter).where(Newsletter.slug == newsletter)).one_or_none()
        if known is None:
            raise LookupError(f"no newsletter {newsletter}: see publication.toml for those there are")
        now = limits(known)
        changed = Limits(
            min_stories or now.minimum,
            max_stories or now.maximum,
            per_company or now.per_company,
            per_category or now.per_category,
        )
        if changed.minimum > changed.maximum:
            fail(f"at least {changed.minimum} stories, but at most {changed.maximum}: give both options")
        found = look_back(session, newsletter, days, changed, now=datetime.now(UTC))
    if as_json:
        show_json(_document(found))
    else:
        _show(found)


def _outcome(outcome: Outcome, never: frozenset[int]) -> dict[str, object]:
    return {
        "mails": outcome.all_mails,
        "too_few_stories": outcome.skipped.total(),
        "readers_without_mail": outcome.without,
        "stories_in_all_mails": outcome.all_told,
        "stories_per_mail": round(outcome.per_mail, 3),
        "mails_by_stories": {str(length): number for length, number in sorted(outcome.lengths.items())},
        "never_told": sorted(never),
        "mails_by_audience": dict(sorted(outcome.audience_mails.items())),
        "mails_by_day": {day.isoformat(): number for day, number in sorted(outcome.mails.items())},
    }


def _document(found: LookBack) -> dict[str, object]:
    told, (never_now, never_changed) = found.comparison, found.comparison.never
    return {
        "newsletter": found.newsletter.slug,
        "issues": found.issues,
        "readers": found.readers,
        "covered": found.covered,
        "now": _outcome(told.now, never_now),
        "changed": _outcome(told.changed, never_changed),
        "moved": [
            {"story": story, "title": found.titles.get(story), "now": now, "changed": changed}
            for story, now, changed in told.moved(NAMED)
        ],
    }


def _show(found: LookBack) -> None:
    told, (never_now, never_changed) = found.comparison, found.comparison.never
    say(
        f"{found.newsletter.name}: {found.issues} issues, "
        f"{found.covered:,} of {found.readers:,} readers in {found.groups:,} groups"
    )
    now, changed = _outcome(told.now, never_now), _outcome(told.changed, never_changed)
    now["never_told"], changed["never_told"] = len(never_now), len(never_changed)
    rows = [
        (what.replace("_", " "), now[what], changed[what]) for what in now if not what.startswith("mails_")
    ]
    show_table(("", "now", "changed"), rows, empty="")
    say("")
    moved = [(found.titles.get(story), before, after) for story, before, after in told.moved(NAMED)]
    show_table(
        ("story, readers", "now", "changed"), moved, empty="each story would have been told to as many"
    )
