"""What holds at the desk's door: who may do what, how long a session lasts. Pure."""

import hashlib
import hmac
from datetime import datetime, timedelta

from newsletter.models.editor import Role

#: without a sign of its editor a session ends after this
IDLE_LIFE = timedelta(hours=12)
#: and after this in any case
LONGEST_LIFE = timedelta(days=14)

#: how long a sign-in and a session are kept after their end
KEPT = timedelta(days=30)

_RANKS = list(Role)


def may(role: Role, needed: Role) -> bool:
    """Whether an editor of `role` may do what is for `needed` and above."""
    return _RANKS.index(role) >= _RANKS.index(needed)


def is_alive(*, signed_in_at: datetime, seen_at: datetime, now: datetime) -> bool:
    """Whether a session that nobody ended lasts still."""
    return now - seen_at < IDLE_LIFE and now - signed_in_at < LONGEST_LIFE


def digest_of(secret: str) -> str:
    """What the table keeps of a session's secret: SHA-256, 64 hexadecimal digits.

    The secret has 256 random bits, so nobody finds it by trying.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


def form_token(secret: str) -> str:
    """What every form of a session carries, so that no other page can send one in its name.

    Only whoever has the cookie can make it; from the table it cannot be made.
    """
    return hmac.digest(secret.encode(), b"race-to-agi.form", "sha256").hex()
