"""From a claimed delivery to the mail that leaves: content, sender, headers, links.

What readers share is joined once per edition and remembered.
"""

from collections import OrderedDict
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine
from sqlalchemy.exc import NoResultFound

from newsletter.desk.approval import frozen_pieces
from newsletter.editions import content_of
from newsletter.headers import Headers, complaint_headers, digest_headers, letter_headers
from newsletter.links import (
    READER_SLOT,
    SIGN_IN_LIFE,
    confirm_url,
    data_url,
    preferences_url,
    reader_links,
    reader_mark,
    sign_in_url,
)
from newsletter.mail import Content, Mail, Sender
from newsletter.models import Edition
from newsletter.models.delivery import DeliveryKind
from newsletter.rendering.pieces import Card, Shell
from newsletter.rendering.renderer import Renderer
from newsletter.return_path import ReturnPaths
from newsletter.site import Site
from newsletter.store.engine import reading
from subscribers.models import Consent
from subscribers.tokens import Tokens

#: contents kept in memory: about 60 kB each
REMEMBERED = 500


class CannotCompose(Exception):
    """This mail cannot be made; the reason names the part at fault. No other mail is harmed."""


class Claimed(NamedTuple):
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
    #: whether the reader agreed to be counted
    counted: bool = False


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
        return_paths: ReturnPaths | None,
    ) -> None:
        self._engine = engine
        self._renderer = renderer
        self._tokens = tokens
        self._site = site
        self._sender = sender
        self._public_url = public_url
        self._return_paths = return_paths
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
        newsletter = self._site.newsletter(slug)
        names_readers = newsletter.tracking == "readers"
        links = reader_links(self._public_url, self._tokens, claimed.public_id, slug)
        if names_readers:
            links[READER_SLOT] = reader_mark(self._tokens, claimed.delivery_id) if claimed.counted else ""
        return_path, for_complaints = self._ways_back(claimed.delivery_id)
        return Mail(
            delivery_id=claimed.delivery_id,
            sender=self._sender,
            to=claimed.address,
            content=self._edition(claimed.edition_id or 0, names_readers=names_readers),
            slots=links,
            headers=digest_headers(
                sender=self._sender,
                newsletter=newsletter.name,
                slug=slug,
                occasion=claimed.occasion_id,
                public_id=claimed.public_id,
                unsubscribe_url=links["unsubscribe_url"],
            )
            + for_complaints,
            return_path=return_path,
        )

    def _letter(self, claimed: Claimed, content: Content, slots: dict[str, str]) -> Mail:
        """A mail that answers something its reader or an editor did, and is no newsletter."""
        return_path, for_complaints = self._ways_back(claimed.delivery_id)
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
            )
            + for_complaints,
            return_path=return_path,
        )

    def _ways_back(self, delivery_id: int) -> tuple[str | None, Headers]:
        """Where bounces go, and the headers that say where complaints go."""
        if self._return_paths is None:
            return None, ()
        token = self._return_paths.token(delivery_id)
        return self._return_paths.address(token), complaint_headers(
            address=self._return_paths.base, token=token
        )

    def _words(self, claimed: Claimed) -> tuple[Content, dict[str, str]]:
        public_url, tokens, public_id = self._public_url, self._tokens, claimed.public_id
        if claimed.kind is DeliveryKind.PREFERENCES_LINK:
            link = preferences_url(public_url, tokens, public_id)
            return self._renderer.letter("preferences-link"), {"preferences_url": link}
        if claimed.kind is DeliveryKind.DATA_LINK:
            link = data_url(public_url, tokens, public_id, at=claimed.queued_at)
            return self._renderer.letter("data-link"), {"data_url": link}
        if claimed.kind is DeliveryKind.SIGN_IN:
            link = sign_in_url(public_url, tokens, claimed.occasion_id, at=claimed.queued_at)
            minutes = SIGN_IN_LIFE.seconds // 60
            return self._renderer.letter("sign-in", minutes=minutes), {"sign_in_url": link}
        with reading(self._engine) as session:
            asked = session.get_one(Consent, claimed.occasion_id)
            slugs = [str(slug) for slug in asked.newsletters]
        names = [self._site.newsletter(slug).name for slug in slugs]
        link = confirm_url(public_url, tokens, public_id, slugs, at=claimed.queued_at)
        return self._renderer.confirmation(newsletters=names), {"confirm_url": link}

    def _edition(self, edition_id: int, *, names_readers: bool) -> Content:
        """What the readers of the edition share; links that name nobody are whole here already."""
        if edition_id in self._contents:
            self._contents.move_to_end(edition_id)
            return self._contents[edition_id]
        with reading(self._engine) as session:
            edition = session.get_one(Edition, edition_id)
            if self._pieces is None or self._pieces[0] != edition.issue_id:
                self._pieces = edition.issue_id, frozen_pieces(session, edition.issue_id)
            shell, cards = self._pieces[1]
            content = content_of(edition, shell, cards)
        if not names_readers:
            content = replace(content, html=content.html.replace(f"@@{READER_SLOT}@@", ""))
        self._contents[edition_id] = content
        if len(self._contents) > REMEMBERED:
            self._contents.popitem(last=False)
        return content
