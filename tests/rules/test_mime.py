"""The bytes of a mail."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsletter.mail import Content, Mail, Sender
from newsletter.providers.checks import Unfit
from newsletter.providers.mime import compose, compose_for_smtp
from tests.mails import EDITION, SUBJECT, a_mail, link, read_message

DATE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
#: any text that has no slot by accident; a line ends with \n, as in our templates
PROSE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="@\r"), min_size=1)
#: what a person may write on one line; blanks only between words, as everyone's mail program shows it
ONE_LINE = (
    st.lists(st.text(st.characters(categories=["L", "M", "N", "P", "S"]), min_size=1), min_size=1)
    .map(" ".join)
    .filter(lambda text: "@" not in text)
)


def lines(mail: Mail) -> list[bytes]:
    return compose(mail, date=DATE).split(b"\r\n")


@settings(max_examples=150)
@given(before=PROSE, between=PROSE, after=PROSE)
def test_bodies_arrive_as_they_were_written(before: str, between: str, after: str) -> None:
    """Whatever the letters, and wherever in them the slots stand, a reader gets exactly the filled
    text and html, and no line of the body is longer than 76."""
    part = f"x{before}@@unsubscribe_url@@{between}@@unsubscribe_url@@{after}"
    mail = a_mail(content=Content("Subject", part, part))
    received = read_message(compose(mail, date=DATE))
    filled = mail.content.fill(mail.slots)
    assert received.html == filled.html
    assert received.text == filled.text
    body = compose(mail, date=DATE).partition(b"\r\n\r\n")[2]
    assert max(map(len, body.split(b"\r\n"))) <= 76


@pytest.mark.parametrize("letter", ["x", "ü", "\N{ROCKET}", " ", "=", "."])
def test_body_lines_are_short_wherever_a_slot_stands(letter: str) -> None:
    """A slot may stand at any column without a line growing over 76 (RFC 2045 §6.7)."""
    for length in range(90):
        part = f"{letter * length}@@unsubscribe_url@@{letter * length}."
        mail = a_mail(content=Content("Subject", part, part))
        message = compose(mail, date=DATE)
        assert read_message(message).html == mail.content.fill(mail.slots).html
        assert max(map(len, message.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 76


def test_line_ends_are_made_one() -> None:
    """However a template ends its lines, the mail has CRLF only: no bare CR or LF (RFC 5322 §2.3)."""
    raw = compose(a_mail(content=Content("Subject", "a\r\nb\rc\nd", "a\r\nb\rc\nd")), date=DATE)
    assert read_message(raw).html == read_message(raw).text == "a\nb\nc\nd"
    assert raw.count(b"a\r\nb\r\nc\r\nd\r\n") == 2


@settings(max_examples=150)
@example("=?utf-8?q?not_ours?= and a question")
@example("word" * 30)
@given(subject=ONE_LINE)
def test_subjects_arrive_as_they_were_written(subject: str) -> None:
    """Any subject, in any script and of any length, is read back letter by letter; its lines are folded."""
    mail = a_mail(content=Content(subject, "<p>x</p>", "x"))
    assert read_message(compose(mail, date=DATE)).subject == subject
    assert max(len(line) for line in lines(mail) if not line.startswith(b"List-")) <= 78


@pytest.mark.parametrize(
    "name",
    [
        "Race to AGI",
        'The "Race", to AGI.',
        "Rennen zur künstlichen Intelligenz" * 4,
        "競争",
        "=?utf-8?q?x?=",
    ],
)
def test_sender_names_arrive_as_they_were_written(name: str) -> None:
    """A display name with quotes, commas or letters outside ASCII is read back as it was."""
    mail = a_mail(sender=Sender(name, "digest@racetoagi.example"))
    header = str(make_header(decode_header(message_from_bytes(compose(mail, date=DATE))["From"])))
    assert parseaddr(header) == (name, "digest@racetoagi.example")


def test_no_name_is_just_the_address() -> None:
    """A sender without a name stands as the bare address in angle brackets."""
    assert b"From: <digest@racetoagi.example>" in lines(a_mail(sender=Sender("", "digest@racetoagi.example")))


def test_given_headers_stand_on_one_line_untouched() -> None:
    """List-Unsubscribe and its kin are neither folded nor encoded, however long: one-click would be
    lost without anyone noticing (RFC 8058 §3.1)."""
    found = lines(a_mail())
    assert len(link(1)) > 100
    assert f"List-Unsubscribe: <{link(1)}>".encode() in found
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in found
    assert b"List-Id: Race to AGI Daily <daily.racetoagi.example>" in found


def test_message_is_whole_and_in_order() -> None:
    """Each header that RFC 5322 demands is there once, text comes before html, lines end in CRLF, and
    all of it is ASCII."""
    raw = compose(a_mail(), date=DATE)
    raw.decode("ascii")
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")
    for name in (b"From", b"To", b"Subject", b"Date", b"Message-ID", b"MIME-Version"):
        assert raw.count(b"\r\n" + name + b": ") + raw.startswith(name) == 1
    assert b"\r\nDate: Mon, 23 Nov 2026 07:00:00 +0000\r\n" in raw
    assert raw.index(b"text/plain") < raw.index(b"text/html")
    assert raw.endswith(b"--\r\n")


def test_slots_in_the_subject_are_filled() -> None:
    """A subject may have slots too."""
    mail = a_mail(content=Content("For @@who@@", "<p>x</p>", "x"), slots={"who": "investors"})
    assert read_message(compose(mail, date=DATE)).subject == "For investors"


def test_nothing_of_one_reader_reaches_the_next() -> None:
    """Bodies are encoded once for all readers, and still each has only their own link."""
    first, second = (compose(a_mail(number), date=DATE) for number in (1, 2))
    assert b"reader1" not in second
    assert read_message(first).html == EDITION.fill(a_mail(1).slots).html
    assert read_message(second).html == EDITION.fill(a_mail(2).slots).html


@pytest.mark.parametrize(
    "evil", ["\r\nBcc: x@evil.example", "\n", "\r", "\0", "\x1f", "\x7f", "ü", "\N{LINE SEPARATOR}"]
)
def test_header_that_is_not_one_ascii_line_is_refused(evil: str) -> None:
    """No header value can begin another header or leave ASCII; the error names the header and does
    not show the value."""
    mail = a_mail(headers=(*a_mail().headers, ("Feedback-ID", f"secret{evil}")))
    with pytest.raises(ValueError, match="Feedback-ID") as caught:
        compose(mail, date=DATE)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sender": Sender("Race\r\nBcc: x@evil.example", "digest@racetoagi.example")}, "sender's name"),
        ({"sender": Sender("Race", "digest@racetoagi.example\r\n")}, "sender's address"),
        ({"return_path": "bounce@racetoagi.example> SIZE=1"}, "return path"),
        ({"to": "reader@inbox.example, other@inbox.example"}, "recipient's address"),
        ({"to": "reader@inbox.example>\r\nRCPT TO:<x@evil.example"}, "recipient's address"),
        ({"to": "reader@bücher.example"}, "recipient's address"),
        ({"to": "reader"}, "recipient's address"),
        ({"content": Content("a\nb", "h", "t")}, "subject"),
        ({"content": Content("", "h", "t")}, "subject"),
        ({"content": Content("s", " ", "t")}, "html"),
        ({"content": Content("s", "h", "\ud800")}, "text"),
        ({"content": Content("s", "@@name@@", "t")}, "name"),
        ({"slots": {"unsubscribe_url": '"><script>'}}, "unsubscribe_url"),
        ({"headers": ()}, "Message-ID"),
        ({"headers": (*a_mail().headers, ("list-id", "twice"))}, "list-id"),
        ({"headers": (*a_mail().headers, ("Subject", "another"))}, "Subject"),
        ({"headers": (*a_mail().headers, ("Content-Type", "text/html"))}, "Content-Type"),
        ({"headers": (*a_mail().headers, ("Bad Name", "x"))}, "Bad Name"),
        ({"headers": (*a_mail().headers, ("X-Long", "x" * 998))}, "X-Long"),
    ],
)
def test_unfit_mail_is_named(changes: dict[str, Any], named: str) -> None:
    """What would be changed, cut or misread on its way is refused before it leaves, by the name of
    the part and without its value."""
    with pytest.raises(Unfit, match=named) as caught:
        compose(a_mail(**changes), date=DATE)
    assert "inbox.example" not in str(caught.value)
    assert "evil" not in str(caught.value)


def test_long_plain_subject_is_folded_at_spaces() -> None:
    """An ASCII subject stays readable in the raw mail: folded, not encoded."""
    subject = "One more very long and perfectly plain subject line that " * 3 + "ends"
    raw = compose(a_mail(content=Content(subject, "<p>x</p>", "x")), date=DATE)
    assert b"=?" not in raw.partition(b"\r\n\r\n")[0]
    assert read_message(raw).subject == subject
    assert SUBJECT in read_message(compose(a_mail(), date=DATE)).subject


@settings(max_examples=150)
@given(before=PROSE, between=PROSE, value=st.sampled_from([".", "..", "a.b", "." * 100, link(1)]))
def test_no_line_of_a_mail_ends_it(before: str, between: str, value: str) -> None:
    """On its way through SMTP every dot that begins a line is doubled, wherever text and slots put it,
    and nothing else changes (RFC 5321 §4.5.2); only the end is a dot alone."""
    part = f"{before}\n.\n.{between}\n@@unsubscribe_url@@\n..@@unsubscribe_url@@."
    mail = a_mail(content=Content("Subject", part, part), slots={"unsubscribe_url": value})
    *found, dot, end = b"".join(compose_for_smtp(mail, date=DATE)).split(b"\r\n")
    assert (dot, end) == (b".", b"")
    assert all(line.startswith(b"..") for line in found if line.startswith(b"."))
    undone = [line.removeprefix(b".") for line in found]
    assert b"\r\n".join([*undone, b""]) == compose(mail, date=DATE)
