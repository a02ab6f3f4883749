"""Where mailboxes send what they could not deliver: an address of its own for every mail (VERP).

Pure. `bounces+TOKEN@domain` names the delivery and is signed: only who was given the mail knows it, so
nobody can say of anybody else's mail that it bounced. No other address in a returned mail ever counts.
"""

import hmac
import re
from collections.abc import Sequence

_SALT = b"race-to-agi.return-path"
#: in hexadecimal digits, which survive a server that changes case: 96 bits of HMAC-SHA-256
_SIGNATURE = 24
#: in the same, for a number of 64 bits
_NUMBER = 16
#: what may stand before the `+`, so that all fits the 64 octets of RFC 5321 §4.5.3.1.1
LONGEST_NAME = 64 - 1 - _SIGNATURE - _NUMBER
_LARGEST = 2**63 - 1


class ReturnPaths:
    """Makes return paths and reads them. `keys`: the newest first; it makes, all of them are read.

    `base` is the mailbox that they all lead to; its local part is at most LONGEST_NAME octets long.
    """

    def __init__(self, base: str, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("at least one key is needed")
        self.base = base
        self._name, _, self._domain = base.partition("@")
        self._keys = tuple(hmac.digest(key.encode(), _SALT, "sha256") for key in keys)
        token = rf"[0-9a-f]{{{_SIGNATURE + 1},{_SIGNATURE + _NUMBER}}}"
        self._ours = re.compile(
            rf"(?<![\w.+-]){re.escape(self._name)}\+({token})@{re.escape(self._domain)}(?![\w.-]*\w)",
            re.ASCII | re.IGNORECASE,
        )

    def make(self, delivery_id: int) -> str:
        """The return path of one mail."""
        return self.address(self.token(delivery_id))

    def token(self, delivery_id: int) -> str:
        """The part of it that names the mail: at most 40 hexadecimal digits, to be read in any case."""
        return _token(self._keys[0], delivery_id)

    def address(self, token: str) -> str:
        """The return path with that token."""
        return f"{self._name}+{token}@{self._domain}"

    def read(self, address: str) -> int | None:
        """The delivery that `address` was made for; None for any that we did not make."""
        found = self._ours.fullmatch(address)
        return self.read_token(found[1]) if found else None

    def read_token(self, token: str) -> int | None:
        """The delivery that `token` names; None for one that we did not make."""
        try:
            delivery_id = int(token[_SIGNATURE:], 16)
        except ValueError:
            return None
        given = token.lower().encode(errors="replace")
        made = (_token(key, delivery_id).encode() for key in self._keys)
        ours = any(hmac.compare_digest(one, given) for one in made)
        return delivery_id if ours and 0 < delivery_id <= _LARGEST else None

    def find(self, text: str) -> int | None:
        """The delivery of the first return path of ours in `text`."""
        found = (self.read_token(one[1]) for one in self._ours.finditer(text))
        return next((delivery_id for delivery_id in found if delivery_id), None)

    def leads_here(self, address: str) -> bool:
        """Whether `address` is the mailbox itself, or a return path that we made."""
        return address.lower() == self.base.lower() or self.read(address) is not None


def _token(key: bytes, delivery_id: int) -> str:
    signature = hmac.digest(key, b"%d" % delivery_id, "sha256").hex()
    return f"{signature[:_SIGNATURE]}{delivery_id:x}"
