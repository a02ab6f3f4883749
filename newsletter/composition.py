"""From a claimed delivery to the mail that leaves: content, sender, headers, links.

What readers share is joined once per edition and remembered, for all the threads of a process.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, partial
from threading import Lock
from typing import NamedTuple

from sqlalchemy import Engine, select
from sqlalchemy.exc import NoResultFound

from newsletter.alerts.pieces import mail_of
from newsletter.corrections.noting import compose_note, note_of
from newsletter.desk.approval import frozen_pieces
from newsletter.editions import content_of
from newsletter.headers import Headers, complaint_headers, digest_headers, letter_headers
from newsletter.links import (
    PUBLIC_URL_SLOT,
    READER_SLOT,
    SIGN_IN_LIFE,
    alerts_url,
    confirm_url,
    data_url,
    preferences_url,
    reader_links,
    reader_mark,
    sign_in_url,
)
from newsletter.mail import Content, Mail, Sender
from newsletter.models import Delivery, Edition, Notice
from newsletter.models.delivery import DeliveryKind
from newsletter.rendering.pieces import Card, Shell
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.typesetting import clean
from newsletter.return_path import ReturnPaths
from newsletter.site import Site
from newsletter.store.engine import reading
from subscribers.models import Consent
from subscribers.tokens import Tokens

#: contents kept in memory: 60 kB each, and twice as much where a letter is beyond Latin-1, as a dash is
REMEMBERED = 300
#: editions of which it is remembered which note their readers get
EDITIONS_REMEMBERED = 10_000


class CannotCompose(Exception):
    """This mail cannot be made; the reason names the part at fault. No other mail is harmed."""


class Claimed(NamedTuple):
    """A delivery in this worker's hands."""

    delivery_id: int
    attempt: int
    kind: str
    #: somebody waits for it just now
    letter: bool
    occasion_id: int
    newsletter: str | None
    edition_id: int | None
    address: str
    public_id: str
    expires_at: datetime
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
        alert_sender: Sender,
        public_url: str,
        return_paths: ReturnPaths | None,
    ) -> None:
        self._engine = engine
        self._renderer = renderer
        self._tokens = tokens
        self._site = site
        self._sender = sender
        self._alert_sender = alert_sender
        self._public_url = public_url
        self._return_paths = return_paths
        self._contents: OrderedDict[int, Content] = OrderedDict()
        self._lock = Lock()
        self._pieces: tuple[int, tuple[Shell, dict[str, Card]]] | None = None
        # many editions, few notes: what their readers were told, and when, is all that differs
        self._noted = lru_cache(EDITIONS_REMEMBERED)(self._note)
        self._composed = lru_cache(REMEMBERED)(compose_note)

    def mail(self, claimed: Claimed) -> Mail:
        """The mail of one delivery. Raises CannotCompose, and RenderError when a template fails."""
        try:
            if claimed.kind == DeliveryKind.DIGEST:
                return self._digest(claimed)
            if claimed.kind == DeliveryKind.ALERT:
                return self._alert(claimed)
            if claimed.kind == DeliveryKind.CORRECTION:
                told_by = claimed.occasion_id, claimed.edition_id or 0, claimed.newsletter or ""
                return self._of_newsletter(claimed, self._noted(*told_by), {})
            return self._letter(claimed, *self._words(claimed))
        except (LookupError, ValueError, NoResultFound) as error:
            raise CannotCompose(f"{claimed.kind} {claimed.occasion_id}: {error}") from error

    def _digest(self, claimed: Claimed) -> Mail:
        tracking = self._site.newsletter(claimed.newsletter or "").tracking
        content = self._edition(claimed.edition_id or 0, names_readers=tracking == "readers")
        mark = reader_mark(self._tokens, claimed.delivery_id) if claimed.counted else ""
        return self._of_newsletter(claimed, content, {READER_SLOT: mark} if tracking == "readers" else {})

    def _alert(self, claimed: Claimed) -> Mail:
        content = self._remembered(claimed.edition_id or 0, self._join_alert)
        link = alerts_url(self._public_url, self._tokens, claimed.public_id)
        return self._of_newsletter(claimed, content, {"alerts_url": link}, self._alert_sender)

    def _of_newsletter(
        self, claimed: Claimed, content: Content, slots: Mapping[str, str], sender: Sender | None = None
    ) -> Mail:
        """A mail that its reader subscribed to, and can end by its links."""
        sender = sender or self._sender
        slug = claimed.newsletter or ""
        links = reader_links(self._public_url, self._tokens, claimed.public_id, slug)
        return_path, for_complaints = self._ways_back(claimed.delivery_id)
        return Mail(
            delivery_id=claimed.delivery_id,
            sender=sender,
            to=claimed.address,
            content=content,
            slots={**links, **slots},
            headers=digest_headers(
                sender=sender,
                newsletter=self._site.newsletter(slug).name,
                slug=slug,
                occasion=claimed.occasion_id,
                public_id=claimed.public_id,
                unsubscribe_url=links["unsubscribe_url"],
                kind=claimed.kind,
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
        if claimed.kind == DeliveryKind.PREFERENCES_LINK:
            link = preferences_url(public_url, tokens, public_id)
            return self._renderer.letter("preferences-link"), {"preferences_url": link}
        if claimed.kind == DeliveryKind.NOTICE:
            link = f"{public_url}/desk"
            return self._renderer.letter("notice", notices=self._notices(claimed)), {"desk_url": link}
        asked_at = self._asked_at(claimed)
        if claimed.kind == DeliveryKind.DATA_LINK:
            link = data_url(public_url, tokens, public_id, at=asked_at)
            return self._renderer.letter("data-link"), {"data_url": link}
        if claimed.kind == DeliveryKind.SIGN_IN:
            link = sign_in_url(public_url, tokens, claimed.occasion_id, at=asked_at)
            minutes = SIGN_IN_LIFE.seconds // 60
            return self._renderer.letter("sign-in", minutes=minutes), {"sign_in_url": link}
        with reading(self._engine) as session:
            asked = session.get_one(Consent, claimed.occasion_id)
            slugs = [str(slug) for slug in asked.newsletters]
        names = [self._site.newsletter(slug).name for slug in slugs]
        link = confirm_url(public_url, tokens, public_id, slugs, at=asked_at)
        return self._renderer.confirmation(newsletters=names), {"confirm_url": link}

    def _note(self, correction_id: int, edition_id: int, slug: str) -> Content:
        with reading(self._engine) as session:
            note = note_of(session, correction_id, edition_id)
        return self._composed(self._renderer, note, newsletter=self._site.newsletter(slug).name)

    def _asked_at(self, claimed: Claimed) -> datetime:
        """When it came into the outbox: from then on its link lives."""
        with reading(self._engine) as session:
            return session.get_one(Delivery, claimed.delivery_id).queued_at

    def _notices(self, claimed: Claimed) -> list[str]:
        """What was told with the notice that the mail is named by."""
        with reading(self._engine) as session:
            told_at = session.get_one(Notice, claimed.occasion_id).told_at
            query = select(Notice.text).where(Notice.told_at == told_at).order_by(Notice.id)
            # a provider's words may stand in it
            return [clean(text) for text in session.scalars(query)]

    def _edition(self, edition_id: int, *, names_readers: bool) -> Content:
        """What the readers of the edition share; links that name nobody are whole here already."""
        return self._remembered(edition_id, partial(self._join, names_readers=names_readers))

    def _remembered(self, edition_id: int, make: Callable[[int], Content]) -> Content:
        with self._lock:
            if edition_id in self._contents:
                self._contents.move_to_end(edition_id)
                return self._contents[edition_id]
        content = make(edition_id)
        with self._lock:
            self._contents[edition_id] = content
            if len(self._contents) > REMEMBERED:
                self._contents.popitem(last=False)
        return content

    def _join_alert(self, edition_id: int) -> Content:
        with reading(self._engine) as session:
            return mail_of(session, session.get_one(Edition, edition_id)).content

    def _join(self, edition_id: int, *, names_readers: bool) -> Content:
        with reading(self._engine) as session:
            edition = session.get_one(Edition, edition_id)
            assert edition.issue_id is not None
            pieces = self._pieces
            if pieces is None or pieces[0] != edition.issue_id:
                self._pieces = pieces = edition.issue_id, frozen_pieces(session, edition.issue_id)
            content = content_of(edition, *pieces[1])
        if not names_readers:
            content = replace(content, html=content.html.replace(f"@@{READER_SLOT}@@", ""))
        slot = f"@@{PUBLIC_URL_SLOT}@@"
        html, text = (part.replace(slot, self._public_url) for part in (content.html, content.text))
        return replace(content, html=html, text=text)
