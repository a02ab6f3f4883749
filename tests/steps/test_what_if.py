"""What if, on a database: issues that closed, today's readers in groups, and not a row changed."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.models import Base, Issue
from newsletter.models.issue import IssueState
from newsletter.selection import Limits
from newsletter.store.engine import reading, writing
from newsletter.what_if import looking_back
from newsletter.what_if.looking_back import LookBack, NoPast, look_back
from newsletter.wiring import Services
from tests.builders import a_story
from tests.issues import CUTOFF, draft, subscribe, tell

NOW = CUTOFF + timedelta(hours=8)


def past(services: Services, stories: int = 4) -> None:
    """An issue that went out, with so many stories for investors; three readers."""
    told = [
        a_story(f"Story {n}", audiences=("Investors",), companies=(), category=None) for n in range(stories)
    ]
    tell(services, *told)
    for email in ("ann", "bob"):
        subscribe(
            services, f"{email}@reader.example", audiences=["Investors"], companies=[f"Nowhere {email}"]
        )
    subscribe(services, "cleo@reader.example", audiences=["Founders"])
    issue_id = draft(services)
    with writing(services.engine) as session:
        session.get_one(Issue, issue_id).state = IssueState.FINISHED


def run(services: Services, changed: Limits, days: int = 14) -> LookBack:
    with reading(services.engine) as session:
        return look_back(session, "daily", days, changed, now=NOW)


def test_a_smaller_maximum_is_seen_beforehand(services: Services) -> None:
    """Mails, stories per mail and those never told, now and changed, weighted by readers."""
    past(services)
    found = run(services, Limits(1, 2))
    told = found.comparison
    assert (found.issues, found.readers, found.covered) == (1, 3, 3)
    assert (dict(told.now.lengths), dict(told.changed.lengths)) == ({4: 2}, {2: 2})
    assert [len(never) for never in told.never] == [0, 2]
    assert (told.now.without, told.changed.without) == (1, 1)
    assert {found.titles[story] for story, _, _ in told.moved(9)} <= {f"Story {n}" for n in range(4)}


def test_nothing_is_written(services: Services) -> None:
    """Looking back leaves every row as it was."""
    past(services)

    def everything() -> list[list[object]]:
        with reading(services.engine) as session:
            return [list(session.execute(select(table))) for table in Base.metadata.sorted_tables]

    before = everything()
    run(services, Limits(3, 3, 1, 1))
    assert everything() == before


def test_work_is_bounded_and_the_share_told(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more groups than can be looked at, the largest are, and it is said how many readers those are."""
    past(services)
    monkeypatch.setattr(looking_back, "MOST_GROUPS", 1)
    found = run(services, Limits(1, 2))
    assert (found.groups, found.covered, found.readers) == (1, 2, 3)
    assert found.share == pytest.approx(2 / 3)


def test_the_days_end_with_the_last_that_is_closed(services: Services) -> None:
    """One day is today once its issue has closed, and yesterday until then; two days ago is no part of it."""
    past(services)
    for later, is_past in ((0, True), (1, True), (2, False)):
        with reading(services.engine) as session:
            try:
                found = look_back(session, "daily", 1, Limits(1, 2), now=NOW + timedelta(days=later))
            except NoPast:
                assert not is_past
            else:
                assert (is_past, found.issues) == (True, 1)


def test_without_a_past_it_says_so(services: Services) -> None:
    """A newsletter of which nothing closed in these days, or that there is not, is named with the remedy."""
    with pytest.raises(NoPast, match="no issue of Race to AGI Daily has closed in the last 14 days"):
        run(services, Limits(1, 2))
    with (
        pytest.raises(LookupError, match=r"no newsletter gone: see publication\.toml"),
        reading(services.engine) as session,
    ):
        look_back(session, "gone", 14, Limits(1, 2), now=NOW)
