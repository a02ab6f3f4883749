"""The links in our mails that a reader or an editor acts through: made here, opened by `newsletter.web`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from subscribers.tokens import Purpose, Tokens

#: how long a confirmation may be answered; whoever comes later asks anew
CONFIRM_LIFE = timedelta(days=7)
#: how long a link to one's data works: it can erase, so it must be fresh from the mailbox
DATA_LIFE = timedelta(hours=1)
#: how long a link to the desk works
SIGN_IN_LIFE = timedelta(minutes=15)
#: the slot at the begin of the link by which a mail is read on the web; filled once per edition
PUBLIC_URL_SLOT = "public_url"
#: the slot at the end of a counted link: whose mail it is, or nothing
READER_SLOT = "reader"
#: in characters, what it can hold at most
LONGEST_READER = 96


@dataclass(frozen=True, slots=True)
class CountedLinks:
    """Links through us, by which a newsletter that wants it counts what is followed and opened.

    They name a row of ours and end in a slot for the reader: nothing of where they lead is in them.
    """

    public_url: str
    tokens: Tokens

    def follow(self, link_id: int) -> str:
        """To where the `Link` of that number leads."""
        return f"{self.public_url}/l/{self.tokens.make(Purpose.LINK, str(link_id))}@@{READER_SLOT}@@"

    def opened(self, issue_id: int) -> str:
        """The picture that is loaded with a mail of the issue."""
        return f"{self.public_url}/o/{self.tokens.make(Purpose.OPENED, str(issue_id))}@@{READER_SLOT}@@"


def reader_mark(tokens: Tokens, delivery_id: int) -> str:
    """What the slot holds in the mail of somebody who agreed to be counted."""
    return f"/{tokens.make(Purpose.READER, str(delivery_id))}"


def confirm_url(
    public_url: str, tokens: Tokens, public_id: str, newsletters: Iterable[str], *, at: datetime
) -> str:
    """Where the subscriber may say yes to `newsletters`, for CONFIRM_LIFE from `at` on."""
    return f"{public_url}/confirm/{tokens.make(Purpose.CONFIRM, public_id, *newsletters, at=at)}"


def reader_links(public_url: str, tokens: Tokens, public_id: str, newsletter: str) -> dict[str, str]:
    """The values of the slots that every mail of a newsletter has for its reader."""
    return {
        "unsubscribe_url": unsubscribe_url(public_url, tokens, public_id, newsletter),
        "preferences_url": preferences_url(public_url, tokens, public_id),
        "act_url": f"{public_url}/act/{tokens.make(Purpose.ACT, public_id, newsletter)}",
    }


def no_reader_links(public_url: str) -> dict[str, str]:
    """Values for all slots of a mail that has no reader: they lead to nobody's page, and count nothing."""
    return {
        "unsubscribe_url": f"{public_url}/unsubscribe/preview",
        "preferences_url": f"{public_url}/preferences/preview",
        "act_url": f"{public_url}/act/preview",
        "alerts_url": f"{public_url}/alerts/preview",
        PUBLIC_URL_SLOT: public_url,
        READER_SLOT: "/preview",
    }


def preferences_url(public_url: str, tokens: Tokens, public_id: str) -> str:
    """Where the subscriber may see and change their preferences; for ever."""
    return f"{public_url}/preferences/{tokens.make(Purpose.PREFERENCES, public_id)}"


def alerts_url(public_url: str, tokens: Tokens, public_id: str) -> str:
    """Where the subscriber may see and change their alerts; for ever."""
    return f"{public_url}/alerts/{tokens.make(Purpose.ALERTS, public_id)}"


def data_url(public_url: str, tokens: Tokens, public_id: str, *, at: datetime) -> str:
    """Where the subscriber may take or erase all that is known of them, for DATA_LIFE from `at` on."""
    return f"{public_url}/data/{tokens.make(Purpose.DATA, public_id, at=at)}"


def unsubscribe_url(public_url: str, tokens: Tokens, public_id: str, newsletter: str) -> str:
    """Where the subscriber may leave `newsletter`, by hand or with one click (RFC 8058); for ever."""
    return f"{public_url}/unsubscribe/{tokens.make(Purpose.UNSUBSCRIBE, public_id, newsletter)}"


def sign_in_url(public_url: str, tokens: Tokens, sign_in_id: int, *, at: datetime) -> str:
    """Where an editor signs in, once and within SIGN_IN_LIFE from `at` on."""
    return f"{public_url}/sign-in/{tokens.make(Purpose.SIGN_IN, str(sign_in_id), at=at)}"
