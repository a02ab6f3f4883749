"""Mails made to harm their reader: each costs little time, raises nothing and tells nothing of our mails."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.return_path import ReturnPaths
from newsletter.returns.opening import LARGEST
from newsletter.returns.telling import hear
from tests.returned import BASE, PATHS, a_complaint, a_letter, a_mail_of_ours, a_report, failed

NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)
#: seconds; most take a hundredth of it
PATIENCE = 10.0
HEAD = b"From: MAILER-DAEMON@mx.example\r\nSubject: failure notice\r\n"
MULTI = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
TEXT = HEAD + b"Content-Type: text/plain; charset="
NESTED = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000)
)


def times(text: bytes) -> bytes:
    """As often as a mail may hold it."""
    return text * (LARGEST // len(text))


BOMBS = {
    "10,000 parts": MULTI + b"--b\r\n\r\nx\r\n" * 10_000 + b"--b--\r\n",
    "10,000 returned mails": MULTI
    + b"--b\r\nContent-Type: message/rfc822\r\n\r\nTo: x\r\n\r\nx\r\n" * 10_000,
    "parts in parts": HEAD + NESTED,
    "parts in as many parts as are read": HEAD + NESTED[: NESTED.index(b"boundary=b20")] + times(b"x\r\n"),
    "mails in mails": HEAD + times(b"Content-Type: message/rfc822\r\n\r\n"),
    "a header line without end": HEAD + b"X: " + times(b"a"),
    "header lines without end": HEAD + times(b"X: a\r\n"),
    "parameters without end": HEAD + b"Content-Type: text/plain" + times(b';"a'),
    "parameters on many lines": HEAD + b"Content-Type: text/plain" + times(b' ;"a\r\n'),
    "recipients without end": HEAD
    + b"Content-Type: message/delivery-status\r\n\r\n"
    + times(b"Action: failed\r\nStatus: 5.1.1\r\n\r\n"),
    "folded without end": HEAD + b"Content-Type: message/delivery-status\r\n\r\nStatus: 5" + times(b"\r\n "),
    "encoded words": b"Subject: " + times(b"=?utf-8?q?a?= "),
    "a charset of no text": TEXT + b"zlib\r\n\r\n\xff",
    "a charset of no letters": TEXT + b'"a\0b"\r\n\r\n\xff',
    "a charset in three parts": HEAD + b"Content-Type: text/plain; charset*=''%00%ff\r\n\r\n\xff",
    "a slow charset": TEXT + b"punycode\r\n\r\n" + times(b"a-") + b"\xff",
    "broken base64": HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n" + times(b"====!!"),
    "broken uuencode": HEAD
    + b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 666 x\r\n"
    + times(b"\xff"),
    "a date in brackets": HEAD + b"Date: " + b"(" * 100_000 + b"\r\n\r\nx",
    "NUL": HEAD + b"\r\n" + times(b"\0"),
    "all octets": times(bytes(range(256))),
    "nothing": b"",
}
#: each is where an expression that is not careful takes hours
WORDS = (
    *(
        "<",
        " ",
        "\n",
        "-",
        "-\n",
        "5",
        "5.1.1",
        "5.1.1 ",
        "user ",
        "sender ",
        "host domain site ",
        "exceeded",
    ),
    *("user does ", "unknown ", "deliver", "mail ", "bounces+", f"bounces+{'a' * 40}@racetoagi.example "),
    *("Action: failed\n", " \t", "5.", "550 ", "original message ", "boundary ", "doesn't have a x "),
)


def tells_nothing_of_ours(raw: bytes) -> None:
    began = time.perf_counter()
    assert hear(raw, PATHS, now=NOW).told is None
    assert time.perf_counter() - began < PATIENCE


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_do_no_harm(name: str) -> None:
    """What costs a parser minutes or makes it stumble is read in no time, or not at all."""
    tells_nothing_of_ours(BOMBS[name])


@pytest.mark.parametrize("word", WORDS)
def test_repetitions_do_no_harm(word: str) -> None:
    """No expression takes more than its time over a mail that repeats what it looks for."""
    tells_nothing_of_ours(HEAD + b"\r\n" + times(word.encode()))
    tells_nothing_of_ours(b"Subject: " + times(word.replace("\n", " ").encode()) + b"\r\n\r\nx")


@given(st.binary(max_size=300), st.integers(0, 800), st.integers(0, 800))
def test_broken_reports_do_no_harm(noise: bytes, start: int, end: int) -> None:
    """A report from which a piece was torn, and into which noise came, is read without an error."""
    whole = a_report(failed("5.1.1", "550 5.1.1 no such user"), to=PATHS.make(17))
    hear(whole[:start] + noise + whole[end:], PATHS, now=NOW)


FORGED = f"bounces+{'0' * 25}@racetoagi.example"
THEIRS = ReturnPaths(BASE, ["the-key-of-somebody-else-0123456789"])


@pytest.mark.parametrize(
    "raw",
    [
        a_report(failed("5.1.1"), returned="From: digest@racetoagi.example\nTo: victim@inbox.example\n"),
        a_report(failed("5.1.1"), returned="Message-ID: <digest.1.public-id@racetoagi.example>\n"),
        a_report(failed("5.1.1"), to=FORGED, returned=f"Return-Path: <{FORGED}>\n"),
        a_report(failed("5.1.1"), to=THEIRS.make(17), returned=a_mail_of_ours(paths=THEIRS)),
        a_complaint(returned="To: victim@inbox.example\n", fields=f"Original-Mail-From: <{FORGED}>"),
    ],
)
def test_who_forges_a_report_silences_nobody(raw: bytes) -> None:
    """Without a return path that we signed a report is about no mail of ours, whatever it says."""
    heard = hear(raw, PATHS, sent_to=BASE, now=NOW)
    assert heard.kind is not None
    assert heard.told is None


@pytest.mark.parametrize(
    ("raw", "sent_to"),
    [
        (a_report(failed("5.1.1"), returned="Subject: nothing else\n"), PATHS.make(17)),
        (a_report(failed("5.1.1"), returned="Subject: nothing else\n"), PATHS.make(17).upper()),
        (a_report(failed("5.1.1"), returned=""), ""),
        (a_report(failed("5.1.1")), BASE),
        (a_report(failed("5.1.1"), to="postmaster@racetoagi.example"), ""),
        (a_complaint(), BASE),
        (a_complaint(returned="", fields=f"Original-Mail-From: <{PATHS.make(17)}>"), BASE),
        (a_complaint(returned=f"CFBL-Feedback-ID: {PATHS.token(17)}\n"), BASE),
        (
            a_letter(f"no such user\n\n--- Below this line is a copy.\n\nReturn-Path: <{PATHS.make(17)}>"),
            BASE,
        ),
    ],
)
def test_a_signed_return_path_says_which_mail_it_is(raw: bytes, sent_to: str) -> None:
    """In the envelope, in the folder's own lines, or in the mail that is returned."""
    if not sent_to and b"To: bounces@" in raw:
        raw = b"Delivered-To: " + PATHS.make(17).encode() + b"\n" + raw
    told = hear(raw, PATHS, sent_to=sent_to, now=NOW).told
    assert told
    assert told.delivery_id == 17


def test_the_envelope_counts_before_what_is_written() -> None:
    """A report to the return path of one mail is about that mail, whatever it returns."""
    told = hear(a_report(failed("5.1.1")), PATHS, sent_to=PATHS.make(3), now=NOW).told
    assert told
    assert told.delivery_id == 3


def test_one_mail_is_told_once() -> None:
    """The same mail has the same key; another, or one about another delivery, has its own."""

    def key(raw: bytes, delivery_id: int) -> str:
        told = hear(raw, PATHS, sent_to=PATHS.make(delivery_id), now=NOW).told
        assert told
        assert len(told.key) <= 200
        return told.key

    one, other = a_report(failed("5.1.1")), a_report(failed("5.1.2"))
    assert key(one, 3) == key(one, 3)
    assert len({key(one, 3), key(other, 3), key(one, 4)}) == 3
