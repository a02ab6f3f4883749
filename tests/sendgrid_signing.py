"""Signs bodies as SendGrid does, with a key of the tests' own."""

import base64
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def _public(key: EllipticCurvePrivateKey) -> str:
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(spki).decode()


_KEY = derive_private_key(2026, SECP256R1())
PUBLIC_KEY = _public(_KEY)
#: one that has signed nothing yet
NEW_KEY = _public(derive_private_key(2027, SECP256R1()))


def sign(signed: bytes) -> str:
    """Base64 of an ECDSA signature in DER."""
    return base64.b64encode(_KEY.sign(signed, ECDSA(SHA256()))).decode()


def headers(body: bytes, at: datetime) -> dict[str, str]:
    """What SendGrid sends along with `body`."""
    timestamp = str(int(at.timestamp()))
    return {
        "x-twilio-email-event-webhook-timestamp": timestamp,
        "x-twilio-email-event-webhook-signature": sign(timestamp.encode() + body),
        "content-type": "application/json",
    }
