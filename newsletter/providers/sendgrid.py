"""The SendGrid provider: mails of equal content travel in one request of the v3 Mail Send API.

Each reader is a personalization with a recipient, headers and slot values of their own. Our
delivery id travels as a custom argument and comes back in every event.
"""

import json
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

from python_http_client.exceptions import HTTPError  # type: ignore[import-untyped]
from sendgrid import SendGridAPIClient  # type: ignore[import-untyped]

from newsletter.mail import Content, Mail, Misconfigured, Outcome, Sender, Verdict
from newsletter.providers.batch import Batch, Halt
from newsletter.providers.checks import check, slot_names
from newsletter.providers.dates import Clock, utc_now
from newsletter.providers.words import keep

#: links stay what an editor approved; a click or an open is nobody's business
_TRACKING = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
}


class SendGridProvider:
    """Hands mails to the API at `host`; `timeout` bounds each single wait for it."""

    name = "sendgrid"
    #: the API would take 1,000, but as many become unknown when an answer is lost
    max_batch = 200

    def __init__(
        self,
        api_key: str,
        *,
        host: str = "https://api.sendgrid.com",
        timeout: timedelta = timedelta(seconds=60),
        clock: Clock = utc_now,
    ) -> None:
        if not (api_key.isascii() and api_key.isprintable()) or " " in api_key:
            raise Misconfigured("SENDGRID_API_KEY holds characters that no key has: copy it again")
        if not _is_web_address(host):
            raise Misconfigured("SENDGRID_API_URL cannot be read: write it as https://api.sendgrid.com")
        # the client writes whole requests into its debug log, key and addresses among them
        logging.getLogger("python_http_client").setLevel(logging.WARNING)
        self._client = SendGridAPIClient(api_key, host=host.rstrip("/")).client
        self._client.timeout = timeout.total_seconds()
        self._api_key = api_key
        self._host = host
        self._clock = clock

    def hand_over(self, mails: Sequence[Mail]) -> Mapping[int, Outcome]:
        return Batch(mails, self.max_batch).run(self._hand_over)

    def check(self) -> str:
        try:
            scopes = json.loads(self._client.scopes.get().body)["scopes"]
        except HTTPError as answer:
            raise self._misconfigured(self._words(answer.status_code, answer.body)) from None
        except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
            raise self._misconfigured(keep(str(error))) from None
        if "mail.send" not in scopes:
            raise self._misconfigured("the key may not send mail")
        return f"{self._host} takes mail"

    def _hand_over(self, batch: Batch) -> None:
        requests = deque(_grouped([mail for mail, _ in batch.prepare(check)]))
        while requests:
            request = requests.popleft()
            outcome = self._post(request)
            if outcome.verdict is Verdict.REFUSED and len(request) > 1:
                half = len(request) // 2
                requests.extendleft((request[half:], request[:half]))
                continue
            for mail in request:
                batch.settle(mail, outcome)
            if outcome.verdict is Verdict.UNKNOWN:
                raise Halt("not offered, since the request before it was not answered")

    def _post(self, request: Sequence[Mail]) -> Outcome:
        """What became of `request` as a whole: accepted, refused or unknown.

        Raises Halt if it was not taken, Misconfigured if none would be.
        """
        try:
            answer = self._client.mail.send.post(request_body=_body(request))
            return self._outcome(answer.status_code, answer.headers, answer.body)
        except HTTPError as answer:
            return self._outcome(answer.status_code, answer.headers, answer.body)
        except URLError as error:
            # urllib raises it only while connecting and writing: the request never was complete
            raise Halt(f"{self._host} cannot be reached: {keep(str(error.reason))}") from error
        except (OSError, HTTPException) as error:
            return Outcome(Verdict.UNKNOWN, keep(f"no answer to the complete request: {error}"))

    def _outcome(self, status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
        words = self._words(status, body)
        if status == 202:
            return Outcome(Verdict.ACCEPTED, message_id=headers.get("X-Message-Id"))
        if status in (400, 413):
            return Outcome(Verdict.REFUSED, words)
        if status == 429 or (status == 503 and _errors(body)):
            raise Halt(words, self._wait(headers))
        if status in (401, 403, 404, 405, 406, 415):
            raise self._misconfigured(words)
        return Outcome(Verdict.UNKNOWN, words)

    def _wait(self, headers: Mapping[str, str]) -> timedelta | None:
        """How long we are asked to wait: `Retry-After` (RFC 9110 §10.2.3), else the rate limit's reset."""
        now = self._clock()
        after, reset = headers.get("Retry-After", ""), headers.get("X-RateLimit-Reset", "")
        if after.isdigit():
            return timedelta(seconds=int(after))
        try:
            until = parsedate_to_datetime(after) if after else datetime.fromtimestamp(int(reset), UTC)
            return max(until - now, timedelta(0))
        except (ValueError, TypeError, OverflowError):
            return None

    def _words(self, status: int, body: bytes) -> str:
        said = _errors(body) or body.decode("utf-8", "replace")
        return keep(f"{status} {said}".replace(self._api_key, "(key)"))

    def _misconfigured(self, words: str) -> Misconfigured:
        return Misconfigured(
            f"{self._host} does not take our mail: {words}. Check SENDGRID_API_KEY, that it may send "
            "mail, and that MAIL_FROM is a verified sender"
        )


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")
        return parts.scheme in ("http", "https") and parts.port != 0 and host != b""
    except ValueError:
        return False


def _grouped(mails: Sequence[Mail]) -> list[list[Mail]]:
    """Requests of equal sender and content, in order; in none of them an address twice.

    SendGrid refuses a whole request with two spellings of one address.
    """
    groups: dict[tuple[Sender, Content], list[dict[str, Mail]]] = {}
    for mail in mails:
        requests = groups.setdefault((mail.sender, mail.content), [])
        address = mail.to.casefold()
        free = next((request for request in requests if address not in request), None)
        if free is None:
            free = {}
            requests.append(free)
        free[address] = mail
    return [list(request.values()) for requests in groups.values() for request in requests]


def _body(request: Sequence[Mail]) -> dict[str, Any]:
    sender, content = request[0].sender, request[0].content
    return {
        "from": {"email": sender.address} | ({"name": sender.name} if sender.name else {}),
        "subject": content.subject,
        "content": [
            {"type": "text/plain", "value": content.text},
            {"type": "text/html", "value": content.html},
        ],
        "personalizations": [_personalization(mail) for mail in request],
        "tracking_settings": _TRACKING,
    }


def _personalization(mail: Mail) -> dict[str, Any]:
    return {
        "to": [{"email": mail.to}],
        # SendGrid writes a Message-ID of its own
        "headers": {name: value for name, value in mail.headers if name.lower() != "message-id"},
        "custom_args": {"delivery_id": str(mail.delivery_id)},
        "substitutions": {f"@@{name}@@": mail.slots[name] for name in sorted(slot_names(mail.content))},
    }


def _errors(body: bytes) -> str:
    """What the API says in an error of its own; nothing if the answer is not one (a proxy's page)."""
    try:
        errors = json.loads(body)["errors"]
        return "; ".join(str(error["message"]) for error in errors)
    except (ValueError, LookupError, TypeError):
        return ""
