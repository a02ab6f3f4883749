"""The ledger of consent: who agreed to what, in which words, when and how.

It only grows. GDPR art. 7(1) asks to show consent; a row that was changed shows nothing, so the
database itself refuses to change or delete one. The one exception is `strike_out`, for art. 17.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from subscribers.engagement import engaged
from subscribers.models import Act, Consent, Subscriber

#: of the words that our pages and mails show where somebody agrees to something or asks for it;
#: a test holds that no word changes without it
WORDING_VERSION = "4"


class Channel(StrEnum):
    """The way by which an act reached us."""

    FORM = "form"
    LINK = "link"
    ONE_CLICK = "one-click"
    IMPORT = "import"
    COMMAND = "command line"
    PROVIDER = "provider"


#: what an operator states, or a provider tells, is in their words, not in ours
_OTHERS = (Channel.IMPORT, Channel.COMMAND, Channel.PROVIDER)


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
        """The line in the ledger; it has its id once the session is flushed.

        Who acts by a link of ours, other than to leave, is engaged.
        """
        line = Consent(subscriber_id=subscriber.id, **self.line(act, newsletters))
        session.add(line)
        if self.channel is Channel.LINK and act not in (Act.UNSUBSCRIBED, Act.ERASED):
            engaged(session, subscriber.id, now=self.at)
        return line

    def line(self, act: Act, newsletters: Sequence[str]) -> dict[str, Any]:
        """The columns of the line, but for whose it is."""
        return {
            "newsletters": list(newsletters),
            "act": act.value,
            "channel": self.channel.value,
            "wording": self.wording,
            "wording_version": None if self.channel in _OTHERS else WORDING_VERSION,
            "ip": self.ip,
            "at": self.at,
        }


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
