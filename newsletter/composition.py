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
from newsletter.headers import confirmation_headers, digest_headers
from newsletter.links import confirm_url, unsubscribe_url
from newsletter.mail import Content, Mail, Sender
from newsletter.models import Edition
from newsletter.models.delivery import DeliveryKind
from newsletter.rendering.pieces import Card, Shell
from newsletter.rendering.renderer import Renderer, RenderError
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
        """The mail of one delivery. Raises CannotCompose."""
        try:
            if claimed.kind is DeliveryKind.CONFIRMATION:
                return self._confirmation(claimed)
            return self._digest(claimed)
        except (LookupError, ValueError, NoResultFound, RenderError) as error:
            raise CannotCompose(f"{claimed.kind} {claimed.occasion_id}: {error}") from error

    def _digest(self, claimed: Claimed) -> Mail:
        slug = claimed.newsletter or ""
        link = unsubscribe_url(self._public_url, self._tokens, claimed.public_id, slug)
        return Mail(
            delivery_id=claimed.delivery_id,
            sender=self._sender,
            to=claimed.address,
            content=self._edition(claimed.edition_id or 0),
            slots={"unsubscribe_url": link},
            headers=digest_headers(
                sender=self._sender,
                newsletter=self._site.newsletter(slug).name,
                slug=slug,
                occasion=claimed.occasion_id,
                public_id=claimed.public_id,
                unsubscribe_url=link,
            ),
        )

    def _confirmation(self, claimed: Claimed) -> Mail:
        with reading(self._engine) as session:
            asked = session.get_one(Consent, claimed.occasion_id)
            slugs = [str(slug) for slug in asked.newsletters]
        link = confirm_url(self._public_url, self._tokens, claimed.public_id, slugs, at=claimed.queued_at)
        return Mail(
            delivery_id=claimed.delivery_id,
            sender=self._sender,
            to=claimed.address,
            content=self._renderer.confirmation(
                newsletters=[self._site.newsletter(slug).name for slug in slugs]
            ),
            slots={"confirm_url": link},
            headers=confirmation_headers(
                sender=self._sender, occasion=claimed.occasion_id, public_id=claimed.public_id
            ),
        )

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
