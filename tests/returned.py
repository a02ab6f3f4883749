"""For tests of mails that come back: reports as mail servers write them, about a mail of ours."""

from newsletter.return_path import ReturnPaths
from tests.conftest import SETTINGS

BASE = "bounces@racetoagi.example"
KEY = SETTINGS["SECRET_KEY"]
PATHS = ReturnPaths(BASE, [KEY])


def a_mail_of_ours(delivery_id: int = 17, *, paths: ReturnPaths = PATHS) -> str:
    """The header of a mail as its reader's server has it, return path and all; its words mean no harm."""
    return (
        f"Return-Path: <{paths.make(delivery_id)}>\n"
        "From: Race to AGI <digest@racetoagi.example>\n"
        "To: ann@inbox.example\n"
        "Subject: User unknown, mailbox full, spam: what the labs block\n"
        f"CFBL-Feedback-ID: {paths.token(delivery_id)}\n"
    )


def a_report(
    *recipients: str, returned: str | None = None, words: str = "Sorry.", to: str = BASE, headers: str = ""
) -> bytes:
    """A delivery report (RFC 3464); each of `recipients` is a group of fields."""
    fields = "\n".join(f"Final-Recipient: rfc822; ann@inbox.example\n{group}\n" for group in recipients)
    return f"""\
From: Mail Delivery Subsystem <mailer-daemon@mx.inbox.example>
To: {to}
Subject: Undelivered Mail Returned to Sender
Date: Tue, 20 Oct 2026 11:30:00 +0000
{headers}MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="next"

--next
Content-Type: text/plain; charset=utf-8

{words}
--next
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.inbox.example

{fields}
--next
Content-Type: text/rfc822-headers

{a_mail_of_ours() if returned is None else returned}
--next--
""".encode()


def failed(status: str, said: str = "") -> str:
    """The fields of a recipient that was refused for good."""
    return f"Action: failed\nStatus: {status}" + (f"\nDiagnostic-Code: smtp; {said}" if said else "")


def a_complaint(what: str = "abuse", *, returned: str | None = None, fields: str = "") -> bytes:
    """A complaint (RFC 5965), the recipient taken out (RFC 6590)."""
    return f"""\
From: feedback@inbox.example
To: {BASE}
Subject: FW: The daily digest
Date: Tue, 20 Oct 2026 11:30:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="next"

--next
Content-Type: text/plain

This is an abuse report.
--next
Content-Type: message/feedback-report

Feedback-Type: {what}
User-Agent: Inbox/1.0
Version: 1
{fields}
--next
Content-Type: message/rfc822

{a_mail_of_ours() if returned is None else returned}
No words.
--next--
""".encode()


def a_letter(
    words: str,
    *,
    subject: str = "failure notice",
    sender: str = "MAILER-DAEMON@mx.inbox.example",
    headers: str = "",
) -> bytes:
    """A mail in plain text."""
    head = f"From: {sender}\nTo: {PATHS.make(17)}\nSubject: {subject}\n{headers}"
    return f"{head}Content-Type: text/plain; charset=utf-8\n\n{words}\n".encode()
