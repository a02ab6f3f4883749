"""DKIM signatures, with dkimpy as the judge."""

import base64
import re
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from newsletter.mail import Content, Mail, Misconfigured
from newsletter.providers.dkim import DkimKey, Signer, _relaxed_header, read_keys, relaxed_body
from newsletter.providers.mime import compose, compose_for_smtp
from tests.dkim_keys import ed25519_pem, pem, rsa_pem
from tests.mails import a_mail

DATE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
KEYS = read_keys("r2026, e2026", rsa_pem() + ed25519_pem())
#: of 512 bits: good for nothing but being refused
SHORT_RSA = """\
-----BEGIN PRIVATE KEY-----
MIIBVAIBADANBgkqhkiG9w0BAQEFAASCAT4wggE6AgEAAkEAoqFWbBafpKz2HEjh
N4pJLmah6lMXvPBHFocXqtHuW8MMvF3cLVpMK8gOrPapHgWw1TO/7kym6Um7EauG
LrlnTQIDAQABAkAtNUA658cVFeeMUU4aDFzvgyQ7aUHOCdUZFBCmMZla9Fn0gddX
rcSAmB/RjTBoyr0Vf3h09t425agsAsEL8PfBAiEA1+s/WC9PkiuSJ1V59l5toUXM
D+GxAWAjUZP5VYpXffUCIQDA0b2H0j16373WV+T+NUcYPbLd4YF+RxRFGdRLIm3U
+QIgE2pG3uIaMJWUZc8M0Xd6OicxizgLF4mSg3Jf2C5BYcUCIHNUQFffwVQgRWzS
D66Y8VgndzfNbOW53/7gzyDNjAIJAiEAmzCezdHxdgafWWzyBu7QH+pch2F/xL3q
/nhTeBfPFKk=
-----END PRIVATE KEY-----
"""
BLANKS = "  two  blanks \t and tabs\t\n\n.dot\n \nends with empty lines\n\n\n"
MAILS = [
    a_mail(),
    a_mail(content=Content("Short", "<p>@@unsubscribe_url@@</p>", f"{BLANKS}@@unsubscribe_url@@{BLANKS}")),
    a_mail(content=Content("A subject that is folded " * 9, f"<p>{BLANKS}</p>", BLANKS)),
]


def signed(mail: Mail, keys: tuple[DkimKey, ...] = KEYS) -> bytes:
    """The mail as it stands in the mailbox: dots taken out again."""
    raw = b"".join(compose_for_smtp(mail, date=DATE, signer=Signer(keys)))
    assert raw.endswith(b"\r\n.\r\n")
    return raw[:-3].replace(b"\r\n..", b"\r\n.")


def dns(name: bytes, timeout: int = 5) -> bytes:
    for key in KEYS:
        if name.decode() == f"{key.selector}._domainkey.racetoagi.example.":
            public = base64.b64encode(key.public()).decode()
            return f"v=DKIM1; k={key.kind}; p={public}".encode()
    raise AssertionError(f"asked for {name!r}")


def verifies(raw: bytes) -> list[bool]:
    """For each signature, from the top, whether it holds."""
    judge = dkim.DKIM(raw)
    found = len(re.findall(rb"^DKIM-Signature:", raw, re.MULTILINE))

    def holds(number: int) -> bool:
        try:
            return bool(judge.verify(idx=number, dnsfunc=dns))
        except dkim.DKIMException:
            return False

    return [holds(number) for number in range(found)]


@pytest.mark.parametrize("mail", MAILS)
def test_both_signatures_hold(mail: Mail) -> None:
    """Whatever blanks, dots and folded lines a mail has, its RSA and its Ed25519 signature hold in the
    mailbox, and all but the signatures is the mail as it was."""
    raw = signed(mail)
    assert verifies(raw) == [True, True]
    assert raw.endswith(compose(mail, date=DATE))
    head = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert max(len(line) for line in head if not line.startswith(b"List-")) <= 78


@pytest.mark.parametrize(
    ("written", "forged"),
    [
        (b"List-Unsubscribe-Post: List-Unsubscribe=One-Click", b"List-Unsubscribe-Post: List-Unsubscribe=No"),
        (b"\r\nList-Unsubscribe: <https://news", b"\r\nList-Unsubscribe: <https://evil"),
        (b"\r\nFrom: ", b"\r\nFrom: <x@evil.example>\r\nFrom: "),
        (b"\r\nSubject: ", b"\r\nSubject: Another\r\nSubject: "),
        (b"\r\nTo: reader1@", b"\r\nTo: reader2@"),
        (b"\r\nTo: ", b"\r\nReply-To: x@evil.example\r\nTo: "),
        (b"\r\nTo: ", b"\r\nCc: x@evil.example\r\nTo: "),
        (b"\r\nTo: ", b"\r\nList-Unsubscribe: <https://evil.example>\r\nTo: "),
        (b"\r\nDate: Mon", b"\r\nDate: Tue"),
        (b"\r\nMessage-ID: <delivery", b"\r\nMessage-ID: <another"),
        (b"\r\nList-Id: Race", b"\r\nList-Id: Pace"),
        (b'boundary="=_alternative"', b'boundary="=_other"'),
        (b"\r\nMIME-Version: 1.0", b"\r\nMIME-Version: 2.0"),
        (b"From the desk", b"From the task"),
    ],
)
def test_nothing_can_be_changed_or_added(written: bytes, forged: bytes) -> None:
    """Whoever changes a header or the body, the headers of one-click among them (RFC 8058 §4), or adds
    a second header that a mail program would show or act on, breaks both signatures."""
    raw = signed(a_mail())
    assert raw.count(written) == 1
    assert verifies(raw.replace(written, forged)) == [False, False]


def test_whoever_adds_what_mail_collects_on_its_way_breaks_nothing() -> None:
    """Servers put Received and their own remarks on top; what we say of blanks does not matter."""
    raw = b"Received: from a by b; Mon, 23 Nov 2026 07:00:01 +0000\r\nX-Spam: no\r\n" + signed(a_mail())
    assert verifies(raw.replace(b"\r\nTo: ", b"\r\nto:   ")) == [True, True]


def test_signature_names_what_mailboxes_ask_for() -> None:
    """`d=` is the sender's domain, `h=` names every header that we write, From twice."""
    raw = signed(a_mail(headers=(*a_mail().headers, ("Feedback-ID", "1:daily:digest:racetoagi"))))
    head = raw[: raw.index(b"From: ")].decode()
    assert head.count("d=racetoagi.example;") == 2
    names = re.sub(r"\s", "", head.partition("\th=")[2].partition(";")[0]).split(":")
    assert names.count("from") == 2
    assert set(names) >= {
        *("from", "to", "subject", "date", "message-id", "mime-version", "content-type", "feedback-id"),
        *("list-unsubscribe", "list-unsubscribe-post", "list-id"),
    }


def test_a_new_key_can_replace_an_old_one() -> None:
    """While both selectors stand in DNS each mail carries both signatures; without a key it has none."""
    assert re.findall(rb"a=([\w-]+); s=(\w+);", signed(a_mail())) == [
        (b"rsa-sha256", b"r2026"),
        (b"ed25519-sha256", b"e2026"),
    ]
    assert b"".join(compose_for_smtp(a_mail(), date=DATE)).startswith(b"From: ")


def test_relaxed_as_the_rfc_has_it() -> None:
    """The example of RFC 6376 §3.4.5."""
    assert _relaxed_header(b"A: X") == b"a:X"
    assert _relaxed_header(b"B : Y\t Z  ") == b"b:Y Z"
    assert relaxed_body(b" C \r\nD \t E\r\n") == b" C\r\nD E\r\n"


@pytest.mark.parametrize(
    ("selectors", "keys", "remedy"),
    [
        ("one,two", rsa_pem(), "one selector for each key"),
        ("", rsa_pem(), "one selector for each key"),
        ("one", "no key", "one selector for each key"),
        ("one", rsa_pem().replace("MII", "NII", 1), "the key of one cannot be read"),
        ("o ne", rsa_pem(), "cannot stand in a domain name"),
        ("one", pem(generate_private_key(SECP256R1())), "neither RSA nor Ed25519"),
        ("one", SHORT_RSA, "512 bits"),
    ],
)
def test_keys_that_sign_nothing(selectors: str, keys: str, remedy: str) -> None:
    """What no mailbox would count is refused with what to mend, and no key is shown."""
    with pytest.raises(Misconfigured, match=remedy) as caught:
        read_keys(selectors, keys)
    assert "MII" not in str(caught.value)


def test_nothing_set_is_no_key() -> None:
    """Without selector and key nothing is signed; a key does not show itself."""
    assert read_keys("", "") == ()
    assert "BEGIN" not in repr(KEYS)
    assert repr(KEYS[0]) == "DkimKey(selector='r2026')"
