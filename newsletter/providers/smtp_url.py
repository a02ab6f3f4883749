"""How an SMTP server is named in `SMTP_URL`."""

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from newsletter.mail import Misconfigured


class Encryption(StrEnum):
    TLS = "TLS"  # from the first byte
    STARTTLS = "STARTTLS"  # before anything is said; never done without
    NONE = "no encryption"


@dataclass(frozen=True, slots=True)
class SmtpServer:
    host: str
    port: int
    encryption: Encryption
    #: (login, password), or nobody signs in
    sign_in: tuple[str, str] | None = field(repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def read_url(url: str) -> SmtpServer:
    """The server named by `url`: `smtp://user:password@host:port?option` or `smtps://…`.

    `smtps` speaks TLS from the first byte (port 465 unless given). `smtp` (port 587) demands
    STARTTLS, except towards this very machine; the option `starttls=required` demands it there
    too, and `tls=none` does without anywhere. Users and passwords are percent-encoded where they
    hold `@ : / ? # %`. Raises Misconfigured, without showing the URL.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
        encryption = _encryption(parts.scheme, host, parts.query)
        login, password = unquote(parts.username or ""), unquote(parts.password or "")
    except (ValueError, KeyError):
        raise _unreadable() from None
    plain = (host + login + password).isascii() and (host + login + password).isprintable()
    if not host or not plain or parts.path not in ("", "/") or bool(login) != bool(password):
        raise _unreadable()
    port = port or (465 if encryption is Encryption.TLS else 587)
    return SmtpServer(host, port, encryption, (login, password) if login else None)


def _encryption(scheme: str, host: str, option: str) -> Encryption:
    by_default = Encryption.NONE if _is_this_machine(host) else Encryption.STARTTLS
    return {
        ("smtps", ""): Encryption.TLS,
        ("smtp", ""): by_default,
        ("smtp", "starttls=required"): Encryption.STARTTLS,
        ("smtp", "tls=none"): Encryption.NONE,
    }[scheme, option]


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _unreadable() -> Misconfigured:
    return Misconfigured(
        "SMTP_URL cannot be read: write it as smtp://user:password@mail.example.com:587 or as "
        "smtps://…:465, special characters percent-encoded; the one option is ?starttls=required "
        "or ?tls=none"
    )
