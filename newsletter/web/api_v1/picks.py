"""What editors do to an issue: each request is one change and one version, and can be taken back.

Each asks for the issue as it was seen, by If-Match.
"""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field
from sqlalchemy.orm import Session

from newsletter.desk import editing
from newsletter.desk.changes import Hand, NotThere, take_back
from newsletter.models import Issue, IssueChange, Story
from newsletter.web.api_v1.callers import ApiRoute, ByEditor
from newsletter.web.api_v1.conditions import AtIssue, change_issue
from newsletter.web.api_v1.documents import Changed, Text, Told
from newsletter.web.api_v1.issues import check_audience
from newsletter.web.api_v1.problems import PREFIX
from newsletter.web.desk.issue_acts import StoryNumber

router = APIRouter(prefix=PREFIX, route_class=ApiRoute, tags=["Curate"])

Version = Annotated[int, Path(ge=1, lt=2**31)]
StoryId = Annotated[int, Field(ge=1, lt=2**63, description="Number of the story.")]


class Intro(Told):
    intro: Text = Field(description="Paragraphs above the stories; an empty text takes them away.")


class Added(Told):
    story: StoryId


class Place(Told):
    place: int = Field(ge=1, lt=1000, description="From 1, as a reader without preferences sees it.")


class LeadFor(Told):
    audiences: list[Text] = Field(
        description="Those whose readers are told it first; none takes the lead away.",
        examples=[["Investors"]],
    )


class Texts(Told):
    """What is left out stays; an empty text gives the story its own again."""

    headline: Text | None = None
    tldr: Text | None = None
    note: Text | None = None


@router.patch("/issues/{issue_id}")
def introduce(caller: ByEditor, here: AtIssue, told: Intro) -> Changed:
    """Put the editors' words above the stories."""

    def act(session: Session, issue: Issue, hand: Hand) -> IssueChange | None:
        return editing.introduce(session, issue, told.intro, hand)

    return change_issue(caller, here, act)


@router.post("/issues/{issue_id}/picks")
def add_story(caller: ByEditor, here: AtIssue, told: Added) -> Changed:
    """Put any story into the issue, however old it is; it is pinned."""

    def act(session: Session, issue: Issue, hand: Hand) -> IssueChange | None:
        story = session.get(Story, told.story)
        if story is None:
            raise NotThere(f"there is no story {told.story}: search for it at {PREFIX}/stories")
        return editing.add(session, issue, story, hand)

    return change_issue(caller, here, act)


@router.patch("/issues/{issue_id}/picks/{story_id}")
def rewrite(caller: ByEditor, here: AtIssue, story_id: StoryNumber, told: Texts) -> Changed:
    """Give a story another headline, TL;DR or note in this issue."""
    texts = told.model_dump(exclude_none=True)

    def act(session: Session, issue: Issue, hand: Hand) -> IssueChange | None:
        return editing.rewrite(session, issue, story_id, texts, hand)

    return change_issue(caller, here, act)


@router.post("/issues/{issue_id}/picks/{story_id}/pin")
def pin(caller: ByEditor, here: AtIssue, story_id: StoryNumber) -> Changed:
    """Tell a story to every reader, after those pinned before."""
    return change_issue(caller, here, lambda s, issue, hand: editing.pin(s, issue, story_id, hand))


@router.post("/issues/{issue_id}/picks/{story_id}/unpin")
def unpin(caller: ByEditor, here: AtIssue, story_id: StoryNumber) -> Changed:
    """Let a story be told to those whom it concerns, where its score puts it."""
    return change_issue(caller, here, lambda s, issue, hand: editing.unpin(s, issue, story_id, hand))


@router.post("/issues/{issue_id}/picks/{story_id}/drop")
def drop(caller: ByEditor, here: AtIssue, story_id: StoryNumber) -> Changed:
    """Tell a story to nobody, in this issue and in those that follow."""
    return change_issue(caller, here, lambda s, issue, hand: editing.drop(s, issue, story_id, hand))


@router.post("/issues/{issue_id}/picks/{story_id}/restore")
def restore(caller: ByEditor, here: AtIssue, story_id: StoryNumber) -> Changed:
    """Let a story that was dropped be told again."""
    return change_issue(caller, here, lambda s, issue, hand: editing.restore(s, issue, story_id, hand))


@router.post("/issues/{issue_id}/picks/{story_id}/move")
def move(caller: ByEditor, here: AtIssue, story_id: StoryNumber, told: Place) -> Changed:
    """Bring a story to a place among those that are told; pinned ones stay before the others."""

    def act(session: Session, issue: Issue, hand: Hand) -> IssueChange | None:
        return editing.move(session, issue, story_id, told.place, hand)

    return change_issue(caller, here, act)


@router.post("/issues/{issue_id}/picks/{story_id}/lead")
def lead(caller: ByEditor, here: AtIssue, story_id: StoryNumber, told: LeadFor) -> Changed:
    """Make a story the first that readers of some audiences are told."""
    for audience in told.audiences:
        check_audience(here.door, audience, "body.audiences")

    def act(session: Session, issue: Issue, hand: Hand) -> IssueChange | None:
        return editing.lead(session, issue, story_id, told.audiences, hand)

    return change_issue(caller, here, act)


@router.post("/issues/{issue_id}/changes/{version}/take-back")
def take_back_change(caller: ByEditor, here: AtIssue, version: Version) -> Changed:
    """Undo one change, whichever came after it; to undo that brings it back."""
    return change_issue(caller, here, lambda s, issue, hand: take_back(s, issue, version, hand))
