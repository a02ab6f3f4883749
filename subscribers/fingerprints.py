"""Keyed hashes: by them an address is known again without being kept.

Pure. Whoever has the database but not the keys learns nothing from a fingerprint, not even by trying
all addresses there are.
"""

import hashlib
import hmac
from collections.abc import Sequence

_SALT = b"race-to-agi.fingerprints"


class Fingerprints:
    """Makes fingerprints and knows them again. `keys`: the newest first; it makes, all of them know.

    What a key made is known only as long as that key is given: one that is dropped lets erased
    addresses come in again as if they were new.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("at least one key is needed")
        self._keys = tuple(hmac.digest(key.encode(), _SALT, "sha256") for key in keys)

    def make(self, text: str) -> str:
        """The fingerprint of `text`: HMAC-SHA-256 by the newest key, 64 hexadecimal digits."""
        return self.known(text)[0]

    def known(self, text: str) -> tuple[str, ...]:
        """Every fingerprint that `text` may have been given, by the newest key first."""
        return tuple(hmac.new(key, text.encode(), hashlib.sha256).hexdigest() for key in self._keys)
