"""Numbers: how the readers became more or fewer, and what became of the issues; as charts and as CSV."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from newsletter.numbers.csv_files import issues_csv, subscribers_csv
from newsletter.numbers.issues import IssueNumbers, issues_in_numbers
from newsletter.numbers.over_time import DayNumbers, Moves, OverTime, by_day, over_time
from newsletter.store.engine import reading
from newsletter.web.desk.charts import Chart, bar_chart, line_chart
from newsletter.web.desk.pages import answer
from newsletter.web.desk.visits import Viewer
from newsletter.web.pages import AtDoor, Door, PageRoute, name_of
from subscribers.lens import term

router = APIRouter(prefix="/desk/numbers", route_class=PageRoute)

LENGTHS = (30, 90, 365)
#: from so many days on, a week is one bar
BY_WEEK = 100
#: issues in the table of the page; the file has all
LISTED = 30

Length = Annotated[int, Query(alias="days", ge=1, le=365)]


@dataclass(frozen=True, slots=True)
class Bucket:
    """A day, or a week by its first day."""

    label: str
    moves: Moves
    suppressed: int
    #: confirmed at its end
    readers: int | None


@router.get("")
def show_numbers(visit: Viewer, door: AtDoor, length: Length = 30, newsletter: str = "") -> Response:
    """Of the last days, with today; a newsletter that there is not has no numbers."""
    now = door.clock()
    with reading(door.services.engine) as session:
        found = over_time(session, length, newsletter=newsletter or None, now=now)
        issues = issues_in_numbers(session, length, newsletter=newsletter or None, now=now)
    buckets = in_buckets(found.days)
    counted = [one for one in issues if one.counts]
    mails_chart, rates_chart = _issue_charts(counted[::-1])
    return answer(
        door,
        "numbers.html",
        visit,
        lengths=LENGTHS,
        length=length,
        newsletter=newsletter,
        newsletters=[(known.slug, known.name) for known in door.services.site.newsletters],
        name=lambda slug: name_of(door, slug),
        audiences=audiences(door),
        found=found,
        buckets=buckets,
        readers_chart=_readers_chart(door, found, buckets),
        moves_chart=_moves_chart(buckets),
        issues=issues[:LISTED],
        counted=counted,
        all_issues=len(issues),
        mails_chart=mails_chart,
        rates_chart=rates_chart,
    )


@router.get("/subscribers.csv")
def subscribers_file(_: Viewer, door: AtDoor, length: Length = 30) -> Response:
    with reading(door.services.engine) as session:
        rows = by_day(session, length, now=door.clock())
    return _file("subscribers.csv", subscribers_csv(rows, audiences(door)))


@router.get("/issues.csv")
def issues_file(_: Viewer, door: AtDoor, length: Length = 30) -> Response:
    with reading(door.services.engine) as session:
        found = issues_in_numbers(session, length, now=door.clock())
    return _file("issues.csv", issues_csv(found))


def audiences(door: Door) -> dict[str, str]:
    """Term → name as the publication writes it."""
    return {term(name): name for name in door.services.site.audiences}


def _file(name: str, text: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv; charset=utf-8; header=present", headers=headers)


def in_buckets(days: Sequence[DayNumbers]) -> list[Bucket]:
    """Day by day, or, of a long time, week by week: the last ends today."""
    size = 7 if len(days) > BY_WEEK else 1
    first = len(days) % size
    parts = [days[n : n + size] for n in range(first, len(days), size)]
    return [
        Bucket(
            f"{part[0].day.day} {part[0].day:%b}",
            Moves(
                sum(one.moves.joined for one in part),
                sum(one.moves.confirmed for one in part),
                sum(one.moves.paused for one in part),
                sum(one.moves.left for one in part),
            ),
            sum(one.suppressed for one in part),
            part[-1].readers,
        )
        for part in parts
    ]


def _readers_chart(door: Door, found: OverTime, buckets: Sequence[Bucket]) -> Chart:
    size = 7 if len(found.days) > BY_WEEK else 1
    lines = [
        (name_of(door, slug), list(reversed(levels[::-1][::size]))[-len(buckets) :])
        for slug, levels in found.readers.items()
        if levels[-1] is not None
    ]
    known = [one.readers for one in buckets if one.readers is not None]
    summary = f"From {known[0]:,} to {known[-1]:,} confirmed subscriptions." if known else "Not known yet."
    return line_chart("Confirmed subscriptions", summary, [one.label for one in buckets], lines)


def _moves_chart(buckets: Sequence[Bucket]) -> Chart:
    came = [one.moves.confirmed for one in buckets]
    went = [one.moves.left for one in buckets]
    summary = f"{sum(came):,} were confirmed and {sum(went):,} left."
    labels = [one.label for one in buckets]
    return bar_chart("Confirmed and left", summary, labels, ("confirmed", came), ("left", went))


def _issue_charts(issues: Sequence[IssueNumbers]) -> tuple[Chart | None, Chart | None]:
    """From the oldest to the newest of those that were counted; None where there is none."""
    if not issues:
        return None, None
    labels = [f"{one.date.day} {one.date:%b}" for one in issues]
    accepted = [one.counts["accepted"] for one in issues]
    mails = f"{sum(accepted):,} mails of {len(issues)} issues were accepted."
    rates = "Bounced, left and complained, as parts of the accepted mails of each issue."
    lines = [(what, [one.rate(what) for one in issues]) for what in ("bounced", "left", "complained")]
    return (
        bar_chart("Mails accepted", mails, labels, ("accepted", accepted)),
        line_chart("Of the accepted mails", rates, labels, lines, percent=True),
    )
