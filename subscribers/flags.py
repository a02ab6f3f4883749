"""What an address looks like at first sight: a role's, or a throw-away one. Nobody is refused for it.

Pure. Role addresses are read by several people, of whom not all agreed; disposable ones are soon read
by nobody. Both are worth an operator's look before they trust numbers.
"""

from enum import StrEnum

from disposable_email_domains import blocklist

from subscribers.address import Address

#: RFC 2142, and what else is commonly read by a team or by nobody
_ROLES = (
    "abuse accounting accounts admin administrator billing careers compliance contact customercare"
    " customerservice dns do-not-reply donotreply editor editorial enquiries enquiry feedback finance"
    " ftp gdpr hello help helpdesk hostmaster hr info information inquiries inquiry it jobs legal"
    " list-request mail mailer-daemon maildaemon marketing media news newsletter no-reply nobody noc"
    " noreply office orders postmaster press privacy root sales security service spam support sysadmin"
    " team usenet uucp webmaster www"
)
ROLES = frozenset(_ROLES.split())


class Flag(StrEnum):
    ROLE = "role address"  # of an office rather than of a person
    DISPOSABLE = "disposable domain"  # of a service for throw-away mailboxes


def flags(address: Address) -> frozenset[Flag]:
    """What stands out about the address, for operators to see."""
    local, _, domain = address.key.rpartition("@")
    found = set()
    if local.partition("+")[0] in ROLES:
        found.add(Flag.ROLE)
    if any(suffix in blocklist for suffix in _suffixes(domain)):
        found.add(Flag.DISPOSABLE)
    return frozenset(found)


def _suffixes(domain: str) -> list[str]:
    """The domain and those above it: throw-away mailboxes also come below a listed domain."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]
