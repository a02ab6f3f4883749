"""What lines of the ledger came to: who joined, was confirmed and left, however often a line was written."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from subscribers.comings import Line, Step, steps
from subscribers.models import Act

NOON = datetime(2026, 1, 8, 12, tzinfo=UTC)


def line(
    act: Act, minutes: int = 0, channel: str = "form", newsletters: tuple[str, ...] = ("daily",)
) -> Line:
    return Line(NOON + timedelta(minutes=minutes), act, newsletters, channel)


def came_to(*lines: Line) -> list[tuple[Step, str, int]]:
    return [(one.step, one.channel, one.number) for one in steps(lines)]


def test_a_confirmation_counts_for_the_way_by_which_they_came() -> None:
    """Who asked at the form and confirmed by a link is a reader that the form brought."""
    found = came_to(line(Act.REQUESTED), line(Act.CONFIRMED, 5, "link"))
    assert found == [(Step.JOINED, "form", 1), (Step.CONFIRMED, "form", 1)]


def test_whoever_is_vouched_for_joins_and_is_confirmed_at_once() -> None:
    """An import with consent given elsewhere is both, once, however often the file comes."""
    found = came_to(line(Act.ATTESTED, 0, "import"), line(Act.ATTESTED, 5, "import"))
    assert found == [(Step.JOINED, "import", 1), (Step.CONFIRMED, "import", 1)]


def test_leaving_counts_once_and_by_its_way() -> None:
    """A second line, which gives the reason, and an erasure later, are no further leavings."""
    lines = [line(Act.ATTESTED), line(Act.UNSUBSCRIBED, 9, "one-click"), line(Act.UNSUBSCRIBED, 10, "link")]
    found = came_to(*lines, line(Act.ERASED, 20, "link"))
    assert found[2:] == [(Step.LEFT, "one-click", 1)]


def test_an_erasure_of_a_reader_is_a_leaving() -> None:
    """Who is forgotten while confirmed has left, so that the counts add up."""
    assert came_to(line(Act.ATTESTED), line(Act.ERASED, 9, "link"))[2:] == [(Step.LEFT, "link", 1)]


def test_who_never_confirmed_does_not_leave() -> None:
    """A file of people who left elsewhere, and a request withdrawn, take no reader away."""
    assert came_to(line(Act.UNSUBSCRIBED, 0, "import")) == []
    assert came_to(line(Act.REQUESTED), line(Act.UNSUBSCRIBED, 1)) == [(Step.JOINED, "form", 1)]


def test_an_undone_leaving_is_taken_back() -> None:
    """Undo within its ten minutes takes the leaving back; what comes later is counted anew."""
    lines = [line(Act.ATTESTED), line(Act.UNSUBSCRIBED, 30, "link"), line(Act.RESTORED, 35, "link")]
    assert came_to(*lines)[2:] == [(Step.LEFT, "link", 1), (Step.LEFT, "link", -1)]
    assert came_to(*lines, line(Act.UNSUBSCRIBED, 50))[4:] == [(Step.LEFT, "form", 1)]


def test_an_undo_of_something_else_brings_nobody_back() -> None:
    """Who confirms, changes what they read and undoes that stays confirmed."""
    lines = [line(Act.REQUESTED), line(Act.CONFIRMED, 1), line(Act.CHANGED, 2), line(Act.RESTORED, 3)]
    assert [number for _, _, number in came_to(*lines)] == [1, 1]
    assert came_to(line(Act.ATTESTED), line(Act.RESTORED, 60))[2:] == []


def test_newsletters_are_counted_apart() -> None:
    """A line about two newsletters is a step with each of them."""
    found = list(steps([line(Act.ATTESTED, newsletters=("daily", "weekly")), line(Act.UNSUBSCRIBED, 9)]))
    assert Counter((one.newsletter, one.step) for one in found) == {
        ("daily", Step.JOINED): 1,
        ("weekly", Step.JOINED): 1,
        ("daily", Step.CONFIRMED): 1,
        ("weekly", Step.CONFIRMED): 1,
        ("daily", Step.LEFT): 1,
    }


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(Act), st.integers(1, 15)), max_size=12))
def test_one_person_is_one_reader_at_most(acts: list[tuple[Act, int]]) -> None:
    """Whatever was written, the confirmed less those who left are nobody or one."""
    at, level = 0, 0
    lines = []
    for act, minutes in acts:
        at += minutes
        lines.append(line(act, at))
    for one in steps(lines):
        level += one.number * {Step.CONFIRMED: 1, Step.LEFT: -1}.get(one.step, 0)
        assert level in (0, 1)
