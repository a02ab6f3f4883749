"""The ledger of consent: who agreed to what, in which words, when and how.

It only grows. GDPR art. 7(1) asks to show consent; a row that was changed shows nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from subscribers.models import Act, Consent, Subscriber


class Channel(StrEnum):
    """The way by which an act reached us."""

    FORM = "form"
    LINK = "link"
    ONE_CLICK = "one-click"
    IMPORT = "import"
    COMMAND = "command line"


@dataclass(frozen=True, slots=True)
class Evidence:
    """The circumstances of an act, the same in every line that it writes."""

    channel: Channel
    #: the words that the person saw, or the operator's statement of where consent was given
    wording: str
    ip: str | None
    at: datetime

    def write(
        self, session: Session, act: Act, subscriber: Subscriber, newsletters: Sequence[str]
    ) -> Consent:
        """The line in the ledger; it has its id once the session is flushed."""
        line = Consent(
            subscriber_id=subscriber.id,
            newsletters=list(newsletters),
            act=act,
            channel=self.channel,
            wording=self.wording,
            ip=self.ip,
            at=self.at,
        )
        session.add(line)
        return line
