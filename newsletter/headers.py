"""The headers that make a mail leave well and let its reader leave with one click. Pure."""

import re
from functools import lru_cache

from newsletter.mail import Sender

Headers = tuple[tuple[str, str], ...]


def digest_headers(
    *,
    sender: Sender,
    newsletter: str,
    slug: str,
    occasion: int,
    public_id: str,
    unsubscribe_url: str,
    kind: str = "digest",
) -> Headers:
    """For a mail of a newsletter: RFC 8058 §3.1 (one-click), RFC 2919 (List-Id), Gmail's Feedback-ID."""
    return (
        ("Message-ID", f"<{kind}.{occasion}.{public_id}@{_domain(sender)}>"),
        ("List-Unsubscribe", f"<{unsubscribe_url}>"),
        *_of_occasion(sender, newsletter, slug, kind, occasion),
    )


@lru_cache(maxsize=32)
def _of_occasion(sender: Sender, newsletter: str, slug: str, kind: str, occasion: int) -> Headers:
    domain = _domain(sender)
    return (
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("List-Id", f"{_phrase(newsletter)}<{slug}.{domain}>"),
        ("List-Post", "NO"),
        ("Feedback-ID", f"{occasion}:{slug}:{kind}:{_label(domain)}"),
    )


def letter_headers(*, sender: Sender, kind: str, occasion: int, public_id: str) -> Headers:
    """For a mail that answers a form, such as the question for a confirmation (RFC 3834 §5)."""
    domain = _domain(sender)
    return (
        ("Message-ID", f"<{kind}.{occasion}.{public_id}@{domain}>"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("Feedback-ID", f"{occasion}:letters:{kind}:{_label(domain)}"),
    )


def complaint_headers(*, address: str, token: str) -> Headers:
    """Where a mailbox may report complaints, and what names the mail then (RFC 9477 §3)."""
    return (("CFBL-Address", f"{address}; report=arf"), ("CFBL-Feedback-ID", token))


def _domain(sender: Sender) -> str:
    return sender.address.rpartition("@")[2]


def _label(domain: str) -> str:
    """The sender's name for Gmail's postmaster tools: stable, and letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", domain.lower())


def _phrase(name: str) -> str:
    """The human-readable part of a List-Id, left out where it would need encoding (RFC 2919 §2)."""
    return f"{name} " if re.fullmatch(r"[A-Za-z0-9 ]+", name) else ""
