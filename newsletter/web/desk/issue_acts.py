"""What editors do to an issue: each act a form, saved at once, and never over another editor's work."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session
from starlette.datastructures import FormData

from newsletter.desk import editing
from newsletter.desk.changes import Closed, Hand, NotThere, Overtaken, take_back
from newsletter.editors.audit import audit
from newsletter.models import Issue, IssueChange, Story
from newsletter.store.engine import writing
from newsletter.web.desk.issue_head import IssueNumber, find_issue
from newsletter.web.desk.issue_refused import Here, back, not_possible, overtaken, text_in, too_long
from newsletter.web.desk.visits import Curator, Visit
from newsletter.web.pages import AtDoor, PageRoute

router = APIRouter(prefix="/desk/issues/{issue_id}", route_class=PageRoute)

StoryNumber = Annotated[int, Path(ge=1, lt=2**63)]
Act = Callable[[Session, Issue, Hand], IssueChange | None]


def _here(request: Request, door: AtDoor, issue_id: IssueNumber) -> Here:
    return Here(door, issue_id, request.url.path)


AtIssue = Annotated[Here, Depends(_here)]


@router.post("/stories/{story_id}/pin")
def pin(visit: Curator, here: AtIssue, story_id: StoryNumber) -> Response:
    return _change(visit, here, lambda s, issue, hand: editing.pin(s, issue, story_id, hand))


@router.post("/stories/{story_id}/unpin")
def unpin(visit: Curator, here: AtIssue, story_id: StoryNumber) -> Response:
    return _change(visit, here, lambda s, issue, hand: editing.unpin(s, issue, story_id, hand))


@router.post("/stories/{story_id}/drop")
def drop(visit: Curator, here: AtIssue, story_id: StoryNumber) -> Response:
    return _change(visit, here, lambda s, issue, hand: editing.drop(s, issue, story_id, hand))


@router.post("/stories/{story_id}/restore")
def restore(visit: Curator, here: AtIssue, story_id: StoryNumber) -> Response:
    return _change(visit, here, lambda s, issue, hand: editing.restore(s, issue, story_id, hand))


@router.post("/stories/{story_id}/move")
def move(visit: Curator, here: AtIssue, story_id: StoryNumber) -> Response:
    def act(session: Session, issue: Issue, hand: Hand) -> IssueChange | None:
        return editing.move(session, issue, story_id, _number(visit.form, "place"), hand)

    return _change(visit, here, act)


@router.post("/stories/{story_id}/lead")
def lead(visit: Curator, here: AtIssue, story_id: StoryNumber) -> Response:
    chosen = visit.form.getlist("audience")
    audiences = [name for name in here.door.services.site.audiences if name in chosen]

    def act(session: Session, issue: Issue, hand: Hand) -> IssueChange | None:
        return editing.lead(session, issue, story_id, audiences, hand)

    return _change(visit, here, act)


@router.post("/stories/{story_id}/rewrite")
def rewrite(visit: Curator, here: AtIssue, story_id: StoryNumber) -> Response:
    texts = {field: text_in(visit.form, field) for field in editing.TEXTS if field in visit.form}

    def act(session: Session, issue: Issue, hand: Hand) -> IssueChange | None:
        revision = _number(visit.form, "revision")
        return editing.rewrite(session, issue, story_id, texts, hand, revision=revision)

    return _change(visit, here, act)


@router.post("/stories")
def add(visit: Curator, here: AtIssue) -> Response:
    def act(session: Session, issue: Issue, hand: Hand) -> IssueChange | None:
        story = session.get(Story, _number(visit.form, "story"))
        if story is None:
            raise NotThere("There is no such story: search for it by words of its title")
        return editing.add(session, issue, story, hand)

    return _change(visit, here, act)


@router.post("/intro")
def introduce(visit: Curator, here: AtIssue) -> Response:
    def act(session: Session, issue: Issue, hand: Hand) -> IssueChange | None:
        return editing.introduce(session, issue, text_in(visit.form, "intro"), hand)

    return _change(visit, here, act)


@router.post("/take-back")
def undo(visit: Curator, here: AtIssue) -> Response:
    def act(session: Session, issue: Issue, hand: Hand) -> IssueChange | None:
        return take_back(session, issue, _number(visit.form, "change"), hand)

    return _change(visit, here, act)


def _change(visit: Visit, here: Here, act: Act) -> Response:
    """Do it in one transaction and lead back to where it was done; refused, it changes nothing."""
    now, seen = here.door.clock(), _number(visit.form, "version")
    try:
        with writing(here.door.services.engine) as session:
            issue = find_issue(session, here.issue_id, lock=True)
            was = issue.state
            change = act(session, issue, Hand(now, visit.editor_id, seen))
            if change:
                _note(session, visit, change)
    except Overtaken as refusal:
        return overtaken(visit, here, refusal)
    except editing.TooLong as refusal:
        return too_long(visit, here, refusal)
    except (Closed, NotThere) as refusal:
        return not_possible(visit, here, refusal)
    said = {"saved": change.version, "seen": seen} if change else {}
    if issue.state != was:
        said["voided"] = 1
    return RedirectResponse(back(visit, here, said), 303)


def _note(session: Session, visit: Visit, change: IssueChange) -> None:
    audit(
        session,
        "issue changed",
        f"issue {change.issue_id}",
        editor_id=visit.editor_id,
        now=change.at,
        detail={"version": change.version, "words": change.words},
        ip=visit.ip,
    )


def _number(form: FormData, name: str) -> int:
    """A number that one of our own forms carries; 400 for a form that somebody made up."""
    text = text_in(form, name)
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise HTTPException(400)
    return int(text)
