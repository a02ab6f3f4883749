"""Who is to hear of a correction: the rule alone."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from newsletter.corrections.rules import Owed, ToldOnce, Wrong, owed

DAY = datetime(2026, 1, 8, 4, 30, tzinfo=UTC)
wrongs = st.lists(
    st.builds(Wrong, st.integers(1, 4), st.integers(1, 3), st.integers(1, 4)),
    max_size=4,
    unique_by=lambda one: one.correction_id,
)
told = st.lists(
    st.builds(
        ToldOnce,
        st.integers(1, 3),
        st.integers(1, 5),
        st.integers(0, 9).map(lambda days: DAY + timedelta(days)),
        st.integers(1, 9),
    ),
    max_size=6,
)
heard = st.sets(st.integers(1, 4))


@given(wrongs, told, heard)
def test_exactly_those_who_received_the_old_revision(
    wrongs: list[Wrong], told: list[ToldOnce], heard: set[int]
) -> None:
    """A reader is to hear of a correction if, and only if, a mail told them a revision that it says was
    wrong, and they have not heard of it."""
    expected = {
        wrong.correction_id
        for wrong in wrongs
        if wrong.correction_id not in heard
        and any(one.story_id == wrong.story_id and one.revision <= wrong.revision for one in told)
    }
    assert {one.correction_id for one in owed(wrongs, told, heard)} == expected


@given(wrongs, told, heard)
def test_once(wrongs: list[Wrong], told: list[ToldOnce], heard: set[int]) -> None:
    """Whoever heard what they were to hear is to hear nothing more, whatever they were told before."""
    found = owed(wrongs, told, heard)
    assert len(set(found)) == len(found)
    assert owed(wrongs, told, heard | {one.correction_id for one in found}) == ()


@given(wrongs, told)
def test_it_names_the_last_time(wrongs: list[Wrong], told: list[ToldOnce]) -> None:
    """What a reader is reminded of is the last issue that told them something wrong."""
    for one in owed(wrongs, told, ()):
        revision = next(wrong.revision for wrong in wrongs if wrong.correction_id == one.correction_id)
        received = [mail for mail in told if mail.story_id == one.story_id and mail.revision <= revision]
        last = max(received, key=lambda mail: (mail.at, mail.issue_id))
        assert (one.issue_id, one.revision) in {
            (mail.issue_id, mail.revision) for mail in received if mail.at == last.at
        }


def test_the_right_revision_owes_nothing() -> None:
    """Who got only the right revision hears nothing; who got the wrong one before it does."""
    wrong = [Wrong(1, 7, 1)]
    right = ToldOnce(7, 2, DAY, 2)
    assert owed(wrong, [right], ()) == ()
    assert owed(wrong, [ToldOnce(7, 1, DAY - timedelta(1), 1), right], ()) == (Owed(1, 7, 1, 1),)


def test_in_the_order_of_the_corrections() -> None:
    """Several corrections come in the order in which they were confirmed."""
    mails = [ToldOnce(1, 1, DAY, 1), ToldOnce(2, 1, DAY, 1)]
    assert [one.correction_id for one in owed([Wrong(5, 2, 1), Wrong(3, 1, 1)], mails, ())] == [5, 3]
