"""How often a letter may be asked for at our doors, and whether a person filled in the form.

Whoever reaches a limit reads the same page as always, and no mail leaves. Nothing here ever stands
between a reader and the way out: to unsubscribe is never limited.
"""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep

from sqlalchemy.orm import Session

from newsletter.models.delivery import DeliveryKind
from newsletter.web.pages import Door
from subscribers import throttle
from subscribers.address import Address
from subscribers.fingerprints import Fingerprints
from subscribers.throttle import Limit

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

#: of one kind, to one mailbox under all its spellings
LETTER_GAP = Limit("letter gap", 1, timedelta(minutes=10))
LETTERS_A_DAY = Limit("letters a day", 3, DAY)
#: from one network, such as an office shares, by forms of ours that took their time
FROM_NETWORK = Limit("network", 60, HOUR)
#: from one network by other ways: embedded forms, JSON, and forms filled in faster than people do
HASTY_FROM_NETWORK = Limit("network, hasty", 20, HOUR)
TO_DOMAIN = Limit("domain", 300, HOUR)
IN_ALL = Limit("in all", 120, timedelta(minutes=1))

#: people hardly read and fill in the form in less; whoever does, as a password manager may, is not
#: turned away, since a robot can leave the stamp out anyway: the stricter limit holds for both
LEAST_FILL_TIME = timedelta(seconds=2)
STAMP_LIFE = timedelta(days=1)

#: seconds; longer than it takes to queue a letter
BEAT = 0.05


@contextmanager
def on_the_beat() -> Iterator[None]:
    """Lasts a whole number of BEATs, so that how long it took does not tell what was done within."""
    began = monotonic()
    yield
    sleep((began - monotonic()) % BEAT)


def admitted(
    door: Door,
    session: Session,
    letter: DeliveryKind,
    address: Address,
    ip: str | None,
    now: datetime,
    *,
    took_time: bool = False,
) -> bool:
    """Whether `ip` may ask once more for such a letter to `address`; counts the asking.

    `took_time` is what the function of that name tells of the form's stamp.
    """
    mailbox, network = throttle.mailbox_of(address), throttle.block_of(ip)
    asked = [
        (FROM_NETWORK if took_time else HASTY_FROM_NETWORK, network),
        (LETTER_GAP, f"{letter} {mailbox}"),
        (LETTERS_A_DAY, f"{letter} {mailbox}"),
        (TO_DOMAIN, throttle.domain_of(address)),
        (IN_ALL, ""),
    ]
    throttle.purge(session, now=now)
    return throttle.admitted(session, asked, fingerprints=door.services.fingerprints, now=now)


def stamp(door: Door) -> str:
    """The value of a form's hidden field: when the form was shown, and a signature."""
    shown = str(int(door.clock().timestamp()))
    return f"{shown}.{door.services.fingerprints.make(_signed(shown))}"


def took_time(fingerprints: Fingerprints, sent: str, now: datetime) -> bool:
    """Whether the form that sent this stamp was ours and in somebody's hands for a likely time."""
    shown, _, signature = sent.partition(".")
    known = fingerprints.known(_signed(shown))
    if not any(hmac.compare_digest(signature.encode(), one.encode()) for one in known):
        return False
    return LEAST_FILL_TIME <= now - datetime.fromtimestamp(int(shown), UTC) < STAMP_LIFE


def _signed(shown: str) -> str:
    return f"form shown at {shown}"
