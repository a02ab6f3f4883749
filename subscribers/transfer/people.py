"""People as a file describes them, whatever its format: pure values between reading and taking in."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from subscribers.address import Address
from subscribers.alert_choices import AlertChoices
from subscribers.enrolment import Applicant, Origin
from subscribers.lens import Lens
from subscribers.models import Subscriber, SubscriptionState
from subscribers.rhythm import Rhythm
from subscribers.transfer.alerts import Held

#: lines that a report spells out; beyond, it counts them
SHOWN = 1_000


class Status(StrEnum):
    """How a person stands with whoever wrote the file."""

    SUBSCRIBED = "subscribed"
    PENDING = "pending"
    UNSUBSCRIBED = "unsubscribed"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    BLOCKED = "blocked"  # by hand

    @property
    def closes(self) -> bool:
        """Whether it says that this person must get no mail."""
        return self not in (Status.SUBSCRIBED, Status.PENDING)


@dataclass(frozen=True, slots=True)
class Past:
    """What only our own export tells: everything, to be restored as it was."""

    lens: Lens
    weekdays: frozenset[int]
    #: the columns of each subscription and each line of the ledger
    subscriptions: Sequence[Mapping[str, Any]]
    consent: Sequence[Mapping[str, Any]]
    #: by which links in mails of the past name them; None where the file tells none
    public_id: str | None
    #: of the same names in `models.Subscriber`
    engaged_at: datetime | None
    counted: bool
    #: the columns of each muted story
    muted: Sequence[Mapping[str, Any]]
    #: the alert rules that they hold, and their choices where they made any
    rules: Sequence[Held]
    choices: AlertChoices | None
    #: the note beside a suppression
    note: str | None

    def newsletters(self, *states: str) -> tuple[str, ...]:
        """Those that stand in one of these states."""
        return tuple(held["newsletter"] for held in self.subscriptions if held["state"] in states)


@dataclass(frozen=True, slots=True)
class Person:
    """What a record says. None: nothing, so what is known of a subscriber stays."""

    line: int
    address: Address
    #: fills the gaps for a new subscriber
    defaults: Rhythm
    status: Status = Status.SUBSCRIBED
    name: str | None = None
    #: as terms, see `lens.term`
    audiences: frozenset[str] | None = None
    timezone: str | None = None
    hour: int | None = None
    country: str | None = None
    #: as terms
    tags: frozenset[str] = frozenset()
    created_at: datetime | None = None
    #: when and from where they agreed
    agreed_at: datetime | None = None
    agreed_ip: str | None = None
    #: when they unsubscribed, bounced or complained
    left_at: datetime | None = None
    past: Past | None = None

    def standing(self, newsletters: tuple[str, ...]) -> list[tuple[Status, tuple[str, ...]]]:
        """How they stand with which newsletters: with those given, or with those that their past tells."""
        if self.past is None:
            return [(self.status, newsletters)]
        told = {
            Status.SUBSCRIBED: self.past.newsletters(SubscriptionState.CONFIRMED),
            Status.PENDING: self.past.newsletters(SubscriptionState.PENDING),
            Status.UNSUBSCRIBED: self.past.newsletters(SubscriptionState.UNSUBSCRIBED),
        }
        return [(status, slugs) for status, slugs in told.items() if slugs]

    def applicant(self, known: Subscriber | None, batch_id: int | None) -> Applicant:
        """With what the record says laid over what is known."""
        lens = known.lens if known else Lens()
        rhythm = known.rhythm if known else self.defaults
        if self.past is not None:
            lens, rhythm = self.past.lens, replace(rhythm, weekdays=self.past.weekdays)
        if self.audiences is not None:
            lens = replace(lens, audiences=self.audiences)
        if self.timezone is not None:
            rhythm = replace(rhythm, timezone=self.timezone)
        if self.hour is not None:
            rhythm = replace(rhythm, hour=self.hour)
        origin = Origin(batch_id, self.country, self.created_at, self.agreed_at, self.agreed_ip)
        return Applicant(self.address, lens, rhythm, self.name, origin)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that cannot be taken, where it stands, why, and what to do about it.

    `reason` and `remedy` hold nothing of the record itself, which may be somebody's address or name.
    """

    line: int
    reason: str
    remedy: str
    #: the words that are at fault, for whoever has the file before them; never stored
    quoted: str = ""


@dataclass(frozen=True, slots=True)
class KeptOut:
    """A record of somebody whom no import brings back, and why."""

    line: int
    reason: str


@dataclass
class ImportReport:
    """What became of every record: each is counted once, troubles with their lines."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    #: recorded as having left, elsewhere or here, because the file says so
    unsubscribed: int = 0
    #: addresses closed because the file says that they bounced or complained
    suppressed: int = 0
    #: unsubscribed or suppressed here: no import brings them back
    kept_out: int = 0
    refused: int = 0
    #: confirmations to be mailed
    asked: int = 0
    #: the first SHOWN of them
    kept_out_lines: list[KeptOut] = field(default_factory=list)
    refused_lines: list[Refusal] = field(default_factory=list)

    def add(self, other: Self) -> None:
        """Count what another part of the file came to."""
        for name, value in vars(other).items():
            mine = getattr(self, name)
            setattr(self, name, (mine + value)[:SHOWN] if isinstance(value, list) else mine + value)

    def quote(self, refused: Collection[Refusal]) -> None:
        """Show the words that were at fault in these, which a stored report does not tell."""
        told = {refusal.line: refusal for refusal in refused}
        self.refused_lines = [told.get(refusal.line, refusal) for refusal in self.refused_lines]

    def to_json(self) -> dict[str, Any]:
        """Counts, and the lines that are spelled out."""
        return asdict(self)

    def to_store(self) -> dict[str, Any]:
        """The same without a word of the file: who is erased must not live on here. `read` reads it."""
        document = self.to_json()
        for refusal in document["refused_lines"]:
            del refusal["quoted"]
        return document

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The report from its stored form; an empty one is that of an import not yet begun."""
        values = dict(document)
        values["kept_out_lines"] = [KeptOut(**each) for each in values.get("kept_out_lines", ())]
        values["refused_lines"] = [Refusal(**each) for each in values.get("refused_lines", ())]
        return cls(**values)
