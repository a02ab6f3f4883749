"""E-mail addresses: parse what a person typed, and compare two of them.

Two spellings that reach one mailbox by the rules of the domain name system or of Unicode are one
address: `ü@Bücher.example` and `ü@xn--bcher-kva.example`, `Ann@x.example` and `ann@x.example`.
"""

import unicodedata
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email


class InvalidAddress(ValueError):
    """This is not an e-mail address that mail can be sent to."""

    def __init__(self, typed: str, reason: str) -> None:
        self.typed = typed
        self.reason = reason
        super().__init__(f"{typed!r} is not an e-mail address: {reason}")


@dataclass(frozen=True, slots=True)
class Address:
    #: what mail is sent to: the local part as typed, the domain as A-labels (RFC 5891)
    mailbox: str
    #: equal for every spelling of the same address; what uniqueness is decided on
    key: str

    @property
    def masked(self) -> str:
        """Enough for the owner to recognise it, too little for anyone else: `a•••@e•••.com`."""
        local, _, domain = self.mailbox.rpartition("@")
        host, dot, top = domain.rpartition(".")
        return f"{local[:1]}•••@{host[:1]}•••{dot}{top}"


def parse(typed: str) -> Address:
    """The address in `typed`, or InvalidAddress with a reason that a person understands.

    A local part outside ASCII is refused: SendGrid and many mailbox providers do not take
    SMTPUTF8 (RFC 6531), and an address that cannot be confirmed is no use to its owner.
    """
    text = unicodedata.normalize("NFKC", typed).strip()
    if text.startswith("-"):
        raise InvalidAddress(typed, "it begins with a hyphen")
    try:
        found = validate_email(text, check_deliverability=False, strict=True, allow_smtputf8=True)
    except EmailNotValidError as error:
        raise InvalidAddress(typed, str(error).rstrip(".")) from None
    if not found.local_part.isascii():
        raise InvalidAddress(typed, "the part before @ has letters outside ASCII")
    mailbox = f"{found.local_part}@{found.ascii_domain}"
    return Address(mailbox=mailbox, key=mailbox.casefold())
