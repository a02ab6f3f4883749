"""What if: other limits run over past days, and what readers would have got by them. Nothing is written.

It is asked for by POST, since it takes seconds; what it shows is the answer to that.
"""

from collections.abc import Mapping
from typing import NamedTuple

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy.orm import Session
from starlette.datastructures import FormData

from newsletter.desk.planning import limits
from newsletter.models import Newsletter
from newsletter.newsletters import with_issues
from newsletter.selection import Limits
from newsletter.store.engine import reading
from newsletter.web.desk.charts import Chart, line_chart
from newsletter.web.desk.numbers import audiences
from newsletter.web.desk.pages import answer
from newsletter.web.desk.visits import Viewer, Visit
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute
from newsletter.what_if.looking_back import MOST_DAYS, NAMED, LookBack, look_back
from newsletter.what_if.simulation import Outcome

router = APIRouter(prefix="/desk/what-if", route_class=PageRoute)


class Field(NamedTuple):
    """A number of the form."""

    name: str
    label: str
    low: int
    high: int


FIELDS = (
    Field("days", "Past days", 1, MOST_DAYS),
    Field("minimum", "Stories at least", 1, 50),
    Field("maximum", "Stories at most", 1, 50),
    Field("per_company", "About one company, at most", 1, 50),
    Field("per_category", "In one category, at most", 1, 50),
)
DAYS = 14


@router.get("")
def show_form(visit: Viewer, door: AtDoor, newsletter: str = "") -> Response:
    """The form, filled with the limits as they are."""
    with reading(door.services.engine) as session:
        return _page(door, visit, session, {"newsletter": newsletter})


@router.post("", max_body_size=FORM_LIMIT)
def run(visit: Viewer, door: AtDoor) -> Response:
    """What would have been."""
    filled = {
        name: str(visit.form.get(name, "")).strip() for name in ("newsletter", *(f.name for f in FIELDS))
    }
    with reading(door.services.engine) as session:
        numbers, faults = _read(visit.form)
        if faults:
            return _page(door, visit, session, filled, faults)
        days = numbers.pop("days")
        try:
            found = look_back(session, filled["newsletter"], days, Limits(**numbers), now=door.clock())
        except LookupError as error:
            return _page(door, visit, session, filled, {"newsletter": f"{error.args[0]}."})
        return _page(door, visit, session, filled, found=found)


def _read(form: FormData) -> tuple[dict[str, int], dict[str, str]]:
    """The numbers of the form by their names, and what is wrong with them."""
    numbers, faults = {}, {}
    for field in FIELDS:
        text = str(form.get(field.name, "")).strip()
        if text.isdecimal() and len(text) <= 3 and field.low <= int(text) <= field.high:
            numbers[field.name] = int(text)
        else:
            faults[field.name] = f"Please enter a whole number from {field.low} to {field.high}."
    if not faults and numbers["minimum"] > numbers["maximum"]:
        faults["minimum"] = "Please ask for no more stories at least than at most."
    return numbers, faults


def _page(
    door: Door,
    visit: Visit,
    session: Session,
    filled: Mapping[str, str],
    faults: Mapping[str, str] | None = None,
    found: LookBack | None = None,
) -> Response:
    newsletters = session.scalars(with_issues()).all()
    chosen = next((one for one in newsletters if one.slug == filled["newsletter"]), None)
    chosen = chosen or next(iter(newsletters), None)
    return answer(
        door,
        "what_if.html",
        visit,
        status=422 if faults else 200,
        newsletters=newsletters,
        fields=FIELDS,
        filled={**_defaults(chosen), **filled},
        faults=faults or {},
        found=found,
        named=NAMED,
        audiences=audiences(door),
        rows=_rows(found) if found else [],
        lengths=_lengths(found.comparison.now, found.comparison.changed) if found else [],
        charts=_charts(found) if found else (),
    )


def _defaults(newsletter: Newsletter | None) -> dict[str, object]:
    """The limits as they are."""
    if newsletter is None:
        return {field.name: field.low for field in FIELDS}
    as_is = limits(newsletter)
    return {
        "days": DAYS,
        "minimum": as_is.minimum,
        "maximum": as_is.maximum,
        "per_company": as_is.per_company,
        "per_category": as_is.per_category,
    }


class Row(NamedTuple):
    """The same number under both rules."""

    what: str
    now: float
    changed: float


def _rows(found: LookBack) -> list[Row]:
    now, changed = found.comparison.now, found.comparison.changed
    never_now, never_changed = found.comparison.never
    return [
        Row("mails", now.all_mails, changed.all_mails),
        Row("times that readers got none, for too few stories", now.skipped.total(), changed.skipped.total()),
        Row("readers without any mail", now.without, changed.without),
        Row("stories in all mails together", now.all_told, changed.all_told),
        Row("stories in a mail", now.per_mail, changed.per_mail),
        Row("stories never told to anybody", len(never_now), len(never_changed)),
    ]


def _lengths(now: Outcome, changed: Outcome) -> list[Row]:
    found = range(
        min([*now.lengths, *changed.lengths], default=0), max([*now.lengths, *changed.lengths, 0]) + 1
    )
    return [Row(str(length), now.lengths[length], changed.lengths[length]) for length in found]


def _charts(found: LookBack) -> tuple[Chart, Chart]:
    days = found.comparison.days
    labels = [f"{day.day} {day:%b}" for day in days]
    both = (("now", found.comparison.now), ("changed", found.comparison.changed))
    mails = [(name, [float(each.mails[day]) for day in days]) for name, each in both]
    stories = [(name, [each.per_mail_of(day) for day in days]) for name, each in both]
    words = ", ".join(f"{each.all_mails:,} mails {name}" for name, each in both)
    lengths = ", ".join(f"{each.per_mail:.2f} stories in a mail {name}" for name, each in both)
    return (
        line_chart("Mails of each issue", f"{words}.", labels, mails),
        line_chart("Stories in a mail, on average", f"{lengths}.", labels, stories),
    )
