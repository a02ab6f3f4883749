"""The links in our mails that a reader acts through: made here, opened by `newsletter.web`."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from subscribers.tokens import Purpose, Tokens

#: how long a confirmation may be answered; whoever comes later asks anew
CONFIRM_LIFE = timedelta(days=7)


def confirm_url(
    public_url: str, tokens: Tokens, public_id: str, newsletters: Iterable[str], *, at: datetime
) -> str:
    """Where the subscriber may say yes to `newsletters`, for CONFIRM_LIFE from `at` on."""
    return f"{public_url}/confirm/{tokens.make(Purpose.CONFIRM, public_id, *newsletters, at=at)}"


def unsubscribe_url(public_url: str, tokens: Tokens, public_id: str, newsletter: str) -> str:
    """Where the subscriber may leave `newsletter`, by hand or with one click (RFC 8058); for ever."""
    return f"{public_url}/unsubscribe/{tokens.make(Purpose.UNSUBSCRIBE, public_id, newsletter)}"
