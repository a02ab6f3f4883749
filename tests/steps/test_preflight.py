"""An issue looked over as it would be approved now: what bars it, what is warned of, and in which order."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter.content import Analysis, Article, StoryContent, Tldr
from newsletter.desk import editing
from newsletter.desk.changes import Hand
from newsletter.mail import Sender
from newsletter.models import Issue, LinkCheck, Newsletter, Story
from newsletter.models.issue import IssueState
from newsletter.preflight.findings import Finding, Severity, blocking
from newsletter.preflight.look import Leaving, look_over
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from tests.builders import a_story
from tests.issues import CUTOFF, SEEN, draft, tell

HAND = Hand(SEEN)


def look(
    services: Services, issue_id: int, now: datetime = CUTOFF, **settings: object
) -> tuple[Finding, ...]:
    """What is found in the issue, as on an instance that mails for real."""
    usual = Leaving(
        services.site,
        "smtp",
        services.settings.postal_address,
        Sender("Race to AGI", "digest@racetoagi.example"),
        services.settings.public_url,
    )
    leaving = replace(usual, **settings)  # type: ignore[arg-type]
    with reading(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        return look_over(session, issue, services.renderer, leaving, now=now)


def rules(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.rule, finding.where) for finding in findings]


def stories(number: int) -> list[StoryContent]:
    """Stories that have nothing in common."""
    names = ("Ferrowave", "Brightloom", "Daybook", "Pledge", "Tidewater", "Quillon", "Marrow", "Vantage")
    return [
        replace(
            a_story(
                f"{name} opens an office",
                tldr=Tldr(f"{name} opens one."),
                companies=(),
                audiences=(),
                category=None,
            ),
            analysis=Analysis(
                "Analysis", f"A step for {name}.([outlet1.example](https://outlet1.example/report))"
            ),
        )
        for name in names[:number]
    ]


def story_id(services: Services, title: str) -> int:
    with reading(services.engine) as session:
        return session.scalars(select(Story.id).where(Story.title == title)).one()


def test_an_ordinary_issue_is_clear(services: Services) -> None:
    """Whole stories in our own templates: nothing is found."""
    tell(services, *stories(4))
    assert look(services, draft(services)) == ()


def test_what_bars_comes_first(services: Services) -> None:
    """Findings that bar the issue stand before warnings, and each kind in the order of the stories."""
    first, second, third = stories(3)
    unready = replace(second, analysis=Analysis("Analysis", "It grew by TK percent [9]."))
    twice = replace(first, about="It is the the end."), replace(third, about="It is the the end.")
    tell(services, twice[0], unready, twice[1])
    issue_id = draft(services)
    found = look(services, issue_id)
    assert rules(found) == [
        ("leftovers", "analysis"),
        ("citations", "analysis"),
        ("doubled words", "about this summary"),
        ("doubled words", "about this summary"),
    ]
    assert blocking(found) == found[:2]
    with reading(services.engine) as session:
        positions = {pick.story_id: pick.position for pick in session.get_one(Issue, issue_id).picks}
    assert positions[found[2].story_id or 0] < positions[found[3].story_id or 0]


def test_dropping_a_story_mends_it(services: Services) -> None:
    """What is told to nobody is not found fault with."""
    good, bad = stories(2)
    tell(services, good, replace(bad, about="TODO: say how"))
    issue_id = draft(services)
    assert blocking(look(services, issue_id))
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        editing.drop(session, issue, story_id(services, bad.title), HAND)
    assert look(services, issue_id) == ()
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        editing.drop(session, issue, story_id(services, good.title), HAND)
    assert rules(look(services, issue_id)) == [("empty mail", "issue")]


def test_stories_that_no_audience_is_told(services: Services) -> None:
    """A story with no place in any audience's mail still bars the issue, since some reader may follow it."""
    with writing(services.engine) as session:
        session.scalars(select(Newsletter).where(Newsletter.slug == "daily")).one().max_stories = 2
    first, second, last = stories(3)
    tell(services, first, second)
    tell(services, replace(last, about="The the TODO: end."), at=SEEN - timedelta(minutes=30))
    issue_id = draft(services)
    with writing(services.engine) as session:
        for title in (first.title, second.title):
            editing.pin(session, session.get_one(Issue, issue_id), story_id(services, title), HAND)
    assert rules(look(services, issue_id)) == [("leftovers", "about this summary")]


def test_the_editors_words(services: Services) -> None:
    """The intro, and a headline written for this issue, are looked at like the rest."""
    (story,) = stories(1)
    tell(services, story)
    issue_id = draft(services)
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        editing.introduce(session, issue, "Good morning, {{ name }}!", HAND)
        editing.rewrite(
            session, issue, story_id(services, story.title), {"headline": "FERROWAVE OPENS AN OFFICE!"}, HAND
        )
    assert rules(look(services, issue_id)) == [("leftovers", "intro"), ("subject", "subject")]


def test_a_story_that_changed_after_its_rewriting(services: Services) -> None:
    """Editors who wrote a headline are told when the story says something else since."""
    (story,) = stories(1)
    tell(services, story)
    issue_id = draft(services)
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        texts = {"headline": "Ferrowave settles in Paris"}
        editing.rewrite(
            session, issue, story_id(services, story.title), texts, Hand(SEEN + timedelta(minutes=1))
        )
    assert look(services, issue_id) == ()
    tell(services, replace(story, about="Now it says more."), at=SEEN + timedelta(hours=1))
    with writing(services.engine) as session:
        session.get_one(Issue, issue_id).picks[0].revision = 2
    (finding,) = look(services, issue_id)
    assert (finding.rule, finding.where) == ("rewritings", "headline")


def test_the_subject_of_an_earlier_issue(services: Services) -> None:
    """The headline that led one of the last issues is warned of, a cancelled one's is not."""
    (story,) = stories(1)
    tell(services, story)
    issue_id = draft(services)
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        issue.state, issue.date = IssueState.FINISHED, issue.date - timedelta(days=1)
    again = draft(services)
    assert rules(look(services, again)) == [("subject", "subject")]
    with writing(services.engine) as session:
        session.get_one(Issue, issue_id).state = IssueState.CANCELLED
    assert look(services, again) == ()


def test_no_postal_address(services: Services) -> None:
    """Without an address nothing leaves for real; an instance that writes into a folder is only warned."""
    tell(services, *stories(1))
    issue_id = draft(services)
    assert [f.severity for f in look(services, issue_id, postal_address=None)] == [Severity.BLOCKING]
    found = look(services, issue_id, postal_address=None, provider="folder")
    assert [f.severity for f in found] == [Severity.WARNING]


def test_links_that_were_followed(services: Services) -> None:
    """What came of following a link within a day is told with its story; older answers are forgotten."""
    (story,) = stories(1)
    tell(services, story)
    issue_id = draft(services)
    with writing(services.engine) as session:
        check = LinkCheck(
            url="https://outlet1.example/report", checked_at=CUTOFF - timedelta(hours=23), status=404
        )
        session.add(check)
    (finding,) = look(services, issue_id)
    assert finding.words == "https://outlet1.example/report is not there (404)"
    assert finding.story_id == story_id(services, story.title)
    assert look(services, issue_id, now=CUTOFF + timedelta(hours=2)) == ()


@pytest.mark.parametrize("url", ["http://outlet3.example/x", "https://bit.ly/x"])
def test_links_nobody_followed(services: Services, url: str) -> None:
    """What a link shows by itself needs no network."""
    (story,) = stories(1)
    tell(services, replace(story, coverage=(*story.coverage, Article("Outlet 3", url))))
    assert rules(look(services, draft(services))) == [("links", "links")]
