"""Addresses of domains met before are read by a shorter way, which gives what the long way gives."""

import unicodedata

from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from subscribers.address import InvalidAddress, parse

LOCALS = st.from_regex(r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~@ \"-]{0,70}", fullmatch=True)
LABELS = st.one_of(
    st.from_regex(r"[a-zA-Z0-9-]{0,64}", fullmatch=True),
    st.sampled_from(["xn--bcher-kva", "bücher", "localhost", "test", "example", "com", "[192.0.2.1]"]),
    st.text(max_size=4),
)


@settings(max_examples=300)
@given(LOCALS, st.lists(LABELS, min_size=1, max_size=4).map(".".join))
@example("a" * 64, "x.example")
@example("a" * 65, "x.example")
@example("a.b", "x.example\n")
def test_both_ways_agree(local: str, domain: str) -> None:
    """Every address is read or refused as the library does it, and refused for the same reason."""
    typed = f"{local}@{domain}"
    text = unicodedata.normalize("NFKC", typed).strip()
    try:
        found = validate_email(text, check_deliverability=False, strict=True)
        expected = f"{found.local_part}@{found.ascii_domain}"
    except EmailNotValidError as error:
        expected = str(error).rstrip(".")
    for _ in range(2):  # the second time the domain is known
        try:
            read = parse(typed).mailbox
        except InvalidAddress as error:
            read = error.reason
            if read == "it begins with a hyphen" or read.startswith("it is longer than 254"):
                return  # our own rules
        assert read == expected
