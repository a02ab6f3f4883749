"""The galley of an issue: all that it would say if it were approved now, as the rules read it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from newsletter.desk.approval import SHELL, piece_name, pieces
from newsletter.desk.planning import limits, pool, window
from newsletter.editions import Composed, compose
from newsletter.headers import Headers, digest_headers
from newsletter.links import no_reader_links
from newsletter.mail import Content, Mail, Sender
from newsletter.models import Issue
from newsletter.pool import Pool
from newsletter.preflight.sources import links_in
from newsletter.rendering.pieces import Card, Form, Shell
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.telling import Telling
from newsletter.selection import select
from newsletter.site import Site
from subscribers.lens import Lens


@dataclass(frozen=True)
class Seen:
    """The issue as one audience would be sent it."""

    #: None for readers who chose nothing
    audience: str | None
    #: None where they get no mail
    composed: Composed | None
    #: why they get none
    skipped: str | None = None
    #: how many stories were left out, for want of bytes
    left_out: int = 0


@dataclass(frozen=True)
class Galley:
    #: by story id, in the order of the issue: every story that somebody may be told
    tellings: Mapping[int, Telling]
    #: their cards in full
    cards: Mapping[int, Card]
    intro: str | None
    editions: tuple[Seen, ...]

    @property
    def mails(self) -> tuple[tuple[Seen, Composed], ...]:
        """The editions that are mailed."""
        return tuple((seen, seen.composed) for seen in self.editions if seen.composed)

    @property
    def told(self) -> tuple[int, ...]:
        """The stories that some audience is told, in the order of the issue."""
        ids = {telling.story_id for _, mail in self.mails for telling in mail.tellings}
        return tuple(story_id for story_id in self.tellings if story_id in ids)

    @property
    def links(self) -> tuple[str, ...]:
        """The links of the stories that some audience is told, in their order, each once."""
        urls = (url for story_id in self.told for url in links_in(self.cards[story_id].html))
        return tuple(dict.fromkeys(urls))


def galley(session: Session, issue: Issue, renderer: Renderer, site: Site) -> Galley:
    """Set the issue as each audience would be sent it. Raises RenderError when a template fails."""
    candidates = pool(session, issue)
    parts = pieces(session, issue, renderer)
    shell = parts.pop(SHELL)
    assert isinstance(shell, Shell)
    cards = {name: part for name, part in parts.items() if isinstance(part, Card)}
    by_id = {candidate.story_id: candidate for candidate in candidates}
    tellings = {
        pick.story_id: Telling(
            by_id[pick.story_id].content,
            headline=pick.headline,
            note=pick.note,
            story_id=pick.story_id,
            tldr=pick.tldr,
        )
        for pick in issue.picks
        if not pick.dropped and not by_id[pick.story_id].retracted
    }
    return Galley(
        tellings,
        {story_id: cards[piece_name(by_id[story_id], Form.FULL)] for story_id in tellings},
        issue.intro,
        tuple(
            _seen(issue, audience, candidates, shell, cards, renderer) for audience in (None, *site.audiences)
        ),
    )


def headers_of(issue: Issue, *, sender: Sender, public_url: str) -> Headers:
    """Those of its mails, to nobody."""
    return digest_headers(
        sender=sender,
        newsletter=issue.newsletter.name,
        slug=issue.newsletter.slug,
        occasion=issue.id,
        public_id="preflight",
        unsubscribe_url=no_reader_links(public_url)["unsubscribe_url"],
    )


def trial(issue: Issue, content: Content, *, sender: Sender, public_url: str) -> Mail:
    """The mail as it would leave, to nobody but its sender."""
    headers = headers_of(issue, sender=sender, public_url=public_url)
    return Mail(0, sender, sender.address, content, no_reader_links(public_url), headers)


def _seen(
    issue: Issue,
    audience: str | None,
    candidates: Pool,
    shell: Shell,
    cards: Mapping[str, Card],
    renderer: Renderer,
) -> Seen:
    lens = Lens.of(audiences=[audience] if audience else [])
    selection = select(candidates, lens, {}, window=window(issue), limits=limits(issue.newsletter))
    if selection.skipped:
        return Seen(audience, None, selection.skipped)
    composed = compose(issue, selection, shell, cards, renderer)
    return Seen(audience, composed, left_out=len(selection.picks) - len(composed.tellings))
