"""From a claimed delivery to the mail that leaves: content, sender, headers, links.

What readers share is joined once per edition and remembered.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.exc import NoResultFound

from newsletter.desk.approval import frozen_pieces
from newsletter.editions import content_of
from newsletter.headers import digest_headers, letter_headers
from newsletter.links import confirm_url, data_url, preferences_url, reader_links
from newsletter.mail import Content, Mail, Sender
from newsletter.models import Edition
from newsletter.models.delivery import DeliveryKind
from newsletter.rendering.pieces import Card, Shell
from newsletter.rendering.renderer import Renderer
from newsletter.site import Site
from newsletter.store.engine import reading
from subscribers.models import Consent
from subscribers.tokens import Tokens

#: contents kept in memory: about 60 kB each
REMEMBERED = 500


class CannotCompose(Exception):
    """This mail cannot be made; the reason names the part at fault. No other mail is harmed."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery in this worker's hands."""

    delivery_id: int
    attempt: int
    kind: DeliveryKind
    occasion_id: int
    newsletter: str | None
    edition_id: int | None
    address: str
    public_id: str
    queued_at: datetime


class Composer:
    def __init__(
        self,
        engine: Engine,
        renderer: Renderer,
        tokens: Tokens,
        site: Site,
        *,
        sender: Sender,
        public_url: str,
    ) -> None:
        self._engine = engine
        self._renderer = renderer
        self._tokens = tokens
        self._site = site
        self._sender = sender
        self._public_url = public_url
        self._contents: OrderedDict[int, Content] = OrderedDict()
        self._pieces: tuple[int, tuple[Shell, dict[str, Card]]] | None = None

    def mail(self, claimed: Claimed) -> Mail:
        """The mail of one delivery. Raises CannotCompose, and RenderError when a template fails."""
        try:
            if claimed.kind is DeliveryKind.DIGEST:
                return self._digest(claimed)
            return self._letter(claimed, *self._words(claimed))
        except (LookupError, ValueError, NoResultFound) as error:
            raise CannotCompose(f"{claimed.kind} {claimed.occasion_id}: {error}") from error

    def _digest(self, claimed: Claimed) -> Mail:
        slug = claimed.newsletter or ""
        links = reader_links(self._public_url, self._tokens, claimed.public_id, slug)
        return Mail(
            delivery_id=claimed.delivery_id,
            sender=self._sender,
            to=claimed.address,
            content=self._edition(claimed.edition_id or 0),
            slots=links,
            headers=digest_headers(
                sender=self._sender,
                newsletter=self._site.newsletter(slug).name,
                slug=slug,
                occasion=claimed.occasion_id,
                public_id=claimed.public_id,
                unsubscribe_url=links["unsubscribe_url"],
            ),
        )

    def _letter(self, claimed: Claimed, content: Content, slots: dict[str, str]) -> Mail:
        """A mail that answers something its reader did, and is no newsletter."""
        return Mail(
            delivery_id=claimed.delivery_id,
            sender=self._sender,
            to=claimed.address,
            content=content,
            slots=slots,
            headers=letter_headers(
                sender=self._sender,
                kind=claimed.kind.replace(" ", "-"),
                occasion=claimed.occasion_id,
                public_id=claimed.public_id,
            ),
        )

    def _words(self, claimed: Claimed) -> tuple[Content, dict[str, str]]:
        public_url, tokens, public_id = self._public_url, self._tokens, claimed.public_id
        if claimed.kind is DeliveryKind.PREFERENCES_LINK:
            link = preferences_url(public_url, tokens, public_id)
            return self._renderer.letter("preferences-link"), {"preferences_url": link}
        if claimed.kind is DeliveryKind.DATA_LINK:
            link = data_url(public_url, tokens, public_id, at=claimed.queued_at)
            return self._renderer.letter("data-link"), {"data_url": link}
        with reading(self._engine) as session:
            asked = session.get_one(Consent, claimed.occasion_id)
            slugs = [str(slug) for slug in asked.newsletters]
        names = [self._site.newsletter(slug).name for slug in slugs]
        link = confirm_url(public_url, tokens, public_id, slugs, at=claimed.queued_at)
        return self._renderer.confirmation(newsletters=names), {"confirm_url": link}

    def _edition(self, edition_id: int) -> Content:
        if edition_id in self._contents:
            self._contents.move_to_end(edition_id)
            return self._contents[edition_id]
        with reading(self._engine) as session:
            edition = session.get_one(Edition, edition_id)
            if self._pieces is None or self._pieces[0] != edition.issue_id:
                self._pieces = edition.issue_id, frozen_pieces(session, edition.issue_id)
            shell, cards = self._pieces[1]
            content = content_of(edition, shell, cards)
        self._contents[edition_id] = content
        if len(self._contents) > REMEMBERED:
            self._contents.popitem(last=False)
        return content
