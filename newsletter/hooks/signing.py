"""Signatures of what we post, after the Standard Webhooks specification 1.0. Pure."""

import base64
import hmac
import secrets
from datetime import datetime

PREFIX = "whsec_"
#: bytes; the specification asks for 24 to 64
LENGTH = 32


def new_secret() -> str:
    """A random key in the form in which receivers' libraries take it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(LENGTH)).decode()


def signed_headers(secret: str, public_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """The three headers that prove who posted `body`, under which id, and when.

    `now` is the moment of this attempt, so that an old post cannot be played again.
    """
    seconds = str(int(now.timestamp()))
    signed = b".".join((public_id.encode(), seconds.encode(), body))
    proof = hmac.digest(base64.b64decode(secret.removeprefix(PREFIX)), signed, "sha256")
    return {
        "webhook-id": public_id,
        "webhook-timestamp": seconds,
        "webhook-signature": f"v1,{base64.b64encode(proof).decode()}",
    }
