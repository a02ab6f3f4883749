"""The ledger of consent: who agreed to what, in which words, when and how.

It only grows. GDPR art. 7(1) asks to show consent; a row that was changed shows nothing, so the
database itself refuses to change or delete one. The one exception is `strike_out`, for art. 17.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import update
from sqlalchemy.orm import Session

from subscribers.models import Act, Consent, Subscriber

#: of the words that our pages and mails show where somebody agrees to something or asks for it;
#: a test holds that no word changes without it
WORDING_VERSION = "1"


class Channel(StrEnum):
    """The way by which an act reached us."""

    FORM = "form"
    LINK = "link"
    ONE_CLICK = "one-click"
    IMPORT = "import"
    COMMAND = "command line"


#: what an operator states is in their words, not in ours
_OPERATORS = (Channel.IMPORT, Channel.COMMAND)


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
            wording_version=None if self.channel in _OPERATORS else WORDING_VERSION,
            ip=self.ip,
            at=self.at,
        )
        session.add(line)
        return line


def strike_out(session: Session, subscriber: Subscriber) -> None:
    """Take from the lines of somebody erased what may name them: the words and the IP.

    What was done, when, how, and for which newsletters stays, with the version of the words. The
    database allows this for nobody whose row does not say that they are erased.
    """
    session.flush()
    session.execute(
        update(Consent).where(Consent.subscriber_id == subscriber.id).values(wording="", ip=None),
        execution_options={"synchronize_session": "fetch"},
    )
