"""An issue under the hands of its editors: every change a version, none run over, each taken back."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.desk import approval, editing
from newsletter.desk.changes import Closed, Hand, Overtaken, history, take_back
from newsletter.desk.states import step
from newsletter.editors.people import add
from newsletter.models import Issue, Story
from newsletter.models.editor import Role
from newsletter.models.issue import IssueState
from newsletter.preview import preview
from newsletter.store.engine import writing
from newsletter.wiring import Services
from subscribers.address import parse
from tests.builders import a_story
from tests.issues import CUTOFF, SEEN, draft, tell

TITLES = ("One", "Two", "Three", "Four")


def issue_of_four(services: Services) -> int:
    tell(services, *(a_story(title, outlets=9 - place) for place, title in enumerate(TITLES)))
    return draft(services)


def ids(session: Session) -> dict[str, int]:
    return {story.title: story.id for story in session.scalars(select(Story))}


def titles(session: Session, issue: Issue) -> list[str]:
    names = {number: title for title, number in ids(session).items()}
    return [names[pick.story_id] for pick in issue.picks if not pick.dropped]


def editors(session: Session) -> tuple[int, int]:
    one, other = (
        add(session, parse(f"{name}@desk.example"), Role.EDITOR, now=SEEN) for name in ("one", "other")
    )
    session.flush()
    return one.id, other.id


def test_moving_keeps_what_stands_before(services: Services) -> None:
    """A moved story stands where it was put, and so does everything before it; pins stay first."""
    issue_id = issue_of_four(services)
    with writing(services.engine) as session:
        issue, story = session.get_one(Issue, issue_id), ids(session)
        hand = Hand(SEEN)
        assert titles(session, issue) == ["One", "Two", "Three", "Four"]
        editing.move(session, issue, story["Four"], 2, hand)
        assert titles(session, issue) == ["One", "Four", "Two", "Three"]
        assert [pick.rank for pick in issue.picks] == [1, 2, None, None]
        editing.pin(session, issue, story["Three"], hand)
        assert titles(session, issue) == ["Three", "One", "Four", "Two"]
        editing.move(session, issue, story["Two"], 1, hand)
        assert titles(session, issue) == ["Three", "Two", "One", "Four"]


def test_every_change_can_be_taken_back(services: Services) -> None:
    """Taking back all changes, in any order that is possible, leaves the issue as it was planned."""
    issue_id = issue_of_four(services)
    with writing(services.engine) as session:
        issue, story = session.get_one(Issue, issue_id), ids(session)
        hand = Hand(SEEN)
        editing.pin(session, issue, story["Two"], hand)
        editing.drop(session, issue, story["One"], hand)
        editing.rewrite(session, issue, story["Three"], {"headline": "Mine", "note": "Look"}, hand)
        editing.introduce(session, issue, "Good morning.", hand)
        editing.lead(session, issue, story["Four"], ["Investors"], hand)
        assert issue.version == 5
        for version in (1, 4, 2, 5, 3):
            assert take_back(session, issue, version, hand) is not None
        assert titles(session, issue) == ["One", "Two", "Three", "Four"]
        assert issue.intro is None
        assert {(pick.headline, pick.note, pick.pin) for pick in issue.picks} == {(None, None, None)}
        assert [change.undoes for change in history(session, issue)][:5] == [3, 5, 2, 4, 1]


def test_nobody_overwrites_what_they_did_not_see(services: Services) -> None:
    """Two editors at one text: the second is shown the first's; at two texts, both are kept."""
    issue_id = issue_of_four(services)
    with writing(services.engine) as session:
        issue, story = session.get_one(Issue, issue_id), ids(session)
        one, other = editors(session)
        editing.rewrite(session, issue, story["One"], {"headline": "Theirs"}, Hand(SEEN, one, 0))
        editing.rewrite(session, issue, story["Two"], {"headline": "Beside it"}, Hand(SEEN, other, 0))
        with pytest.raises(Overtaken) as refused:
            editing.rewrite(session, issue, story["One"], {"headline": "Mine"}, Hand(SEEN, other, 0))
        assert refused.value.versions == (1,)
        assert [pick.headline for pick in issue.picks][:2] == ["Theirs", "Beside it"]
        editing.rewrite(session, issue, story["One"], {"headline": "Mine"}, Hand(SEEN, other, 2))
        assert issue.picks[0].headline == "Mine"
        assert issue.edited_by == other


def test_a_version_that_never_was_is_none_that_was_seen(services: Services) -> None:
    """A page made before a backup was restored, at a higher version than there is, overwrites nothing."""
    issue_id = issue_of_four(services)
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        one, other = editors(session)
        editing.introduce(session, issue, "Restored.", Hand(SEEN, one, 0))
        with pytest.raises(Overtaken):
            editing.introduce(session, issue, "Lost.", Hand(SEEN, other, 9))
        assert issue.intro == "Restored."


def test_what_was_changed_again_is_not_taken_back(services: Services) -> None:
    """A change is not undone over the head of a later one to the same place."""
    issue_id = issue_of_four(services)
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        editing.introduce(session, issue, "First", Hand(SEEN))
        editing.introduce(session, issue, "Second", Hand(SEEN))
        with pytest.raises(Overtaken, match="version 2"):
            take_back(session, issue, 1, Hand(SEEN))
        take_back(session, issue, 2, Hand(SEEN))
        assert issue.intro == "First"


def test_what_the_editors_write_is_what_readers_get(services: Services) -> None:
    """Headline, TL;DR, note, intro and lead story stand in the mail, and an AI's TL;DR says it was edited."""
    issue_id = issue_of_four(services)
    with writing(services.engine) as session:
        issue, story = session.get_one(Issue, issue_id), ids(session)
        hand = Hand(SEEN)
        editing.introduce(session, issue, "A word before.", hand)
        texts = {"headline": "Said anew", "tldr": "Shorter by far.", "note": "Why now?"}
        editing.rewrite(session, issue, story["Four"], texts, hand)
        editing.lead(session, issue, story["Four"], ["Investors"], hand)
        mail = preview(session, issue, services.renderer, audience="Investors").content
        assert mail.subject == "Said anew"
        for words in ("A word before.", "Shorter by far.", "Why now?", "edited by the editors"):
            assert words in mail.html
            assert words in mail.text.replace("\n", " ")
        assert preview(session, issue, services.renderer).content.subject == "One"


def test_a_change_after_the_cutoff_waits_for_a_person(services: Services) -> None:
    """Once the cut-off is over, a change to an approved issue leaves no way out but a new approval."""
    issue_id = issue_of_four(services)
    with writing(services.engine) as session:
        issue = session.get_one(Issue, issue_id)
        approval.approve(session, issue, services.renderer, by="Ed", now=CUTOFF)
        editing.introduce(session, issue, "Late", Hand(CUTOFF))
        assert issue.state == IssueState.HELD
        step(issue, IssueState.CANCELLED, None)
        with pytest.raises(Closed):
            editing.introduce(session, issue, "Too late", Hand(CUTOFF))
