"""DKIM signatures (RFC 6376; Ed25519: RFC 8463) by the sender's domain, relaxed/relaxed.

Every header that we write is signed, the two of one-click among them (RFC 8058 §4). Those that a
mail program shows or acts on are named once more than they occur, so that nobody can add a second.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newsletter.mail import Misconfigured

#: RFC 8301 §3.2: a verifier takes no signature of a shorter RSA key
SHORTEST_RSA = 1024
_NEVER_ADDED = (
    "From",
    "To",
    "Cc",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
)
_PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----.+?-----END \1-----", re.DOTALL)
_SELECTOR = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE)
_BLANKS = re.compile(rb"[ \t]+")
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_LINE = 72


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A private key, and the selector under which DNS shows its public half."""

    selector: str
    private: RSAPrivateKey | Ed25519PrivateKey = field(repr=False)

    @property
    def kind(self) -> str:
        """As in the tag `k=` of the DNS record."""
        return "rsa" if isinstance(self.private, RSAPrivateKey) else "ed25519"

    @property
    def bits(self) -> int:
        return self.private.key_size if isinstance(self.private, RSAPrivateKey) else 256

    def public(self) -> bytes:
        """As in the tag `p=`: the whole SubjectPublicKeyInfo for RSA, the bare key for Ed25519."""
        public = self.private.public_key()
        if isinstance(self.private, RSAPrivateKey):
            return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return public.public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, text: bytes) -> bytes:
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(text, PKCS1v15(), hashes.SHA256())
        # RFC 8463 §3: what is signed is the hash
        return self.private.sign(hashlib.sha256(text).digest())


def read_keys(selectors: str, pems: str) -> tuple[DkimKey, ...]:
    """The keys of `DKIM_SELECTOR` and `DKIM_KEY`: the nth selector, separated by commas, names the nth key.

    Raises Misconfigured, without showing a key.
    """
    names = [name.strip() for name in selectors.split(",") if name.strip()]
    found = [match[0] for match in _PEM.finditer(pems)]
    if len(names) != len(found):
        raise Misconfigured(
            f"DKIM_SELECTOR names {len(names)} and DKIM_KEY holds {len(found)} keys: give one selector for "
            "each key (PEM), separated by commas and in the same order"
        )
    return tuple(_read_key(name, pem) for name, pem in zip(names, found, strict=True))


def _read_key(selector: str, pem: str) -> DkimKey:
    if not _SELECTOR.fullmatch(selector):
        raise Misconfigured(f"DKIM_SELECTOR: {selector!r} cannot stand in a domain name")
    try:
        private = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Misconfigured(
            f"DKIM_KEY: the key of {selector} cannot be read; make one with: openssl genrsa 2048"
        ) from None
    if not isinstance(private, RSAPrivateKey | Ed25519PrivateKey):
        raise Misconfigured(f"DKIM_KEY: the key of {selector} is neither RSA nor Ed25519 (RFC 8463)")
    key = DkimKey(selector, private)
    if key.kind == "rsa" and key.bits < SHORTEST_RSA:
        raise Misconfigured(
            f"DKIM_KEY: the key of {selector} has {key.bits} bits, and a signature counts from "
            f"{SHORTEST_RSA} on; make one with: openssl genrsa 2048"
        )
    return key


class Signer:
    """Signs with every key: with two while one replaces another, or one RSA and one Ed25519."""

    def __init__(self, keys: Iterable[DkimKey]) -> None:
        self._keys = tuple(keys)

    def sign(self, head: bytes, body: Iterable[bytes], *, domain: str, at: datetime) -> bytes:
        """The DKIM-Signature headers to stand before `head`, a signature by each key.

        `head` is all header lines, and `body` the relaxed body in pieces (see `relaxed_body`).
        """
        hashed = hashlib.sha256()
        for piece in body:
            hashed.update(piece)
        relaxed = [_relaxed_header(line) for line in _FOLD.sub(b"", head).split(b"\r\n")[:-1]]
        written = [line.partition(b":")[0].decode().lower() for line in relaxed]
        names = _folded(written + [name.lower() for name in _NEVER_ADDED])
        told = (
            f"c=relaxed/relaxed; d={domain}; t={int(at.timestamp())};\r\n"
            f"\tbh={base64.b64encode(hashed.digest()).decode()};\r\n"
            f"\th={names};\r\n"
        )
        signed = b"".join([line + b"\r\n" for line in relaxed])
        return b"".join([_header(key, told, signed) for key in self._keys])


def _header(key: DkimKey, told: str, signed: bytes) -> bytes:
    unsigned = f"DKIM-Signature: v=1; a={key.kind}-sha256; s={key.selector};\r\n\t{told}\tb=".encode()
    signature = base64.b64encode(key.sign(signed + _relaxed_header(_FOLD.sub(b"", unsigned)))).decode()
    lines = [signature[start : start + _LINE] for start in range(0, len(signature), _LINE)]
    return unsigned + "\r\n\t".join(lines).encode() + b"\r\n"


def _folded(names: list[str]) -> str:
    """Colons between the names, and lines no longer than mail should have (RFC 5322 §2.1.1)."""
    lines, line = [], ""
    for name in names:
        if line and len(line) + len(name) > _LINE:
            lines.append(line)
            line = ""
        line += f"{name}:"
    return "\r\n\t".join([*lines, line]).removesuffix(":")


def _relaxed_header(line: bytes) -> bytes:
    """RFC 6376 §3.4.2, of a line that is unfolded already."""
    name, _, value = line.partition(b":")
    return name.strip().lower() + b":" + _BLANKS.sub(b" ", value).strip()


def relaxed_body(lines: bytes) -> bytes:
    """RFC 6376 §3.4.4, of whole lines of a body whose end is not empty."""
    return _BLANKS.sub(b" ", lines).replace(b" \r\n", b"\r\n")
