"""Who would get what of an issue: the forecast is what publication freezes, and it freezes nothing."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from newsletter import issue_forecast
from newsletter.desk import approval, editing
from newsletter.desk.changes import Hand
from newsletter.issue_forecast import Forecast, forecast_issue, keep, kept
from newsletter.models import Delivery, Edition, Issue, Story
from newsletter.publication import publish
from newsletter.store.engine import reading, writing
from newsletter.tasks import foresee
from newsletter.tick import tick
from newsletter.wiring import Services
from subscribers import roster
from subscribers.models import MutedStory
from tests.builders import a_story, coverage
from tests.issues import DAY, PUBLISH, SEEN, daily, draft, subscribe, tell


def foretold(services: Services, issue_id: int) -> Forecast:
    with reading(services.engine) as session:
        return forecast_issue(session, session.get_one(Issue, issue_id), services.renderer, now=SEEN)


def many_kinds(services: Services) -> int:
    """Stories of two days and readers of every kind; the number of the second day's draft."""
    tell(services, a_story("Growing", outlets=3), a_story("Known", audiences=()))
    subscribe(services, "told@reader.example")
    tick(services, PUBLISH + timedelta(hours=3))
    later = SEEN + timedelta(days=1)
    tell(services, a_story("Growing", coverage=coverage(9)), at=later)
    tell(services, a_story("Chips", audiences=("Engineers",), companies=()), at=later)
    for n in range(4):
        subscribe(services, f"i{n}@reader.example", audiences=["Investors"], companies=[f"Nobody {n}"])
    for n in range(2):
        subscribe(services, f"e{n}@reader.example", audiences=["Engineers"])
    subscribe(services, "short@reader.example", companies=["Sample Lab"], muted_topics=["chips"])
    subscribe(services, "sunday@reader.example", days="6")
    subscribe(services, "mute@reader.example", audiences=["Engineers"])
    subscribe(services, "nothing@reader.example", audiences=["Poets"], muted_topics=["known"])
    with writing(services.engine) as session:
        muting = roster.find(session, "mute@reader.example")
        chips = session.scalars(select(Story.id).where(Story.title == "Chips")).one()
        assert muting is not None
        session.add(MutedStory(subscriber_id=muting.id, story_id=chips, at=later))
    tick(services, DAY + timedelta(hours=17))  # plans the issue of the next day
    return daily(services).id


def test_the_forecast_is_what_publication_freezes(services: Services) -> None:
    """The same editions for the same numbers of readers, of the same size, and the same left out."""
    issue_id = many_kinds(services)
    forecast = foretold(services, issue_id)
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        approval.approve(session, issue, services.renderer, by="Ed", now=SEEN + timedelta(days=1))
        publish(session, issue, services.renderer, now=issue.publish_at)
        editions = session.scalars(select(Edition).where(Edition.issue_id == issue_id)).all()
        mailed = {e.fingerprint: (e.readers, e.subject, e.size_bytes) for e in editions if not e.skipped}
        assert {
            one.fingerprint: (one.readers, one.subject, one.size_bytes) for one in forecast.listed
        } == mailed
        assert {(one.words, one.readers) for one in forecast.skipped} == {
            (edition.skipped, edition.readers) for edition in editions if edition.skipped
        }
        assert (forecast.mails, forecast.editions) == (issue.frozen, len(mailed))
        assert forecast.another_day == 1
        assert forecast.largest == max(size or 0 for _, _, size in mailed.values())
    assert len(mailed) >= 4
    assert forecast.skipped


def test_a_forecast_freezes_nothing(services: Services) -> None:
    """Counting leaves no delivery and no edition behind."""
    tell(services, a_story())
    subscribe(services, "a@reader.example")
    assert foretold(services, draft(services)).mails == 1
    with reading(services.engine) as session:
        assert session.scalar(select(func.count()).select_from(Delivery)) == 0
        assert session.scalar(select(func.count()).select_from(Edition)) == 0


def test_it_says_who_gets_an_edition(services: Services) -> None:
    """Its readers are called by what they chose, as the stories write it; the most frequent first."""
    forecast = foretold(services, many_kinds(services))
    kinds = {kind.words: kind.readers for one in forecast.listed for kind in one.kinds}
    assert kinds["Investors · follow others"] == 4
    assert kinds["Engineers"] == 2
    assert kinds["follow Sample Lab · without chips"] == 1
    assert kinds["Engineers · muted a story"] == 1
    assert kinds["chose nothing · told some of it before"] == 1
    assert all(sum(kind.readers for kind in one.kinds) == one.readers for one in forecast.listed)


def test_only_the_largest_groups_are_looked_at(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many kinds of readers there are, a forecast ends; it says how many it left aside."""
    issue_id = many_kinds(services)
    whole = foretold(services, issue_id)
    monkeypatch.setattr(issue_forecast, "MOST_GROUPS", 1)
    forecast = foretold(services, issue_id)
    assert (forecast.mails, forecast.editions) == (4, 1)
    assert forecast.not_looked_at == whole.mails + sum(kind.readers for kind in whole.skipped) - 4


def test_an_open_issue_is_counted_again_when_it_must_be(services: Services) -> None:
    """Once for each version, and again after a while; never for an issue that is on its way."""
    tell(services, a_story("One"), a_story("Two"))
    subscribe(services, "a@reader.example")
    issue_id = draft(services)
    made = []
    for minutes, change in ((0, False), (1, False), (2, True), (3, False), (18, False)):
        now = SEEN + timedelta(minutes=minutes)
        with writing(services.engine) as session:
            issue = session.get_one(Issue, issue_id)
            if change:
                editing.drop(session, issue, issue.picks[0].story_id, Hand(now))
        foresee(services, now)
        with reading(services.engine) as session:
            found = kept(session, issue_id)
            assert found is not None
            made.append((found.version, found.made_at - SEEN, len(found.forecast.listed[0].stories)))
    first, changed, last = ((0, 0, 2), (1, 2, 1), (1, 18, 1))
    expected = [first, first, changed, changed, last]
    assert made == [(version, timedelta(minutes=minutes), told) for version, minutes, told in expected]
    tick(services, PUBLISH)
    foresee(services, PUBLISH + timedelta(days=1))
    with reading(services.engine) as session:
        found = kept(session, issue_id)
        assert found is not None
        assert found.made_at < PUBLISH


def test_a_late_forecast_does_not_hide_a_newer_one(services: Services) -> None:
    """Of two that are counted at once, that of the later moment stays."""
    tell(services, a_story())
    issue_id = draft(services)
    forecast = foretold(services, issue_id)
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        keep(session, issue, 7, forecast, now=SEEN + timedelta(minutes=1))
        keep(session, issue, 6, forecast, now=SEEN)
        found = kept(session, issue_id)
        assert found is not None
        assert (found.version, found.forecast) == (7, forecast)
