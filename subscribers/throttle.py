"""How often something may be done: fixed windows, counted in the database, so in all processes alike.

What is counted is kept as a fingerprint: the table tells nobody who asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import delete
from sqlalchemy.orm import Session

from subscribers.address import Address
from subscribers.fingerprints import Fingerprints
from subscribers.models import Throttle
from subscribers.unique import count_up

#: no window is longer, so whatever is older counts no more
LONGEST_WINDOW = timedelta(days=1)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: they deliver `a.nn@`, `ann@` and the other domain's to one mailbox
_DOTLESS = {"gmail.com", "googlemail.com"}


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so often in each window, for each subject."""

    name: str
    most: int
    window: timedelta

    def start(self, now: datetime) -> datetime:
        """When the window that `now` is in began; all windows of a length begin at once."""
        return now - (now - _EPOCH) % self.window


def admitted(
    session: Session, asked: Iterable[tuple[Limit, str]], *, fingerprints: Fingerprints, now: datetime
) -> bool:
    """Whether all limits still hold, each for its subject; counts one more for those that are asked.

    They are asked in order and the first that is reached ends it: put the narrow ones first, so that
    whom they stop uses up none of the wide ones, which others need.
    """
    return all(_within(session, limit, subject, fingerprints, now) for limit, subject in asked)


def _within(session: Session, limit: Limit, subject: str, fingerprints: Fingerprints, now: datetime) -> bool:
    mark = fingerprints.make(f"{limit.name}\n{subject}")
    total = count_up(session, Throttle, {"subject": mark, "window_start": limit.start(now)})
    return total <= limit.most


def purge(session: Session, *, now: datetime) -> None:
    """Forget the windows that are over."""
    session.execute(delete(Throttle).where(Throttle.window_start < now - LONGEST_WINDOW))


def mailbox_of(address: Address) -> str:
    """One for all spellings that commonly reach one mailbox: `ann+news@` is `ann@` (RFC 5233).

    Only for counting: two of them may well be two subscribers.
    """
    local, _, domain = address.key.rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _DOTLESS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def domain_of(address: Address) -> str:
    return address.key.rpartition("@")[2]


def block_of(ip: str | None) -> str:
    """The network that one person commands: /24 of IPv4, /64 of IPv6; one for all that tell none."""
    try:
        address = ip_address((ip or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(ip_network((address, 24), strict=False))
