"""Replay: past editions joined once more from what was frozen, and held against what left."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from newsletter.alerts.pieces import mail_of
from newsletter.desk.approval import frozen_pieces
from newsletter.editions import content_of, hash_of, preheader_of
from newsletter.mail import Content
from newsletter.models import Alert, Edition, EditionStory
from newsletter.rendering.pieces import ALERTING, Card, Form, Shell, alert_piece

#: editions in memory at a time
PORTION = 200


@dataclass(frozen=True)
class Replay:
    """An edition as it is joined today; links that are a reader's own are open slots."""

    edition: Edition
    #: None where it cannot be joined any more
    content: Content | None
    preheader: str
    #: SHA-256 of `content`, see `hash_of`
    found: str | None
    #: what keeps it from being joined
    trouble: str | None = None

    @property
    def is_equal(self) -> bool:
        """Whether it is, byte for byte, what was frozen."""
        return self.found is not None and self.found == self.edition.content_hash

    @property
    def differs(self) -> bool:
        """Whether it is not; of what older releases froze without a hash nobody knows."""
        return self.found is None or self.edition.content_hash not in (None, self.found)

    @property
    def verdict(self) -> str:
        """In a sentence."""
        if self.trouble:
            return f"cannot be joined any more: {self.trouble}"
        if self.is_equal:
            return f"equal to what left: SHA-256 {self.found}"
        if self.differs:
            return f"NOT what left: SHA-256 is {self.found}, but {self.edition.content_hash} was frozen"
        return "cannot be proved: it was frozen before hashes were kept"


def replay(session: Session, edition: Edition) -> Replay:
    """Join one edition again, of an issue or of alerts. It must be one that was mailed."""
    if edition.issue_id is None:
        return _joined_alerts(session, edition)
    [only] = _replayed(session, edition.issue_id, [edition])
    return only


def replay_issue(session: Session, issue_id: int) -> Iterator[Replay]:
    """Join all editions of an issue again that were mailed, in their order."""
    mailed = (
        select(Edition)
        .where(Edition.issue_id == issue_id, Edition.skipped.is_(None))
        .order_by(Edition.id)
        .options(selectinload(Edition.stories))
    )
    yield from _replayed(session, issue_id, session.scalars(mailed, execution_options={"yield_per": PORTION}))


def alert_editions(alert: Alert) -> Select[Edition]:
    """The editions that tell the alert, in their order."""
    names = [alert_piece(alert.id, form) for form in (*ALERTING, Form.CORRECTION)]
    told = select(EditionStory.edition_id).where(
        EditionStory.story_id == alert.story_id, EditionStory.piece.in_(names)
    )
    mailed = select(Edition).where(Edition.id.in_(told)).order_by(Edition.id)
    return mailed.options(selectinload(Edition.stories))


def replay_alert(session: Session, alert: Alert) -> Iterator[Replay]:
    """Join all mails again that tell the alert, in their order."""
    for edition in session.scalars(alert_editions(alert)):
        yield _joined_alerts(session, edition)


def _joined_alerts(session: Session, edition: Edition) -> Replay:
    try:
        mail = mail_of(session, edition)
    except (LookupError, ValidationError):
        return Replay(edition, None, "", None, "its pieces are gone, or no longer what they were")
    return Replay(edition, mail.content, mail.preheader, hash_of(mail.content))


def _replayed(session: Session, issue_id: int, editions: Iterable[Edition]) -> Iterator[Replay]:
    try:
        shell, cards = frozen_pieces(session, issue_id)
    except (KeyError, ValidationError):
        trouble = "its pieces are gone, or no longer what they were"
        yield from (Replay(edition, None, "", None, trouble) for edition in editions)
        return
    yield from (_joined(edition, shell, cards) for edition in editions)


def _joined(edition: Edition, shell: Shell, cards: Mapping[str, Card]) -> Replay:
    try:
        content = content_of(edition, shell, cards)
    except LookupError as error:
        return Replay(edition, None, "", None, f"its pieces lack {error}")
    return Replay(edition, content, preheader_of(edition.stories, cards), hash_of(content))
