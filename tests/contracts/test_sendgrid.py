"""What the API may answer, and what becomes of the mails; and how readers are put into requests."""

from datetime import UTC, datetime, timedelta

import pytest

from newsletter.mail import Content, Halted, HandedOver, Mail, Misconfigured, Outcome, Sender, Verdict
from newsletter.providers.sendgrid import SendGridProvider
from tests.contracts.conftest import BAD, PATIENCE
from tests.mails import EDITION, a_mail, never
from tests.sendgrid_stand_in import KEY, Answer, SendGridStandIn, error, sendgrid_api

TAKEN, REFUSED, UNKNOWN = Verdict.ACCEPTED, Verdict.REFUSED, Verdict.UNKNOWN
NOT_OFFERED = None
OTHER = Content("Other", "<p>@@unsubscribe_url@@</p>", "@@unsubscribe_url@@")
SEVEN = datetime(2026, 11, 23, 7, tzinfo=UTC)
#: longer than the provider waits
LOST = 2 * PATIENCE.total_seconds()


def two_editions() -> list[Mail]:
    """Two requests: deliveries 1 and 3, then 2 and 4."""
    return [a_mail(number, content=(OTHER, EDITION)[number % 2]) for number in (1, 2, 3, 4)]


def verdicts(handed: HandedOver, *numbers: int) -> list[Verdict | None]:
    return [
        handed.outcomes[number].verdict if number in handed.outcomes else NOT_OFFERED for number in numbers
    ]


class TestRequests:
    def test_readers_of_one_edition_share_a_request(
        self, sendgrid: SendGridStandIn, sendgrid_provider: SendGridProvider
    ) -> None:
        """Equal sender and content travel together, in order; each reader apart."""
        sendgrid_provider.hand_over(
            [*two_editions(), a_mail(5, sender=Sender("", "alert@racetoagi.example"))], never
        )
        ids = [
            [one["custom_args"]["delivery_id"] for one in body["personalizations"]] for body in sendgrid.taken
        ]
        assert ids == [["1", "3"], ["2", "4"], ["5"]]
        assert sendgrid.taken[0]["from"] == {"email": "digest@racetoagi.example", "name": "Race to AGI"}
        assert sendgrid.taken[2]["from"] == {"email": "alert@racetoagi.example"}

    def test_one_address_stands_once_in_a_request(
        self, sendgrid: SendGridStandIn, sendgrid_provider: SendGridProvider
    ) -> None:
        """Two spellings of an address, which the API would refuse with the whole request, go apart."""
        mails = [a_mail(1, to="Ann@inbox.example"), a_mail(2, to="ann@inbox.example"), a_mail(3)]
        assert verdicts(sendgrid_provider.hand_over(mails, never), 1, 2, 3) == [TAKEN] * 3
        assert [len(body["personalizations"]) for body in sendgrid.taken] == [2, 1]
        assert sendgrid.requests == 2

    def test_a_thousand_readers_are_one_request(
        self, sendgrid: SendGridStandIn, sendgrid_provider: SendGridProvider
    ) -> None:
        """A full call of one edition is one request: the edition travels once."""
        handed = sendgrid_provider.hand_over([a_mail(number) for number in range(1000)], never)
        assert len(handed.outcomes) == 1000
        assert sendgrid.requests == 1

    def test_only_the_delivery_is_told_beside_the_mail(
        self, sendgrid: SendGridStandIn, sendgrid_provider: SendGridProvider
    ) -> None:
        """The custom argument, which SendGrid keeps for long, holds our delivery id and nothing else."""
        sendgrid_provider.hand_over([a_mail(1), a_mail(22)], never)
        (body,) = sendgrid.taken
        told = [one["custom_args"] for one in body["personalizations"]]
        assert told == [{"delivery_id": "1"}, {"delivery_id": "22"}]
        assert body.keys() == {"from", "subject", "content", "tracking_settings", "personalizations"}

    def test_what_json_and_headers_would_misread(
        self, sendgrid: SendGridStandIn, sendgrid_provider: SendGridProvider
    ) -> None:
        """Quotes and backslashes in an address's neighbours, a header and a name arrive as they are."""
        odd = r'"Race" \to {AGI}'
        sender = Sender(odd, "digest@racetoagi.example")
        headers = (*a_mail(1).headers, ("X-Odd", odd))
        mail = a_mail(1, sender=sender, to="o'neil{}/%$@inbox.example", headers=headers)
        assert verdicts(sendgrid_provider.hand_over([mail], never), 1) == [TAKEN]
        assert sendgrid.taken[0]["from"]["name"] == odd
        assert sendgrid.taken[0]["personalizations"][0]["headers"]["X-Odd"] == odd
        assert sendgrid.received[0].to == "o'neil{}/%$@inbox.example"

    def test_nobody_is_tracked(self, sendgrid: SendGridStandIn, sendgrid_provider: SendGridProvider) -> None:
        """Clicks and opens are not tracked, and unsubscribing is left to our own links."""
        sendgrid_provider.hand_over([a_mail(1)], never)
        tracking = sendgrid.taken[0]["tracking_settings"]
        assert tracking == {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
        }

    def test_message_id_is_left_to_the_api(
        self, sendgrid: SendGridStandIn, sendgrid_provider: SendGridProvider
    ) -> None:
        """We do not set a Message-ID, and remember under which id the API knows the mail."""
        outcome = sendgrid_provider.hand_over([a_mail(1)], never).outcomes[1]
        assert outcome.message_id == "sg-1"
        assert "Message-ID" not in sendgrid.taken[0]["personalizations"][0]["headers"]


class TestOutcomes:
    @pytest.mark.parametrize(
        ("answer", "first", "second"),
        [
            (Answer(429, error("too many requests")), NOT_OFFERED, NOT_OFFERED),
            (Answer(503, error("unavailable")), NOT_OFFERED, NOT_OFFERED),
            (Answer(503, b"<html>a proxy's page</html>"), UNKNOWN, NOT_OFFERED),
            (Answer(500, error("oops")), UNKNOWN, NOT_OFFERED),
            (Answer(503, b"[" * 100_000), UNKNOWN, NOT_OFFERED),
            (Answer(302, headers={"Location": "http://127.0.0.1:9/"}), UNKNOWN, NOT_OFFERED),
            (Answer(502), UNKNOWN, NOT_OFFERED),
            (Answer(504), UNKNOWN, NOT_OFFERED),
            (Answer(200), UNKNOWN, NOT_OFFERED),
            (Answer(None), UNKNOWN, NOT_OFFERED),
            (Answer(202, seconds_of_silence=LOST), UNKNOWN, NOT_OFFERED),
        ],
    )
    def test_trouble_with_the_api(
        self,
        sendgrid: SendGridStandIn,
        sendgrid_provider: SendGridProvider,
        answer: Answer,
        first: Verdict | None,
        second: Verdict | None,
    ) -> None:
        """A clear no is not taken; silence and answers that prove nothing are unknown; whatever was
        not yet offered waits."""
        sendgrid.next_answers.append(answer)
        handed = sendgrid_provider.hand_over(two_editions(), never)
        assert verdicts(handed, 1, 2, 3, 4) == [first, second, first, second]
        assert sendgrid.requests == 1
        assert all(outcome.reason for outcome in handed.outcomes.values())
        assert handed.halted is not None

    def test_nobody_listens(self, unused_tcp_port: int) -> None:
        """An API that cannot be reached has taken nothing; a check tells."""
        provider = SendGridProvider(KEY, host=f"http://127.0.0.1:{unused_tcp_port}", timeout=PATIENCE)
        assert verdicts(provider.hand_over(two_editions(), never), 1, 2, 3, 4) == [NOT_OFFERED] * 4
        with pytest.raises(Misconfigured):
            provider.check()

    @pytest.mark.parametrize(
        ("headers", "wait"),
        [
            ({"Retry-After": "17"}, timedelta(seconds=17)),
            ({"Retry-After": "Mon, 23 Nov 2026 07:01:00 GMT"}, timedelta(seconds=60)),
            ({"Retry-After": "Mon, 23 Nov 2026 06:00:00 GMT"}, timedelta(0)),
            ({"Retry-After": "soon"}, None),
            ({"Retry-After": "9" * 30}, None),
            ({"Retry-After": "99999999"}, timedelta(days=1)),
            ({"Retry-After": "17", "X-RateLimit-Reset": "1"}, timedelta(seconds=17)),
            (
                {"X-RateLimit-Reset": str(int(datetime(2026, 11, 23, 7, 2, tzinfo=UTC).timestamp()))},
                timedelta(minutes=2),
            ),
            ({"X-RateLimit-Reset": "9" * 30}, None),
            ({}, None),
        ],
    )
    def test_the_wait_is_passed_on(
        self, sendgrid: SendGridStandIn, headers: dict[str, str], wait: timedelta | None
    ) -> None:
        """How long the API asks us to wait is told, so that one gate closes for everybody."""
        provider = SendGridProvider(KEY, host=sendgrid.url, clock=lambda: SEVEN)
        sendgrid.next_answers.append(Answer(429, error("too many requests"), headers))
        handed = provider.hand_over(two_editions(), never)
        assert handed.outcomes == {}
        assert handed.halted == Halted("429 too many requests", wait)

    @pytest.mark.parametrize("status", [401, 403, 404, 405, 406, 415])
    def test_api_that_does_not_know_us(
        self, sendgrid: SendGridStandIn, sendgrid_provider: SendGridProvider, status: int
    ) -> None:
        """A wrong key or URL stops the line, and the message says what to mend without the key."""
        sendgrid.next_answers.append(Answer(status, error(f"not you: {KEY}")))
        with pytest.raises(Misconfigured, match="SENDGRID_API_KEY") as caught:
            sendgrid_provider.hand_over(two_editions(), never)
        assert str(status) in str(caught.value)
        assert KEY not in repr(caught.value) + repr(caught.value.__cause__)

    def test_what_was_taken_is_not_lost_when_the_line_stops(
        self, sendgrid: SendGridStandIn, sendgrid_provider: SendGridProvider
    ) -> None:
        """A key that is revoked in the middle of a batch does not hide what was accepted before."""
        sendgrid.next_answers.extend([Answer(202), Answer(401, error("revoked"))])
        handed = sendgrid_provider.hand_over(two_editions(), never)
        assert verdicts(handed, 1, 2, 3, 4) == [TAKEN, NOT_OFFERED, TAKEN, NOT_OFFERED]
        assert handed.halted is not None

    def test_culprits_are_found_by_halving(
        self, sendgrid: SendGridStandIn, sendgrid_provider: SendGridProvider
    ) -> None:
        """A refused request is split until each culprit stands alone; all others are taken, once."""
        mails = [a_mail(number) for number in range(64)]
        mails[17] = a_mail(17, to=BAD)
        outcomes = dict(sendgrid_provider.hand_over(mails, never).outcomes)
        assert outcomes.pop(17) == Outcome(REFUSED, "400 Does not contain a valid address: (address)")
        assert {outcome.verdict for outcome in outcomes.values()} == {TAKEN}
        assert sorted(received.delivery_id for received in sendgrid.received) == sorted(outcomes)
        assert sendgrid.requests == 13

    def test_too_large_requests_are_split(
        self, sendgrid: SendGridStandIn, sendgrid_provider: SendGridProvider
    ) -> None:
        """413 is answered by smaller requests; a mail that is too large alone is refused."""
        sendgrid.most_bytes = 3_000
        mails = [a_mail(number, content=OTHER) for number in range(8)]
        huge = a_mail(9, content=Content("Huge", "x" * 3_000, "x"))
        outcomes = dict(sendgrid_provider.hand_over([*mails, huge], never).outcomes)
        assert outcomes.pop(9).verdict is REFUSED
        assert {outcome.verdict for outcome in outcomes.values()} == {TAKEN}
        assert len(sendgrid.taken) > 1

    def test_redirects_are_not_followed(
        self, sendgrid: SendGridStandIn, sendgrid_provider: SendGridProvider
    ) -> None:
        """Our key goes nowhere else, and an answer from elsewhere is none about our mails."""
        with sendgrid_api() as elsewhere:
            sendgrid.next_answers.append(Answer(302, headers={"Location": f"{elsewhere.url}/v3/scopes"}))
            handed = sendgrid_provider.hand_over([a_mail(1)], never)
            assert verdicts(handed, 1) == [UNKNOWN]
            assert elsewhere.asked == 0

    def test_enough_is_asked_between_requests(
        self, sendgrid: SendGridStandIn, sendgrid_provider: SendGridProvider
    ) -> None:
        """Once it is enough no further request is made; the rest was not offered, and nobody halts."""
        handed = sendgrid_provider.hand_over(two_editions(), lambda: sendgrid.requests == 1)
        assert verdicts(handed, 1, 2, 3, 4) == [TAKEN, NOT_OFFERED, TAKEN, NOT_OFFERED]
        assert handed.halted is None

    def test_splitting_is_bounded(
        self, sendgrid: SendGridStandIn, sendgrid_provider: SendGridProvider
    ) -> None:
        """Where everybody is refused a call ends after some requests; each call gets further, until
        everybody has an outcome."""
        mails = [a_mail(number, content=OTHER) for number in range(300)]
        sendgrid.refused.update(mail.to for mail in mails)
        left, calls = mails, 0
        while left:
            before = sendgrid.requests
            handed = sendgrid_provider.hand_over(left, never)
            assert handed.outcomes
            assert handed.halted is None
            assert sendgrid.requests - before <= 200
            assert {outcome.verdict for outcome in handed.outcomes.values()} == {REFUSED}
            left = [mail for mail in left if mail.delivery_id not in handed.outcomes]
            calls += 1
        assert calls > 1


class TestSettings:
    def test_key_without_the_right_to_send(
        self, sendgrid: SendGridStandIn, sendgrid_provider: SendGridProvider
    ) -> None:
        """A check asks what the key may do."""
        sendgrid.scopes = ["mail.batch.read"]
        with pytest.raises(Misconfigured, match="may not send"):
            sendgrid_provider.check()

    def test_wrong_key(self, sendgrid: SendGridStandIn) -> None:
        """A wrong key is told by a check and by sending alike."""
        provider = SendGridProvider("SG.wrong", host=sendgrid.url)
        with pytest.raises(Misconfigured, match="401"):
            provider.check()
        with pytest.raises(Misconfigured, match="401"):
            provider.hand_over([a_mail(1)], never)

    @pytest.mark.parametrize(
        ("key", "host"),
        [
            (f"{KEY}\n", "https://x.example"),
            (KEY, "api.sendgrid.com"),
            (KEY, "https://api..example"),
            (KEY, "https://x.example:port"),
        ],
    )
    def test_settings_that_cannot_be_meant(self, key: str, host: str) -> None:
        """A key with a line end, or a URL without a scheme, is told at once and not shown."""
        with pytest.raises(Misconfigured, match="SENDGRID_API_") as caught:
            SendGridProvider(key, host=host)
        assert KEY not in str(caught.value)
