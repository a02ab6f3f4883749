"""E-mail addresses and the names beside them: parse what a person typed, compare two addresses.

Two spellings that reach one mailbox by the rules of the domain name system or of Unicode are one
address: `a@Bücher.example` and `a@xn--bcher-kva.example`, `Ann@x.example` and `ann@x.example`.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, ValidatedEmail, validate_email

#: characters; RFC 5321 §4.5.3.1.3 leaves 254 for an address
LONGEST_ADDRESS = 254
LONGEST_NAME = 200
#: a local part that needs no second look (RFC 5322 §3.2.3), within its length (RFC 5321 §4.5.3.1.1)
_DOT_ATOM = re.compile(r"(?=.{1,64}\Z)[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
#: Unicode's Bidi_Control: they let a name rearrange the text around it
_DIRECTION_MARKS = dict.fromkeys(
    map(ord, "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
)


class InvalidAddress(ValueError):
    """This is not an e-mail address that mail can be sent to."""

    def __init__(self, typed: str, reason: str) -> None:
        self.typed = typed
        self.reason = reason
        super().__init__(f"{_shown(typed)} is not an e-mail address: {reason}")


class InvalidName(ValueError):
    """This cannot stand as a name in the header of a mail."""

    def __init__(self, typed: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"{_shown(typed)} is not a name: {reason}")


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
    if len(typed) > LONGEST_ADDRESS:
        raise InvalidAddress(typed, f"it is longer than {LONGEST_ADDRESS} characters")
    text = unicodedata.normalize("NFKC", typed).strip()
    if text.startswith("-"):
        raise InvalidAddress(typed, "it begins with a hyphen")
    try:
        local, _, domain = text.rpartition("@")
        if _DOT_ATOM.fullmatch(local) and domain.isascii():  # nearly all, and most of few domains
            mailbox = f"{local}@{_checked(domain)}"
            return Address(mailbox=mailbox, key=mailbox.casefold())
        found = _validated(text)
    except EmailNotValidError as error:
        raise InvalidAddress(typed, str(error).rstrip(".")) from None
    if not found.local_part.isascii():
        raise InvalidAddress(typed, "the part before @ has letters outside ASCII")
    mailbox = f"{found.local_part}@{found.ascii_domain}"
    return Address(mailbox=mailbox, key=mailbox.casefold())


def _validated(text: str) -> ValidatedEmail:
    return validate_email(text, check_deliverability=False, strict=True, allow_smtputf8=True)


@lru_cache(maxsize=65_536)
def _checked(domain: str) -> str:
    """The domain as A-labels; EmailNotValidError for one that takes no mail from everywhere."""
    return _validated(f"a@{domain}").ascii_domain


def parse_name(typed: str | None) -> str | None:
    """A person's name with its blanks in order, None for an empty one; InvalidName for what is none.

    Control characters are refused, since a line break in a header begins another header (RFC 5322
    §2.2); marks that turn the direction of writing are dropped.
    """
    if typed is None:
        return None
    text = typed.translate(_DIRECTION_MARKS).strip()
    if len(text) > LONGEST_NAME:
        raise InvalidName(typed, f"it is longer than {LONGEST_NAME} characters")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise InvalidName(typed, "it has control characters")
    return " ".join(text.split()) or None


def _shown(typed: str) -> str:
    """As a message may quote it, however long it is."""
    return repr(typed if len(typed) <= 80 else f"{typed[:79]}…")
