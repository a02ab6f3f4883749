"""What came of following a link, and what it means for the readers who would. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit


class Trouble(StrEnum):
    """What kept us from an answer."""

    NO_NAME = "its name leads nowhere"
    REFUSED = "nothing answers there"
    CERTIFICATE = "its certificate is not valid"
    SLOW = "no answer in time"
    PRIVATE = "it leads to no public address"
    ENDLESS = "it redirects without end"
    NO_NETWORK = "no network"


#: with these, no reader gets there either
_FATAL = (Trouble.NO_NAME, Trouble.REFUSED, Trouble.CERTIFICATE, Trouble.PRIVATE, Trouble.ENDLESS)
_GONE = {404: "is not there (404)", 410: "is gone (410)"}


@dataclass(frozen=True, slots=True)
class Followed:
    url: str
    #: HTTP status; None where nothing answered
    status: int | None = None
    #: where redirects ended, if not at `url`
    led_to: str | None = None
    trouble: Trouble | None = None

    @property
    def dead(self) -> str | None:
        """Why readers do not find the report there, as the end of a sentence; None where they may."""
        if self.trouble in _FATAL:
            return f"cannot be reached: {self.trouble}"
        if self.status in _GONE:
            return _GONE[self.status]
        if self.led_to and _is_page(self.url) and not _is_page(self.led_to):
            return "leads to a front page only"
        return None

    @property
    def is_known(self) -> bool:
        """Whether the answer tells anything; sites that shut out robots (401, 403, 429) tell nothing."""
        answered = self.status is not None and 200 <= self.status < 300
        return answered or self.dead is not None


def _is_page(url: str) -> bool:
    parts = urlsplit(url)
    return bool(parts.path.strip("/") or parts.query)
