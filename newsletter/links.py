"""The links in our mails that a reader acts through: made here, opened by `newsletter.web`."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from subscribers.tokens import Purpose, Tokens

#: how long a confirmation may be answered; whoever comes later asks anew
CONFIRM_LIFE = timedelta(days=7)
#: how long a link to one's data works: it can erase, so it must be fresh from the mailbox
DATA_LIFE = timedelta(hours=1)


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
    """Values for the same slots in a mail that has no reader: they lead to nobody's page."""
    return {
        "unsubscribe_url": f"{public_url}/unsubscribe/preview",
        "preferences_url": f"{public_url}/preferences/preview",
        "act_url": f"{public_url}/act/preview",
    }


def preferences_url(public_url: str, tokens: Tokens, public_id: str) -> str:
    """Where the subscriber may see and change their preferences; for ever."""
    return f"{public_url}/preferences/{tokens.make(Purpose.PREFERENCES, public_id)}"


def data_url(public_url: str, tokens: Tokens, public_id: str, *, at: datetime) -> str:
    """Where the subscriber may take or erase all that is known of them, for DATA_LIFE from `at` on."""
    return f"{public_url}/data/{tokens.make(Purpose.DATA, public_id, at=at)}"


def unsubscribe_url(public_url: str, tokens: Tokens, public_id: str, newsletter: str) -> str:
    """Where the subscriber may leave `newsletter`, by hand or with one click (RFC 8058); for ever."""
    return f"{public_url}/unsubscribe/{tokens.make(Purpose.UNSUBSCRIBE, public_id, newsletter)}"
