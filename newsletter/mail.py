"""A mail on its way out, and what became of it: the values between rendering, dispatch and providers."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from string import ascii_letters, digits
from typing import NamedTuple, Protocol

#: what differs by reader: `@@name@@`
SLOT = re.compile(r"@@(\w+)@@")
_SAFE = f"{ascii_letters}{digits}_:/.?=~%+-".encode()
#: how long a server is waited for, each time. RFC 5321 §4.5.3.2 grants it ten minutes after the final
#: dot; but a claim is held for two, and what is answered later would count as unknown all the same
PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True)
class Content:
    """What all readers of an edition share; `@@name@@` marks what differs by reader."""

    subject: str
    html: str
    text: str

    def fill(self, slots: Mapping[str, str]) -> "Content":
        """This content with every slot filled.

        Slots stand in html and in text alike, so a value may hold only what needs no escaping in
        either (links do). Raises ValueError for any other, and KeyError for a slot without value.
        """
        check_slots(slots)

        def put(part: str) -> str:
            return SLOT.sub(lambda slot: slots[slot[1]], part)

        return Content(put(self.subject), put(self.html), put(self.text))


def check_slots(slots: Mapping[str, str]) -> None:
    """Raises ValueError for a value that would need escaping; never shows it, since links are secrets."""
    if _unsafe("".join(slots.values())):
        name = next(name for name, value in slots.items() if _unsafe(value))
        raise ValueError(f"slot {name}: its value would need escaping")


def _unsafe(value: str) -> bytes:
    # what a pattern would find too, in three times as long
    return value.encode(errors="surrogatepass").translate(None, _SAFE)


@dataclass(frozen=True, slots=True)
class Sender:
    name: str
    address: str


class Mail(NamedTuple):
    #: comes back in every outcome and travels out in every mail
    delivery_id: int
    sender: Sender
    to: str
    content: Content
    #: values for the content's slots
    slots: Mapping[str, str]
    #: in this order: Message-ID, List-* and the like; ASCII, never folded, never encoded
    headers: tuple[tuple[str, str], ...]
    #: where a mailbox sends what it could not deliver (RFC 5321 §3.6.3); None: to the sender
    return_path: str | None = None


class Verdict(StrEnum):
    ACCEPTED = "accepted"  # the provider took it
    REFUSED = "refused"  # it never will
    NOT_TAKEN = "not taken"  # proved not taken: may be tried again
    UNKNOWN = "unknown"  # taken or not, the answer was lost


class Outcome(NamedTuple):
    verdict: Verdict
    #: the provider's words, without any address
    reason: str | None = None
    #: under which the provider knows the mail
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Halted:
    """The provider takes nothing more for now, whoever asks."""

    reason: str
    #: how long it asks us to wait
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What became of one call."""

    #: by delivery id; a mail that has none was not offered
    outcomes: Mapping[int, Outcome]
    #: why the others were not offered; None when there are none, or when it was we who had enough
    halted: Halted | None = None


class Misconfigured(Exception):
    """The provider does not accept us: wrong key, sender not verified, server unknown.

    Nothing was taken. Sending stops until a person mends the settings.
    """


#: asked between two mails: whether to leave the rest for another time
Enough = Callable[[], bool]


class Provider(Protocol):
    """Who takes mails from us."""

    #: as in `MAIL_PROVIDER`
    name: str
    #: how many mails one call may carry: as many are in doubt when a machine dies in it
    max_batch: int

    def hand_over(self, mails: Sequence[Mail], enough: Enough) -> HandedOver:
        """Offer `mails` to the provider, one after the other until `enough()`.

        A bad recipient is an outcome and harms no neighbour. Raises Misconfigured when nothing
        was taken and nothing can be; any other exception leaves the whole call unknown.
        """
        ...

    def check(self) -> str:
        """Whether the provider would take mail from us, in one line; Misconfigured if not.

        Sends nothing.
        """
        ...
