"""The tab on which an issue is looked at: as an audience, any lens or one reader would receive it.

It is rendered by the functions that render the real mail. A reader's address never stands in an
address of ours: an admin types it into a form, and is led on by the name that stands for the reader.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from newsletter.editions import Telling
from newsletter.editors.audit import audit
from newsletter.issue_forecast import kept
from newsletter.models import Issue
from newsletter.models.editor import Role
from newsletter.preview import (
    NoPreview,
    Shown,
    corrections_for,
    selection_for,
    selection_through,
    shown,
    shown_again,
)
from newsletter.rendering.renderer import RenderError
from newsletter.selection import Selection
from newsletter.store.engine import reading, writing
from newsletter.web.desk.issue_head import IssueNumber, find_issue, head_of
from newsletter.web.desk.pages import answer
from newsletter.web.desk.sights import Sight, as_shown, framed, query_string
from newsletter.web.desk.visits import Admin, Viewer, Visit
from newsletter.web.pages import FORM_LIMIT, AtDoor, Door, PageRoute
from newsletter.why import mail_of
from subscribers import roster
from subscribers.address import InvalidAddress
from subscribers.lens import Lens
from subscribers.models import Subscriber

router = APIRouter(prefix="/desk", route_class=PageRoute)

#: characters of a field with words, between commas
LONGEST = 500
Words = Annotated[str, Query(max_length=LONGEST)]


@dataclass(frozen=True, slots=True)
class Eyes:
    """Through whose eyes: those of one reader, of the readers of a forecast edition, or of a lens."""

    audience: Annotated[tuple[str, ...], Query(max_length=50)] = ()
    companies: Words = ""
    topics: Words = ""
    muted_companies: Words = ""
    muted_topics: Words = ""
    languages: Words = ""
    outlets: Annotated[int, Query(ge=1, le=99)] = 1
    short: bool = False
    #: the name that stands for a subscriber
    reader: Annotated[str, Query(max_length=50)] = ""
    #: the fingerprint of an edition
    edition: Annotated[str, Query(max_length=50)] = ""

    def query(self) -> dict[str, str | tuple[str, ...]]:
        usual = asdict(Eyes())
        told = {name: value for name, value in asdict(self).items() if value != usual[name]}
        return {name: value if isinstance(value, tuple) else str(value) for name, value in told.items()}

    @property
    def lens(self) -> Lens:
        words = {
            name: getattr(self, name).split(",")
            for name in ("companies", "topics", "muted_companies", "muted_topics", "languages")
        }
        lens = Lens.of(audiences=self.audience, **words)
        return replace(lens, min_outlets=self.outlets, short=self.short)


@dataclass(frozen=True)
class Seen:
    """What those eyes see."""

    #: in words, whose eyes they are
    whose: str
    #: why each story is there or not; None for an edition that was forecast
    selection: Selection | None
    #: None where there is no mail
    mail: Shown | None
    #: why there is none
    trouble: str | None = None
    #: of one reader: what became of their mail, or what keeps it from them
    fate: str | None = None


@router.get("/issues/{issue_id}/preview")
def show_preview(
    visit: Viewer,
    issue_id: IssueNumber,
    eyes: Annotated[Eyes, Depends()],
    sight: Annotated[Sight, Depends()],
    door: AtDoor,
) -> Response:
    return _page(door, visit, issue_id, eyes, sight)


@router.get("/issues/{issue_id}/preview/frame")
def show_frame(
    visit: Viewer,
    issue_id: IssueNumber,
    eyes: Annotated[Eyes, Depends()],
    sight: Annotated[Sight, Depends()],
    door: AtDoor,
) -> Response:
    with reading(door.services.engine) as session:
        seen = _seen(door, visit, session, find_issue(session, issue_id), eyes)
    if seen.mail is None:
        raise HTTPException(404)
    return framed(door, seen.mail.content, sight)


@router.post("/issues/{issue_id}/preview/reader", max_body_size=FORM_LIMIT)
def find_reader(
    visit: Admin, issue_id: IssueNumber, sight: Annotated[Sight, Depends()], door: AtDoor
) -> Response:
    """From the address that was typed to the preview of its reader; noted in the log."""
    typed = str(visit.form.get("email", ""))
    with writing(door.services.engine) as session:
        find_issue(session, issue_id)
        try:
            reader = roster.find(session, typed)
        except InvalidAddress:
            reader = None
        if reader is not None:
            audit(
                session,
                "issue previewed as a reader",
                f"issue {issue_id}",
                editor_id=visit.editor_id,
                now=door.clock(),
                detail={"subscriber": reader.id},
                ip=visit.ip,
            )
    if reader is None:
        return _page(door, visit, issue_id, Eyes(), sight, typed=typed)
    query = query_string({"reader": reader.public_id, **sight.query()})
    return RedirectResponse(f"{door.pages.base}/desk/issues/{issue_id}/preview{query}", 303)


def _page(
    door: Door, visit: Visit, issue_id: int, eyes: Eyes, sight: Sight, *, typed: str | None = None
) -> Response:
    """`typed`: an address that no reader has."""
    with reading(door.services.engine) as session:
        issue = find_issue(session, issue_id)
        seen = _seen(door, visit, session, issue, eyes)
        head = head_of(session, issue, door.clock())
        return answer(
            door,
            "preview.html",
            visit,
            status=200 if typed is None else 422,
            head=head,
            here=f"{door.pages.base}/desk/issues/{issue_id}",
            frame_path=f"/desk/issues/{issue_id}/preview/frame",
            eyes=eyes,
            kept_sight=sight.query(),
            sight_query=query_string(sight.query()),
            seen=seen,
            typed=typed,
            finds_readers=visit.may(Role.ADMIN),
            longest=LONGEST,
            mail=as_shown(door, seen.mail, sight, eyes.query()) if seen.mail else None,
        )


def _seen(door: Door, visit: Visit, session: Session, issue: Issue, eyes: Eyes) -> Seen:
    renderer = door.services.renderer
    corrections: Sequence[Telling] = ()
    fate = None
    try:
        if eyes.edition:
            return _edition_seen(door, session, issue, eyes.edition)
        if eyes.reader:
            reader = _reader(visit, session, eyes.reader)
            whose, selection = f"the reader {reader.email}", selection_for(session, issue, reader)
            corrections = corrections_for(session, issue, reader)
            fate = mail_of(session, issue, reader)
        else:
            whose, selection = _lens_words(eyes), selection_through(session, issue, eyes.lens)
        if selection.skipped:
            return Seen(whose, selection, None, f"These readers get no mail: {selection.skipped}.", fate)
        mail = shown(session, issue, renderer, selection, corrections)
        return Seen(whose, selection, mail, fate=fate)
    except RenderError as error:
        return Seen("nobody yet", None, None, f"It cannot be rendered. {error}. Mend the template.")


def _edition_seen(door: Door, session: Session, issue: Issue, fingerprint: str) -> Seen:
    counted = kept(session, issue.id)
    found = counted and counted.forecast.edition(fingerprint)
    if not found:
        return Seen("nobody", None, None, "This edition is no longer in the forecast: choose it anew.")
    readers = "1 reader" if found.readers == 1 else f"{found.readers:,} readers"
    whose = f"{readers}: " + "; ".join(kind.words for kind in found.kinds)
    if found.more_kinds:
        whose += f"; {found.more_kinds} more kinds"
    try:
        tellings = [story.telling for story in found.stories]
        return Seen(whose, None, shown_again(session, issue, door.services.renderer, tellings))
    except NoPreview as error:
        return Seen(whose, None, None, f"{error}.".capitalize())


def _reader(visit: Visit, session: Session, public_id: str) -> Subscriber:
    if not visit.may(Role.ADMIN):
        raise HTTPException(403)
    found = roster.by_public_id(session, public_id)
    if found is None:
        raise HTTPException(404)
    return found


def _lens_words(eyes: Eyes) -> str:
    said = [
        ", ".join(eyes.audience),
        eyes.companies and f"follows {eyes.companies}",
        eyes.topics and f"topics {eyes.topics}",
        eyes.muted_companies and f"without {eyes.muted_companies}",
        eyes.muted_topics and f"without {eyes.muted_topics}",
        eyes.languages and f"reads {eyes.languages}",
        f"from {eyes.outlets} outlets on" if eyes.outlets > 1 else "",
        "short form" if eyes.short else "",
    ]
    return " · ".join(filter(None, said)) or "a reader who chose nothing"
