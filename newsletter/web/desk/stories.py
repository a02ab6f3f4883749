"""All stories, and each of them as it is known: what it says, how it spread, who was told it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.content import Article, Impact, StoryContent
from newsletter.corrections.book import LONGEST, written_for
from newsletter.desk.changes import CHANGEABLE
from newsletter.editors.audit import names
from newsletter.intake.stories import categories, search_stories
from newsletter.models import Issue, Pick, Story, StoryRevision
from newsletter.models.desk import CorrectionKind
from newsletter.models.editor import Role
from newsletter.rendering.telling import Telling, tell
from newsletter.rendering.typesetting import language_name
from newsletter.rendering.urls import fit
from newsletter.store.engine import reading
from newsletter.story_life import first_seen, growth, spread, told_in
from newsletter.web.desk.pages import answer
from newsletter.web.desk.spans import span
from newsletter.web.desk.visits import Viewer, Visit
from newsletter.web.pages import AtDoor, Door, PageRoute

router = APIRouter(prefix="/desk", route_class=PageRoute)

StoryNumber = Annotated[int, Path(ge=1, lt=2**63)]
Words = Annotated[str, Query(max_length=200)]
#: stories on one page
PAGE = 50
#: reports that are listed
REPORTS = 200
#: issues that a story may be added to, the next ones
ISSUES = 6


@router.get("/stories")
def list_stories(
    visit: Viewer,
    door: AtDoor,
    find: Words = "",
    category: Words = "",
    impact: Words = "",
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> Response:
    """Stories with these words in their titles, of one category and impact or any; unknown ones find none."""
    with reading(door.services.engine) as session:
        found = search_stories(
            session, words=find, category=category, impact=impact, limit=PAGE + 1, offset=(page - 1) * PAGE
        )
        return answer(
            door,
            "stories.html",
            visit,
            stories=[(story, known.content) for story, known in found[:PAGE]],
            categories=categories(session),
            impacts=list(Impact),
            find=find,
            category=category,
            impact=impact,
            page=page,
            is_last=len(found) <= PAGE,
        )


@router.get("/stories/{story_id}")
def show_story(visit: Viewer, door: AtDoor, story_id: StoryNumber) -> Response:
    """One story as it is known now."""
    return story_page(visit, door, story_id)


@dataclass(frozen=True)
class Report:
    """One outlet's report as the page lists it."""

    outlet: str
    language: str
    url: str | None
    title: str | None
    seen_at: datetime | None


def find_story(session: Session, story_id: int) -> tuple[Story, StoryContent]:
    """The story of that number, and what is known of it; 404 without it."""
    story = session.get(Story, story_id)
    if story is None:
        raise HTTPException(404)
    return story, session.get_one(StoryRevision, (story.id, story.revision)).content


def story_page(
    visit: Visit, door: Door, story_id: int, *, status: int = 200, fault: str | None = None
) -> Response:
    """The page of a story; with the `fault` of a correction that was sent with the visit's form."""
    with reading(door.services.engine) as session:
        story, content = find_story(session, story_id)
        seen = first_seen(session, story.id)
        return answer(
            door,
            "story.html",
            visit,
            status=status,
            story=story,
            content=content,
            shown=tell(Telling(content)),
            language=language_name(content.language) or content.language,
            reports=[_report(article, content, seen) for article in content.coverage[:REPORTS]],
            spread=[(span(each.within), each.outlets) for each in spread(seen)],
            revisions=growth(session, story.id),
            told=told_in(session, story.id),
            issues=_open_issues(session, story.id),
            corrections=written_for(session, story.id),
            people=names(session),
            kinds=list(CorrectionKind),
            longest=LONGEST,
            may_edit=visit.may(Role.EDITOR),
            fault=fault,
            sent=visit.form,
        )


def _report(article: Article, content: StoryContent, seen: dict[tuple[str, str], datetime]) -> Report:
    outlet, url = article.key
    language = article.language or content.language
    at = seen.get((outlet, url or ""))
    return Report(article.outlet, language_name(language) or language, fit(article.url), article.title, at)


def _open_issues(session: Session, story_id: int) -> Sequence[tuple[Issue, bool]]:
    """The next issues that can be changed, and whether the story is pinned in them already."""
    issues = session.scalars(
        select(Issue).where(Issue.state.in_(CHANGEABLE)).order_by(Issue.publish_at, Issue.id).limit(ISSUES)
    ).all()
    pinned = select(Pick.issue_id).where(
        Pick.story_id == story_id, Pick.pin.is_not(None), Pick.issue_id.in_([issue.id for issue in issues])
    )
    has_it = set(session.scalars(pinned))
    return [(issue, issue.id in has_it) for issue in issues]
