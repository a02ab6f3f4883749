"""What a mail that came back tells: by its status, by its words, and of most mails nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from newsletter.models.event import EventKind
from newsletter.returns.opening import open_mail
from newsletter.returns.reading import read, sent_at
from newsletter.returns.reasons import reason_of
from tests.returned import a_complaint, a_letter, a_report, failed

HARD, SOFT, BLOCKED = EventKind.HARD_BOUNCE, EventKind.SOFT_BOUNCE, EventKind.BLOCKED
NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)


def kind(raw: bytes) -> EventKind | None:
    mail = open_mail(raw)
    assert mail
    reading = read(mail)
    return reading.kind if reading else None


@pytest.mark.parametrize(
    ("status", "said", "right"),
    [
        # exact status codes (RFC 3463), and the words that go with them
        ("5.1.1", "550 5.1.1 user unknown", HARD),
        ("5.1.1", "", HARD),
        ("5.1.2", "", HARD),
        ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", HARD),
        ("5.2.1", "550 5.2.1 the account is disabled", HARD),
        ("5.2.2", "552 5.2.2 over quota", SOFT),
        ("5.2.3", "552 5.2.3 message too large", SOFT),
        ("5.4.7", "", SOFT),
        ("4.2.2", "", SOFT),
        ("4.1.1", "450 4.1.1 user unknown in virtual alias table", SOFT),
        ("4.7.0", "421 4.7.0 try again, your reputation is low", BLOCKED),
        ("5.7.1", "550 5.7.1 message looks like spam", BLOCKED),
        ("5.7.26", "550 5.7.26 unauthenticated mail is not accepted", BLOCKED),
        ("5.7.13", "525 5.7.13 user account disabled", HARD),
        ("5.1.8", "553 5.1.8 domain of sender address does not exist", BLOCKED),
        ("5.6.0", "550 5.6.0 lone CR or LF", BLOCKED),
        # a general one gives way to the exact one, and to the words
        ("5.0.0", "550 5.1.1 no", HARD),
        ("5.0.0", "550 No such user here", HARD),
        ("5.0.0", "550 The mailbox does not exist", HARD),
        ("5.0.0", "552 mailbox full", SOFT),
        ("5.0.0", "550 Message refused: your IP address is on our block list", BLOCKED),
        ("5.0.0", "550 sender verify failed: no such user", BLOCKED),
        ("5.3.0", "550 Unknown user", HARD),
        ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied", HARD),
        ("5.4.4", "Host or domain name not found", HARD),
        ("4.0.0", "451 no such user, says the greylist", SOFT),
        ("4.4.1", "connection timed out", SOFT),
        ("5.0.0", "550 no", SOFT),
        ("", "", SOFT),
        # words soften a status, and never harden it
        ("5.1.1", "552 5.1.1 mailbox full", SOFT),
        ("5.1.0", "550 5.1.0 listed at Spamhaus", BLOCKED),
        ("5.2.1", "550 5.2.1 the recipient receives mail at a rate that is too high", SOFT),
        ("5.2.2", "552 5.2.2 no such user", SOFT),
        ("5.7.1", "550 5.7.1 user unknown", BLOCKED),
    ],
)
def test_the_kind_of_a_bounce(status: str, said: str, right: EventKind) -> None:
    """Hard, soft or about us: by the status, and by the words where the status says little."""
    assert reason_of(status, said) is right
    assert kind(a_report(failed(status or "5.0.0", said), words="")) is right


@pytest.mark.parametrize(
    ("action", "right"),
    [
        ("delayed", EventKind.DEFERRED),
        ("delivered", EventKind.DELIVERED),
        ("relayed", None),
        ("expanded", None),
    ],
)
def test_what_a_server_did(action: str, right: EventKind | None) -> None:
    """A mail that waits or arrived has not bounced, whatever its status."""
    assert kind(a_report(f"Action: {action.title()}\nStatus: 4.4.1")) is right


def test_of_several_recipients_the_mildest_counts() -> None:
    """A mail that went on to two mailboxes is not refused for good when one of them is only full."""
    assert kind(a_report(failed("5.1.1"), failed("5.2.2"))) is SOFT
    assert kind(a_report(failed("5.1.1"), "Action: delivered\nStatus: 2.1.5")) is EventKind.DELIVERED
    assert kind(a_report(failed("5.1.1"), "Action: relayed\nStatus: 2.1.5")) is HARD


def test_the_words_for_people_tell_where_the_fields_do_not() -> None:
    """Some servers write the cause only where people read it."""
    assert kind(a_report(failed("5.0.0"), words="550 5.7.1 listed in our block list")) is BLOCKED
    assert kind(a_report(failed("5.0.0"), words="The account does not exist.")) is HARD


def test_what_we_wrote_ourselves_is_no_diagnosis() -> None:
    """The returned mail speaks of unknown users and spam; that is the news, and not what became of it."""
    below = (
        "\n\n--- Below this line is a copy of the message.\n\nSubject: user unknown\n\nUnknown user, spam."
    )
    assert kind(a_report(failed("5.0.0"), words="")) is SOFT
    assert kind(a_letter("Your mail could not be delivered." + below)) is SOFT


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ("<ann@inbox.example>:\n550 5.1.1 no such user", HARD),
        ("This user doesn't have an inbox.example account", HARD),
        ("The recipient's mailbox is full.", SOFT),
        ("Connection timed out. I'm not going to try again.", SOFT),
        ("554 Your message was rejected as spam", BLOCKED),
        ("THIS IS A WARNING MESSAGE ONLY. Delivery has been delayed; user unknown.", EventKind.DEFERRED),
        ("Technical report:\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 no", SOFT),
        ("送信先のメールボックスが一杯です", SOFT),
    ],
)
def test_bounces_that_are_no_report(words: str, right: EventKind) -> None:
    """What servers write in their own way is read by its words."""
    assert kind(a_letter(words)) is right


@pytest.mark.parametrize(
    ("what", "right"),
    [
        ("abuse", EventKind.COMPLAINED),
        ("fraud", EventKind.COMPLAINED),
        ("opt-out", EventKind.UNSUBSCRIBED),
        ("not-spam", None),
        ("auth-failure", None),
        ("dmarc", None),
    ],
)
def test_complaints(what: str, right: EventKind | None) -> None:
    """A reader's complaint is one; what providers report of our signatures is not."""
    assert kind(a_complaint(what)) is right


@pytest.mark.parametrize(
    "raw",
    [
        a_letter(
            "Back on Monday. User unknown.",
            subject="Automatic reply: Your digest",
            sender="ann@inbox.example",
        ),
        a_letter(
            "Out of office",
            subject="Re: digest",
            sender="a@b.example",
            headers="Auto-Submitted: auto-replied\n",
        ),
        a_letter("Fort bis Montag", subject="Abwesenheitsnotiz", sender="MAILER-DAEMON@mx.example"),
        a_letter(
            "Thank you for the news about spam filters!", subject="Re: digest", sender="ann@inbox.example"
        ),
        a_letter("", subject="", sender="ann@inbox.example"),
        b"",
        b"no header at all",
    ],
)
def test_what_is_no_report_tells_nothing(raw: bytes) -> None:
    """Automatic replies, people and noise are passed over."""
    assert kind(raw) is None


def test_when_it_happened() -> None:
    """By the report's own date, but never a time to come; now where there is none that can be read."""
    mail = open_mail(a_report(failed("5.1.1")))
    assert mail
    assert sent_at(mail, NOW) == NOW - timedelta(minutes=30)
    assert sent_at(mail, NOW - timedelta(days=1)) == NOW - timedelta(days=1)
    for date in (b"Date: soon\r\n", b"Date: Mon, 99 Jan 99999 99:99:99 +9999\r\n", b""):
        undated = open_mail(date + b"From: MAILER-DAEMON\r\n\r\nno such user")
        assert undated
        assert sent_at(undated, NOW) == NOW


def test_the_reason_begins_where_the_server_speaks() -> None:
    """What is kept of a bounce in plain text is the server's answer, and not the courtesies before it."""
    mail = open_mail(a_letter("Hi. This is the mail system.\nI'm sorry.\n\n550 5.1.1 no such user"))
    assert mail
    reading = read(mail)
    assert reading
    assert reading.reason == "550 5.1.1 no such user"
