"""Look over an issue before it leaves: every rule over what each audience would be sent.

Reads the database and compiles what is not compiled yet; asks nothing of the network.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.corrections.book import corrections_of
from newsletter.headers import Headers
from newsletter.mail import Sender
from newsletter.models import Inspection, Issue, IssueChange, Pick, Story, StoryRevision
from newsletter.models.desk import CorrectionKind
from newsletter.models.issue import OUT
from newsletter.preflight import mailing, sources, spam, words
from newsletter.preflight.belonging import belonging
from newsletter.preflight.contrast import contrast
from newsletter.preflight.findings import Finding, Severity
from newsletter.preflight.galley import Galley, galley, headers_of
from newsletter.preflight.inspection import followed
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.telling import Telling, tell
from newsletter.site import Site
from subscribers.lens import term

#: what is found in an issue as of an instant: `look_over`, knowing how mail leaves here
Preflight = Callable[[Session, Issue, datetime], Sequence[Finding]]

#: issues back in which the same subject counts as repeated
REMEMBERED = 14


@dataclass(frozen=True, slots=True)
class Leaving:
    """How mails leave here."""

    site: Site
    #: its name, as in `MAIL_PROVIDER`
    provider: str
    #: None where none is set
    postal_address: str | None
    sender: Sender
    public_url: str

    @property
    def leaves(self) -> bool:
        """To real mailboxes."""
        return self.provider != "folder"


def look_over(
    session: Session,
    issue: Issue,
    renderer: Renderer,
    leaving: Leaving,
    *,
    now: datetime,
) -> tuple[Finding, ...]:
    """What is wrong with the issue as it would be approved now: what blocks first, then by its stories.

    What blocks is looked for in every story that somebody may be told, warnings in those that an
    audience is told. Raises RenderError when a template fails.
    """
    sheet = galley(session, issue, renderer, leaving.site)
    headers = headers_of(issue, sender=leaving.sender, public_url=leaving.public_url)
    found = [
        *in_sheet(session, sheet, headers, leaving, _led_before(session, issue), now=now),
        *_overtaken(session, issue),
        *_told_wrong(session, issue),
        *_spam(session, issue),
    ]
    return in_order(found, sheet)


def in_sheet(
    session: Session,
    sheet: Galley,
    headers: Headers,
    leaving: Leaving,
    before: Mapping[str, date],
    *,
    now: datetime,
) -> Iterator[Finding]:
    """What is wrong with the mails of a galley and the stories in them, whatever they are sent for.

    `before`: the headlines, as terms, that led such mails lately, and when.
    """
    yield from mailing.emptiness(sheet)
    yield from _in_mail(sheet, headers, leaving)
    yield from mailing.subjects(sheet, sheet.cards, before)
    yield from mailing.sizes(sheet)
    yield from _in_stories(sheet)
    yield from _in_links(session, sheet, now)


def in_order(found: Iterable[Finding], sheet: Galley) -> tuple[Finding, ...]:
    """What blocks first, then by its stories; of what nobody is told, no warnings."""
    places = {story_id: place for place, story_id in enumerate(sheet.tellings)}
    told = set(sheet.told)
    kept = [f for f in found if f.severity is Severity.BLOCKING or f.story_id is None or f.story_id in told]
    return tuple(
        sorted(
            dict.fromkeys(kept),
            key=lambda f: (f.severity is not Severity.BLOCKING, places.get(f.story_id or 0, -1)),
        )
    )


def _in_mail(sheet: Galley, headers: Headers, leaving: Leaving) -> Iterator[Finding]:
    """What is wrong with the mail around the stories."""
    for leftover in words.leftovers_in(sheet.intro or ""):
        remedy = "write what belongs there"
        yield Finding("leftovers", Severity.BLOCKING, "intro", leftover, remedy)
    for _, mail in sheet.mails:
        yield from mailing.way_out(mail.content, headers, leaves=leaving.leaves)
        yield from mailing.postal_address(mail.content, leaving.postal_address, leaves=leaving.leaves)
        yield from mailing.unfilled(mail.content)
        yield from mailing.images(mail.content.html)
        yield from contrast(mail.content.html)


def _in_stories(sheet: Galley) -> Iterator[Finding]:
    for story_id, telling in sheet.tellings.items():
        yield from _in_story(telling).findings
        yield from mailing.text_part(story_id, sheet.cards[story_id])
    told = {story_id: sheet.tellings[story_id] for story_id in sheet.told}
    yield from words.empty_parts({story_id: _in_story(telling).lacks for story_id, telling in told.items()})
    yield from belonging(list(told.values()))


class _InStory(NamedTuple):
    """What is wrong with one story, whatever stands beside it, and which parts it lacks."""

    findings: tuple[Finding, ...]
    lacks: tuple[str, ...]


@lru_cache(maxsize=4_096)
def _in_story(telling: Telling) -> _InStory:
    story = tell(telling)
    findings = (
        *words.leftovers(telling),
        *words.doubled(telling),
        *words.rewritings(telling),
        *sources.citations(telling, story),
        *sources.counts(telling, story),
        *sources.owners(telling),
    )
    return _InStory(findings, words.lacks(story))


def _in_links(session: Session, sheet: Galley, now: datetime) -> Iterator[Finding]:
    known = followed(session, sheet.links, now=now)
    for story_id in sheet.told:
        yield from sources.links(story_id, sources.links_in(sheet.cards[story_id].html), known)


def _led_before(session: Session, issue: Issue) -> Mapping[str, date]:
    """The headlines that led the last issues, as terms, and when."""
    last = (
        select(Issue.id)
        .where(
            Issue.newsletter_id == issue.newsletter_id,
            Issue.date < issue.date,
            Issue.state.in_(OUT),
        )
        .order_by(Issue.date.desc())
        .limit(REMEMBERED)
    )
    rows = session.execute(
        select(Pick.headline, Story.title, Issue.date)
        .join(Issue)
        .join(Story, Story.id == Pick.story_id)
        .where(Pick.issue_id.in_(last), Pick.position == 1, Pick.dropped.is_(False))
        .order_by(Issue.date)
    )
    return {term(headline or title): day for headline, title, day in rows}


def _told_wrong(session: Session, issue: Issue) -> Iterator[Finding]:
    """Stories in a revision that a correction says is wrong; editors who rewrote one may have seen to it."""
    picks = {pick.story_id: pick for pick in issue.picks if not pick.dropped}
    for story_id, corrections in corrections_of(session, picks.keys()).items():
        pick, last = picks[story_id], corrections[-1]
        # what is retracted is told to nobody anyway
        retracted = any(one.kind == CorrectionKind.RETRACTION for one in corrections)
        if not retracted and pick.revision <= max(one.revision for one in corrections):
            severity = Severity.WARNING if pick.headline or pick.tldr else Severity.BLOCKING
            said = (
                f"a correction of {last.confirmed_at:%d %b} says that this revision is wrong: “{last.text}”"
            )
            remedy = "import the story as it is right, rewrite what is wrong in it, or drop it"
            yield Finding("corrections", severity, "story", said, remedy, story_id)


def _overtaken(session: Session, issue: Issue) -> Iterator[Finding]:
    """Rewritings of a story that changed after them: what was compared is not what is told."""
    rewritten = {
        pick.story_id: pick for pick in issue.picks if not pick.dropped and (pick.headline or pick.tldr)
    }
    if not rewritten:
        return
    written: dict[str, datetime] = {}
    changes = select(IssueChange).where(IssueChange.issue_id == issue.id).order_by(IssueChange.version)
    for change in session.scalars(changes):
        written |= dict.fromkeys(change.after, change.at)
    seen = session.execute(
        select(StoryRevision.story_id, StoryRevision.number, StoryRevision.seen_at).where(
            StoryRevision.story_id.in_(rewritten)
        )
    )
    for story_id, number, seen_at in seen:
        pick = rewritten[story_id]
        for name, where in (("headline", "headline"), ("tldr", "TL;DR")):
            at = written.get(f"{story_id}.{name}")
            if getattr(pick, name) and number == pick.revision and at and seen_at > at:
                said = f"the story changed on {seen_at:%d %b at %H:%M} UTC, after you rewrote this"
                remedy = "compare it with what the story says now"
                yield Finding("rewritings", Severity.WARNING, where, said, remedy, story_id)


def _spam(session: Session, issue: Issue) -> Iterator[Finding]:
    """What SpamAssassin made of the mail when the issue was last inspected."""
    inspection = session.get(Inspection, issue.id)
    if inspection and inspection.spam_score is not None and inspection.spam_score >= spam.SPAM:
        said = f"SpamAssassin gives it {inspection.spam_score:.1f} points, {spam.SPAM:.0f} are spam"
        remedy = f"look at what its rules mean: {inspection.spam_rules or 'it named none'}"
        yield Finding("spam", Severity.WARNING, "mail", said, remedy)
