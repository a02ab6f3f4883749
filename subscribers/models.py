"""The tables about people. `Base.metadata` holds the whole schema; see `columns`."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from subscribers.columns import Base, BigKey, Key
from subscribers.lens import Lens
from subscribers.rhythm import Rhythm

__all__ = [
    "Base",
    "Batch",
    "Consent",
    "LensRecord",
    "MutedStory",
    "Segment",
    "Subscriber",
    "Subscription",
    "Suppression",
    "Tag",
    "Throttle",
]


class SubscriptionState(StrEnum):
    PENDING = "pending"  # asked for, not yet confirmed
    CONFIRMED = "confirmed"  # pending -> confirmed; may be paused until a date
    UNSUBSCRIBED = "unsubscribed"  # pending | confirmed -> unsubscribed -> pending (asked anew)


class Act(StrEnum):
    """What a line of the consent ledger says was done."""

    REQUESTED = "requested"  # the person, or somebody for them, asked to subscribe
    CONFIRMED = "confirmed"  # the owner of the mailbox said yes
    ATTESTED = "attested"  # an operator vouches for consent given elsewhere
    CHANGED = "changed"  # preferences were changed
    UNSUBSCRIBED = "unsubscribed"
    PAUSED = "paused"  # no mail until a date, or mail again
    RESTORED = "restored"  # an unsubscription or a change was undone by whoever made it
    LINK_ASKED = "link asked"  # somebody asked to be mailed the link to their preferences or data
    EXPORTED = "exported"  # the person took a copy of what is known of them
    ERASED = "erased"


class SuppressionReason(StrEnum):
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    ERASED = "erased"
    BY_HAND = "by hand"


class LensRecord(Base):
    """A lens, stored once for all its readers."""

    __tablename__ = "lens"

    id: Mapped[Key]
    fingerprint: Mapped[str] = mapped_column(unique=True)
    definition: Mapped[dict[str, Any]]

    @property
    def lens(self) -> Lens:
        return Lens.read(self.definition)


class Subscriber(Base):
    """A person with an address who has a relation to us."""

    __tablename__ = "subscriber"
    __table_args__ = (
        CheckConstraint("hour BETWEEN 0 AND 23", name="hour"),
        CheckConstraint("weekdays BETWEEN 1 AND 127", name="weekdays"),
    )

    id: Mapped[Key]
    #: random; the only name of a person that appears in a link
    public_id: Mapped[str] = mapped_column(unique=True)
    email: Mapped[str]
    email_key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str | None]
    lens_id: Mapped[int] = mapped_column(ForeignKey("lens.id"), index=True)
    timezone: Mapped[str]
    hour: Mapped[int]
    #: seven bits, Monday lowest
    weekdays: Mapped[int]
    created_at: Mapped[datetime]
    #: ISO 3166-1 alpha-2, where an import told it
    country: Mapped[str | None]
    #: the import that brought them, if any
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batch.id"), index=True)
    #: when they last did something that only they can do: confirmed, chose, followed a link
    engaged_at: Mapped[datetime | None] = mapped_column(index=True)
    #: whether they agreed that we count which of their mails they open and which links they follow
    counted: Mapped[bool] = mapped_column(server_default=false())
    #: when the person was forgotten; then nothing here is theirs any more
    erased_at: Mapped[datetime | None]

    lens_record: Mapped[LensRecord] = relationship(lazy="joined", innerjoin=True)
    subscriptions: Mapped[list["Subscription"]] = relationship(
        back_populates="subscriber", order_by="Subscription.newsletter"
    )

    @property
    def lens(self) -> Lens:
        return self.lens_record.lens

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm.of(self.timezone, self.hour, self.weekdays)

    @rhythm.setter
    def rhythm(self, rhythm: Rhythm) -> None:
        self.timezone, self.hour, self.weekdays = rhythm.timezone, rhythm.hour, rhythm.mask

    def state(self, newsletter: str) -> SubscriptionState | None:
        """Where the subscriber stands with it; None when it was never asked for."""
        for held in self.subscriptions:
            if held.newsletter == newsletter:
                return SubscriptionState(held.state)
        return None

    def left(self, newsletter: str) -> bool:
        """Whether they unsubscribed from it, and have not confirmed it again since."""
        return any(held.newsletter == newsletter and held.unsubscribed_at for held in self.subscriptions)

    def subscription(self, newsletter: str, now: datetime) -> "Subscription":
        """The one there is, or a new pending one."""
        for held in self.subscriptions:
            if held.newsletter == newsletter:
                return held
        asked = Subscription(newsletter=newsletter, state=SubscriptionState.PENDING, requested_at=now)
        self.subscriptions.append(asked)
        return asked


class Subscription(Base):
    """One subscriber and one newsletter, named by its slug."""

    __tablename__ = "subscription"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "newsletter"),
        Index(None, "newsletter", "state"),
        CheckConstraint("state IN ('pending', 'confirmed', 'unsubscribed')", name="state"),
    )

    id: Mapped[Key]
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"))
    newsletter: Mapped[str]
    state: Mapped[str]
    requested_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    unsubscribed_at: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]

    def ask(self, now: datetime) -> None:
        self.state, self.requested_at = SubscriptionState.PENDING, now
        # when it was unsubscribed stays: until its owner says yes again, nobody else may
        self.confirmed_at = self.paused_until = None

    def confirm(self, now: datetime) -> None:
        self.state, self.confirmed_at, self.unsubscribed_at = SubscriptionState.CONFIRMED, now, None

    def end(self, now: datetime) -> None:
        self.state, self.unsubscribed_at = SubscriptionState.UNSUBSCRIBED, now

    subscriber: Mapped[Subscriber] = relationship(back_populates="subscriptions")


class Consent(Base):
    """One line of the append-only ledger: what was asked or answered, in which words, when, how."""

    __tablename__ = "consent"

    id: Mapped[Key]
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), index=True)
    #: slugs of the newsletters it is about
    newsletters: Mapped[list[Any]]
    act: Mapped[str]
    #: form, link, one-click, import, command line, provider
    channel: Mapped[str]
    #: the words that the person saw, or the operator's statement of where consent was given
    wording: Mapped[str]
    #: of the page or mail that showed them; see `ledger.WORDING_VERSION`
    wording_version: Mapped[str | None]
    ip: Mapped[str | None]
    at: Mapped[datetime] = mapped_column(index=True)


class Suppression(Base):
    """An address that must not be mailed at all, and why."""

    __tablename__ = "suppression"

    id: Mapped[Key]
    #: None for somebody erased: then only the digest is left
    email_key: Mapped[str | None] = mapped_column(unique=True)
    #: a keyed hash of the address key, by which an erased address is still known (`suppression`)
    digest: Mapped[str | None] = mapped_column(unique=True)
    reason: Mapped[str]
    note: Mapped[str | None]
    since: Mapped[datetime]


class Tag(Base):
    """A word that an import or an operator put on a subscriber."""

    __tablename__ = "tag"

    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), primary_key=True)
    #: as a term, see `lens.term`
    name: Mapped[str] = mapped_column(primary_key=True, index=True)


class MutedStory(Base):
    """A story that a subscriber wants to hear nothing more of; its number is the newsletter's."""

    __tablename__ = "muted_story"

    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscriber.id"), primary_key=True)
    story_id: Mapped[int] = mapped_column(BigKey, primary_key=True, index=True)
    at: Mapped[datetime]


class Batch(Base):
    """One import of a file: how far it came, so that it can go on, and what came of it."""

    __tablename__ = "batch"

    id: Mapped[Key]
    #: of the file's bytes and the options: the same import is found again by it
    fingerprint: Mapped[str] = mapped_column(unique=True)
    file_name: Mapped[str]
    #: mailchimp, substack, ..., or plain
    format: Mapped[str]
    #: records of the file that are done
    done: Mapped[int]
    report: Mapped[dict[str, Any]]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class Segment(Base):
    """A rule over subscribers that editors saved under a name."""

    __tablename__ = "segment"

    id: Mapped[Key]
    name: Mapped[str] = mapped_column(unique=True)
    #: as editors write it
    rule: Mapped[str]
    created_at: Mapped[datetime]


class Throttle(Base):
    """How often something was done in a window of time: limits that hold across processes."""

    __tablename__ = "throttle"

    #: a keyed hash of what is limited: an address, an IP block, a domain, or all
    subject: Mapped[str] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True, index=True)
    count: Mapped[int]
