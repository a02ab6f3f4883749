"""The archive: past issues as everybody may read them, and single editions as their readers got them.

What does not change is remembered, for all the threads of a process: what an issue told whom, and its
pages. A correction makes a new page; what was frozen stays as it is.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from pydantic import ValidationError
from sqlalchemy import Engine, Select, exists, or_, select
from sqlalchemy.orm import selectinload

from newsletter.corrections.book import corrections_of
from newsletter.desk.approval import frozen_pieces, piece_name
from newsletter.editions import Telling, compose, for_everybody, preheader_of
from newsletter.mail import SLOT
from newsletter.models import Delivery, Edition, Issue, Newsletter
from newsletter.models.delivery import DeliveryKind, DeliveryState
from newsletter.models.desk import CorrectionKind
from newsletter.models.issue import OUT, IssueState
from newsletter.preview import selection_through
from newsletter.rendering.pieces import TELLING
from newsletter.rendering.public import Mark, Sheet, public_card, public_shell, sheet
from newsletter.rendering.renderer import Renderer
from newsletter.store.engine import reading
from newsletter.tracking.linking import uncounted
from subscribers.lens import Lens
from subscribers.tokens import BadToken, Tokens

#: what issues told whom, about 5 kB each, and pages, about 100 kB each
REMEMBERED_TELLINGS, REMEMBERED_PAGES = 1_000, 200
LEFT = (DeliveryState.SUBMITTING, DeliveryState.ACCEPTED, DeliveryState.UNKNOWN)

#: what is raised for pieces that are gone or broken, and for links signed with a key that is gone
_NO_LONGER_WHOLE = (LookupError, ValidationError, BadToken)


class NotForEverybody(ValueError):
    """A mail cannot be shown as a page; the message says why."""


@dataclass(frozen=True)
class PastIssue:
    """An issue that its readers could have."""

    id: int
    slug: str
    newsletter: str
    description: str
    date: dt.date
    published_at: datetime
    content_hash: str | None


@dataclass(frozen=True)
class Told:
    """What an issue told some of its readers."""

    issue: PastIssue
    subject: str
    #: how the first story begins
    lead: str
    headlines: tuple[str, ...]
    tellings: tuple[Telling, ...]


@dataclass(frozen=True)
class Listed:
    """An issue as a list tells of it."""

    told: Told
    #: each says whether it was corrected or taken back since
    headlines: tuple[str, ...]
    changed_at: datetime


@dataclass(frozen=True)
class Page:
    """A mail as everybody may read it."""

    told: Told
    sheet: Sheet
    #: what was corrected since, with the headline it was told under
    corrected: tuple[tuple[Mark, str], ...]


def audience_slug(name: str) -> str:
    """`AI labs` as it stands in an address: `ai-labs`."""
    return re.sub(r"[\W_]+", "-", name.casefold()).strip("-")


class Archive:
    """Opens a short transaction for each question."""

    def __init__(self, engine: Engine, renderer: Renderer, tokens: Tokens, *, public_url: str) -> None:
        self._engine = engine
        self._renderer = renderer
        self._tokens = tokens
        self._public_url = public_url
        self._left = lru_cache(REMEMBERED_TELLINGS)(self._has_left)
        self._told = lru_cache(REMEMBERED_TELLINGS)(self._tell)
        self._made = lru_cache(REMEMBERED_PAGES)(self._make)

    def newsletter(self, slug: str) -> tuple[str, str] | None:
        """The name and the description of a newsletter, also of one that was given up since."""
        with reading(self._engine) as session:
            query = select(Newsletter.name, Newsletter.description).where(Newsletter.slug == slug)
            row = session.execute(query).one_or_none()
            return row and (row.name, row.description)

    def issues(self, slug: str | None = None, *, limit: int, offset: int = 0) -> list[PastIssue]:
        """Those of one newsletter, or of all, the newest first."""
        newest_first = self._out(slug).order_by(Issue.published_at.desc(), Issue.id.desc())
        return self._past(newest_first.limit(limit).offset(offset))

    def issue(self, slug: str, day: dt.date) -> PastIssue | None:
        """The issue of that day; None for one that nobody could have yet."""
        return self._first(self._out(slug).where(Issue.date == day))

    def beside(self, issue: PastIssue) -> tuple[PastIssue | None, PastIssue | None]:
        """The issues of the newsletter before it and after it."""
        out = self._out(issue.slug).limit(1)
        before = out.where(Issue.date < issue.date).order_by(Issue.date.desc())
        after = out.where(Issue.date > issue.date).order_by(Issue.date)
        return self._first(before), self._first(after)

    def told(self, issue: PastIssue, audience: str | None = None) -> Told | None:
        """What the readers of `audience` got, or those who chose nothing; None where they got no mail."""
        try:
            return self._told(issue, audience)
        except _NO_LONGER_WHOLE:
            return None

    def edition(self, issue_id: int, fingerprint: str) -> Told | None:
        """What the readers of one edition got."""
        issue = self._first(self._out().where(Issue.id == issue_id))
        with reading(self._engine) as session:
            named = Edition.issue_id == issue_id, Edition.fingerprint == fingerprint
            query = select(Edition).where(*named).options(selectinload(Edition.stories))
            edition = session.scalar(query)
            if issue is None or edition is None or edition.subject is None:
                return None
            tellings = tuple(
                Telling(one.story_id, one.revision, one.piece, tuple(one.because), tuple(one.changes))
                for one in edition.stories
            )
            return Told(issue, edition.subject, "", (), tellings)

    def marks(self, told: Told) -> tuple[Mark, ...]:
        """What was corrected since of what was told, as of now."""
        revisions = {
            telling.story_id: telling.revision for telling in told.tellings if not telling.is_correction
        }
        with reading(self._engine) as session:
            return tuple(
                Mark(
                    story_id,
                    retracts=one.kind == CorrectionKind.RETRACTION,
                    text=one.text,
                    at=one.confirmed_at,
                )
                for story_id, found in corrections_of(session, revisions.keys()).items()
                for one in found
                if one.confirmed_at and revisions[story_id] <= one.revision
            )

    def listed(self, told: Told) -> Listed:
        """What a list says of it, as of now."""
        marks = self.marks(told)
        words = {mark.story_id: "retracted" if mark.retracts else "corrected" for mark in marks}
        stories = [telling.story_id for telling in told.tellings if not telling.is_correction]
        headlines = [
            f"{headline} ({words[story_id]})" if story_id in words else headline
            for story_id, headline in zip(stories, told.headlines, strict=True)
        ]
        times = [told.issue.published_at, *(mark.at for mark in marks)]
        return Listed(told, tuple(headlines), max(times))

    def page(self, told: Told) -> Page:
        """What was told, with what was corrected since. Raises NotForEverybody."""
        try:
            return self._made(told, self.marks(told))
        except _NO_LONGER_WHOLE as error:
            raise NotForEverybody(f"its pieces are gone, or no longer what they were: {error}") from error

    def _out(self, slug: str | None = None) -> Select[Issue]:
        """The issues that were published; a cancelled one counts if anybody could have it before."""
        published = Issue.published_at.is_not(None)
        with reading(self._engine) as session:
            cancelled = select(Issue.id).where(Issue.state == IssueState.CANCELLED, published)
            stopped = session.scalars(cancelled).all()
        left = [issue_id for issue_id in stopped if self._left(issue_id)]
        query = select(Issue).where(published, or_(Issue.state.in_(OUT), Issue.id.in_(left)))
        return query.join(Newsletter).where(Newsletter.slug == slug) if slug else query

    def _past(self, query: Select[Issue]) -> list[PastIssue]:
        with reading(self._engine) as session:
            return [_as_past(issue) for issue in session.scalars(query)]

    def _first(self, query: Select[Issue]) -> PastIssue | None:
        return next(iter(self._past(query)), None)

    def _has_left(self, issue_id: int) -> bool:
        """Asked of cancelled issues: what has not left by then never will."""
        left = exists().where(
            Delivery.kind == DeliveryKind.DIGEST,
            Delivery.occasion_id == issue_id,
            Delivery.state.in_(LEFT),
        )
        with reading(self._engine) as session:
            return bool(session.scalar(select(left)))

    def _tell(self, past: PastIssue, audience: str | None) -> Told | None:
        lens = Lens.of(audiences=[audience] if audience else [])
        with reading(self._engine) as session:
            issue = session.get_one(Issue, past.id)
            selection = selection_through(session, issue, lens)
            names = [piece_name(pick.candidate, form) for pick in selection.picks for form in TELLING]
            shell, cards = frozen_pieces(session, past.id, names)
        if selection.skipped is not None:
            return None
        composed = compose(issue, selection, shell, cards, self._renderer)
        return Told(
            past,
            composed.subject,
            preheader_of(composed.tellings, cards),
            tuple(cards[telling.piece].headline for telling in composed.tellings),
            composed.tellings,
        )

    def _make(self, told: Told, marks: Sequence[Mark]) -> Page:
        past = told.issue
        with reading(self._engine) as session:
            names = {telling.piece for telling in told.tellings}
            shell, cards = frozen_pieces(session, past.id, names)
            stories = {one.piece: one.story_id for one in told.tellings if not one.is_correction}
            shown = {
                name: public_card(card, [mark for mark in marks if mark.story_id == stories.get(name)])
                for name, card in cards.items()
            }
            shell = public_shell(shell, subscribe_url=f"{self._public_url}/subscribe")
            mail = for_everybody(told.subject, told.tellings, shell, shown)
            html = uncounted(session, past.id, mail.html, self._tokens, now=past.published_at)
        if SLOT.search(html):
            raise NotForEverybody("it holds what is its reader's own, and an older release did not mark that")
        titles = {story_id: cards[piece].headline for piece, story_id in stories.items()}
        return Page(told, sheet(html), tuple((mark, titles[mark.story_id]) for mark in marks))


def _as_past(issue: Issue) -> PastIssue:
    assert issue.published_at is not None
    newsletter = issue.newsletter
    return PastIssue(
        issue.id,
        newsletter.slug,
        newsletter.name,
        newsletter.description,
        issue.date,
        issue.published_at,
        issue.content_hash,
    )
