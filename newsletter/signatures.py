"""Signatures over what others post to us: ECDSA on P-256 with SHA-256, as SendGrid signs. Pure."""

import base64
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key


def public_key(text: str) -> EllipticCurvePublicKey:
    """The key in `text`: base64 of a SubjectPublicKeyInfo in DER (RFC 5480), on one line.

    Raises ValueError with the remedy.
    """
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("not a public key: copy it from SendGrid's settings, one line of base64") from error
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError("not a key on the curve P-256: copy the verification key of the event webhook")
    return key


def signed_by_one_of(keys: Iterable[EllipticCurvePublicKey], signature: str, signed: bytes) -> bool:
    """Whether `signature` (base64 of DER) is by one of `keys` over these very bytes."""
    try:
        proof = base64.b64decode(signature, validate=True)
    except ValueError:
        return False
    return any(_fits(key, proof, signed) for key in keys)


def _fits(key: EllipticCurvePublicKey, proof: bytes, signed: bytes) -> bool:
    try:
        key.verify(proof, signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
