"""Signed links: one purpose each, several keys while they rotate.

A token says who and what; the endpoint says for which purpose it must have been made, so that a
token of one purpose opens no other door. Unsubscribe links never expire (RFC 8058 asks that they
work as long as the mail can be read); confirmations do.
"""

import hashlib
from binascii import b2a_base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_decode
from itsdangerous.exc import BadData


class Purpose(StrEnum):
    CONFIRM = "confirm"
    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    ALERTS = "alerts"
    ACT = "act"  # from the mail: mute a story, less of a company, snooze
    UNDO = "undo"
    DATA = "data"  # export and erasure, freshly mailed
    SIGN_IN = "sign-in"  # to the desk, freshly mailed to an editor
    LINK = "link"  # through us to where a link of an issue leads
    OPENED = "opened"  # the picture by which an issue is seen to be opened
    READER = "reader"  # whose mail it is, of those who agreed to be counted


class BadToken(ValueError):
    """This link is not one of ours, or it was cut off on its way."""


class ExpiredToken(BadToken):
    """This link is too old."""

    def __init__(self, made_at: datetime) -> None:
        self.made_at = made_at
        super().__init__(self.__doc__)


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def _spelled(content: bytes) -> bytes:
    """As itsdangerous spells it, in a third of the time."""
    return b2a_base64(content, newline=False).translate(_URL_SAFE).rstrip(b"=")


class _Seal:
    """HMAC-SHA256 of one key (RFC 2104), whose blocks are hashed in advance.

    A mail carries three tokens, and mails leave by the million: `hmac` takes twice as long.
    """

    def __init__(self, key: bytes) -> None:
        block = key.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def of(self, message: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


class Tokens:
    """Makes and reads tokens. `keys`: the newest first; it signs, all of them verify.

    Nothing is read from the clock: whoever makes or reads a dated token says what time it is.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("at least one signing key is needed")
        oldest_first = list(reversed(keys))
        self._signers = {
            purpose: Signer(
                oldest_first,
                salt=f"race-to-agi.{purpose}",
                key_derivation="hmac",
                digest_method=hashlib.sha256,
            )
            for purpose in Purpose
        }
        self._seals = {purpose: _Seal(signer.derive_key()) for purpose, signer in self._signers.items()}

    def make(self, purpose: Purpose, *subject: str, at: datetime | None = None) -> str:
        """A URL-safe token for `subject`; with `at`, its age can be told (whole seconds).

        Raises ValueError for a subject with a line break: it would be read as two.
        """
        stamp = "" if at is None else str(int(at.timestamp()))
        content = "\n".join((stamp, *subject))
        if content.count("\n") > len(subject):
            raise ValueError(f"a line break in the subject of a token: {subject!r}")
        body = _spelled(content.encode())
        # as Signer.sign does, which begins anew each time
        return (body + b"." + _spelled(self._seals[purpose].of(body))).decode()

    def read(
        self, purpose: Purpose, token: str, *, now: datetime, max_age: timedelta | None = None
    ) -> tuple[str, ...]:
        """The subject of a token made for `purpose`.

        Raises BadToken for anything that we did not make for this purpose, and ExpiredToken when
        it is older than `max_age` at `now`.
        """
        try:
            body = self._signers[purpose].unsign(token)
            stamp, *subject = base64_decode(body).decode().split("\n")
            # base64 has several spellings of one signature; only ours is read
            signature = token.rpartition(".")[2]
            if _spelled(base64_decode(signature)) != signature.encode():
                raise BadSignature(signature)
        except (BadSignature, BadData, UnicodeError):
            raise BadToken(BadToken.__doc__) from None
        if max_age is not None:
            made_at = datetime.fromtimestamp(int(stamp or 0), UTC)
            if now - made_at > max_age:
                raise ExpiredToken(made_at)
        return tuple(subject)
