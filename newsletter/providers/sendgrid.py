"""The SendGrid provider: mails of equal content travel in one request of the v3 Mail Send API.

A request that never was complete was not taken. Once its last byte has left only the answer tells,
and without one all its mails are unknown. So every request has a connection of its own: one that
was kept, and that the other side closes just then, would make a whole request unknown.
"""

import json
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from http.client import HTTPException
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from python_http_client.client import Client  # type: ignore[import-untyped]
from python_http_client.exceptions import HTTPError  # type: ignore[import-untyped]
from sendgrid import SendGridAPIClient  # type: ignore[import-untyped]

from newsletter.mail import PATIENCE, Enough, HandedOver, Mail, Misconfigured, Outcome, Verdict
from newsletter.providers.batch import Batch, Halt
from newsletter.providers.checks import check
from newsletter.providers.dates import Clock, utc_now
from newsletter.providers.sendgrid_body import body_of, grouped
from newsletter.providers.words import keep

#: so many refused requests are split in one call: ten find a culprit among 1,000, and who is not
#: found by then waits for the next call
_MOST_SPLITS = 100
#: a wait that is longer is a mistake of the other side
_LONGEST_WAIT = timedelta(days=1)


class SendGridProvider:
    """Hands mails to the API at `host`; `timeout` bounds each single wait for it."""

    name = "sendgrid"
    #: what the API takes in one request; as many are in doubt when an answer is lost
    max_batch = 1000

    def __init__(
        self,
        api_key: str,
        *,
        host: str = "https://api.sendgrid.com",
        timeout: timedelta = PATIENCE,
        clock: Clock = utc_now,
    ) -> None:
        if not (api_key.isascii() and api_key.isprintable()) or " " in api_key:
            raise Misconfigured("SENDGRID_API_KEY holds characters that no key has: copy it again")
        if not _is_web_address(host):
            raise Misconfigured("SENDGRID_API_URL cannot be read: write it as https://api.sendgrid.com")
        # the client writes whole requests into its debug log, key and addresses among them
        logging.getLogger("python_http_client").setLevel(logging.WARNING)
        self._api = _Api.of(SendGridAPIClient(api_key, host=host.rstrip("/")).client, timeout)
        self._api_key = api_key
        self._host = host
        self._clock = clock

    def hand_over(self, mails: Sequence[Mail], enough: Enough) -> HandedOver:
        return Batch(mails, self.max_batch, enough).run(self._hand_over)

    def check(self) -> str:
        try:
            scopes = json.loads(self._api.scopes.get().body)["scopes"]
        except HTTPError as answer:
            raise self._misconfigured(self._words(answer.status_code, answer.body)) from None
        except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
            raise self._misconfigured(keep(str(error))) from None
        if "mail.send" not in scopes:
            raise self._misconfigured("the key may not send mail")
        return f"{self._host} takes mail"

    def _hand_over(self, batch: Batch) -> None:
        requests = deque(grouped([mail for mail, _ in batch.prepare(check)]))
        splits = 0
        while requests and splits < _MOST_SPLITS and not batch.enough():
            request = requests.popleft()
            outcome = self._post(request)
            if outcome.verdict is Verdict.REFUSED and len(request) > 1:
                half = len(request) // 2
                requests.extendleft((request[half:], request[:half]))
                splits += 1
                continue
            for mail in request:
                batch.settle(mail, outcome)
            if outcome.verdict is Verdict.UNKNOWN:
                raise Halt(f"no clear answer: {outcome.reason}")

    def _post(self, request: Sequence[Mail]) -> Outcome:
        """What became of `request` as a whole: accepted, refused or unknown.

        Raises Halt if it was not taken, Misconfigured if none would be.
        """
        try:
            answer = self._api.mail.send.post(request_body=body_of(request))
            return self._outcome(answer.status_code, answer.headers, answer.body)
        except HTTPError as answer:
            return self._outcome(answer.status_code, answer.headers, answer.body)
        except URLError as error:
            # urllib raises it only while connecting and writing: the last byte never left
            raise Halt(f"{self._host} got no whole request: {keep(str(error.reason))}") from error
        except (OSError, HTTPException) as error:
            words = keep(str(error)) or type(error).__name__
            return Outcome(Verdict.UNKNOWN, f"no answer to the complete request: {words}")

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
        try:
            if after.isdecimal():
                wait = timedelta(seconds=int(after))
            elif after:
                wait = parsedate_to_datetime(after) - now
            else:
                wait = datetime.fromtimestamp(int(reset), UTC) - now
        except (ValueError, TypeError, OverflowError):
            return None
        return min(max(wait, timedelta(0)), _LONGEST_WAIT)

    def _words(self, status: int, body: bytes) -> str:
        said = _errors(body) or body.decode("utf-8", "replace")
        return keep(f"{status} {said}".replace(self._api_key, "(key)"))

    def _misconfigured(self, words: str) -> Misconfigured:
        return Misconfigured(
            f"{self._host} does not take our mail: {words}. Check SENDGRID_API_KEY, that it may send "
            "mail, and that MAIL_FROM is a verified sender"
        )


class _Api(Client):  # type: ignore[misc]
    """The official client, but it does not follow redirects.

    It would do so with a GET: to anybody, with our key and without the mails; and when nobody is
    there, that would look as if the mails had never left.
    """

    @classmethod
    def of(cls, official: Client, timeout: timedelta) -> "_Api":
        # of a body without a charset in its type the client would make JSON once more
        headers = official.request_headers | {"Content-Type": "application/json; charset=utf-8"}
        return cls(official.host, headers, official._version, timeout=timeout.total_seconds())

    def _build_client(self, name: str) -> "_Api":
        path = [*self._url_path, name]
        return _Api(self.host, self.request_headers, self._version, path, timeout=self.timeout)

    def _make_request(self, _usual: OpenerDirector, request: Request, timeout: float | None = None) -> Any:
        return super()._make_request(_opener(), request, timeout)


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


@cache
def _opener() -> OpenerDirector:
    return build_opener(_Stay)


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")
        return parts.scheme in ("http", "https") and parts.port != 0 and host != b""
    except ValueError:
        return False


def _errors(body: bytes) -> str:
    """What the API says in an error of its own; nothing if the answer is not one (a proxy's page)."""
    try:
        errors = json.loads(body)["errors"]
        return "; ".join(str(error["message"]) for error in errors)
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
