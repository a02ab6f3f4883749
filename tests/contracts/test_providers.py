"""What every provider promises; each promise is held by all of them."""

import json
import logging

import pytest

from newsletter.mail import Content, HandedOver, Outcome, Verdict
from tests.contracts.conftest import Way
from tests.mails import EDITION, SUBJECT, a_mail, link, never
from tests.sendgrid_stand_in import KEY


class TestProvider:
    def test_each_delivery_gets_its_own_outcome(self, way: Way) -> None:
        """Outcomes are matched by delivery id, whatever the order and however editions mix."""
        other = Content("Other", "<p>Other @@unsubscribe_url@@</p>", "Other @@unsubscribe_url@@")
        mails = [a_mail(number, content=(EDITION, other)[number % 2]) for number in (5, 2, 9, 4, 7)]
        outcomes = way.provider.hand_over(mails, never).outcomes
        assert set(outcomes) == {5, 2, 9, 4, 7}
        assert {outcome.verdict for outcome in outcomes.values()} == {Verdict.ACCEPTED}
        assert all(outcome.message_id for outcome in outcomes.values())
        arrived = {received.delivery_id: received for received in way.received()}
        assert set(arrived) == {5, 2, 9, 4, 7}
        assert {number: received.to for number, received in arrived.items()} == {
            number: f"reader{number}@inbox.example" for number in (5, 2, 9, 4, 7)
        }
        assert arrived[5].subject == "Other"
        assert arrived[4].subject == SUBJECT

    def test_nothing_to_do_is_done(self, way: Way) -> None:
        """An empty batch has no outcomes and no error."""
        assert way.provider.hand_over([], never) == HandedOver({})

    def test_enough_is_enough(self, way: Way) -> None:
        """When it is enough before the first mail nothing is offered, and nobody is to blame."""
        assert way.provider.hand_over([a_mail(1), a_mail(2)], lambda: True) == HandedOver({})
        assert way.received() == []

    @pytest.mark.parametrize("place", [0, 3, 6])
    def test_bad_recipient_harms_no_neighbour(self, way: Way, place: int) -> None:
        """Wherever in a batch it stands, a bad recipient is refused with a reason, alone."""
        mails = [a_mail(number) for number in range(7)]
        mails[place] = a_mail(place, to=way.bad_recipient)
        outcomes = way.provider.hand_over(mails, never).outcomes
        assert outcomes[place].verdict is Verdict.REFUSED
        assert outcomes[place].reason
        assert {n for n, o in outcomes.items() if o.verdict is Verdict.ACCEPTED} == set(range(7)) - {place}
        assert {received.delivery_id for received in way.received()} == set(range(7)) - {place}

    def test_poisoned_mail_harms_no_neighbour(self, way: Way) -> None:
        """A mail that cannot be put on the wire at all is refused by name; the others leave."""
        evil = a_mail(2, headers=(*a_mail(2).headers, ("X-Evil", "a\r\nBcc: x@evil.example")))
        unfilled = a_mail(3, slots={})
        outcomes = way.provider.hand_over([a_mail(1), evil, unfilled, a_mail(4)], never).outcomes
        assert outcomes[2] == Outcome(Verdict.REFUSED, "header X-Evil: its value is not one line of ASCII")
        assert outcomes[3] == Outcome(Verdict.REFUSED, "no value for slot unsubscribe_url")
        assert {received.delivery_id for received in way.received()} == {1, 4}

    def test_one_click_unsubscribe_is_offered(self, way: Way) -> None:
        """List-Unsubscribe and List-Unsubscribe-Post arrive exactly as given (RFC 8058 §3.1)."""
        way.provider.hand_over([a_mail(1), a_mail(2)], never)
        for received in way.received():
            assert received.headers["List-Unsubscribe"] == f"<{link(received.delivery_id)}>"
            assert received.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
            assert received.headers["List-Id"] == "Race to AGI Daily <daily.racetoagi.example>"

    def test_everything_arrives_as_it_was_written(self, way: Way) -> None:
        """Emoji, right-to-left, CJK, lines longer than mail allows, dots and blanks at line ends."""
        mail = a_mail(1)
        way.provider.hand_over([mail], never)
        (received,) = way.received()
        assert Content(received.subject, received.html, received.text) == mail.content.fill(mail.slots)

    def test_nobody_sees_another_reader(self, way: Way) -> None:
        """Nothing that one reader receives names another: no address, no link."""
        way.provider.hand_over([a_mail(number) for number in (1, 2, 3)], never)
        assert len(way.received()) == 3
        for received in way.received():
            for other in {1, 2, 3} - {received.delivery_id}:
                assert f"reader{other}@" not in received.whole
                assert f"unsubscribe/{other}." not in received.html + received.text + json.dumps(
                    received.headers
                )

    def test_one_address_twice_in_a_batch(self, way: Way) -> None:
        """Two deliveries to one mailbox, spelled differently, are two mails."""
        mails = [a_mail(1, to="ann@inbox.example"), a_mail(2, to="Ann@inbox.example"), a_mail(3)]
        outcomes = way.provider.hand_over(mails, never).outcomes
        assert {outcome.verdict for outcome in outcomes.values()} == {Verdict.ACCEPTED}
        assert sorted(received.delivery_id for received in way.received()) == [1, 2, 3]

    def test_batches_are_bounded(self, way: Way) -> None:
        """A full batch is taken; one mail more is a programming fault and nothing leaves."""
        short = Content("s", "<p>@@unsubscribe_url@@</p>", "t")
        mails = [a_mail(number, content=short) for number in range(way.provider.max_batch + 1)]
        with pytest.raises(ValueError, match="at most"):
            way.provider.hand_over(mails, never)
        assert way.received() == []
        outcomes = way.provider.hand_over(mails[:-1], never).outcomes
        assert {outcome.verdict for outcome in outcomes.values()} == {Verdict.ACCEPTED}
        assert len(way.received()) == way.provider.max_batch

    def test_a_delivery_stands_once_in_a_batch(self, way: Way) -> None:
        """The same delivery twice in one call is a programming fault and nothing leaves."""
        with pytest.raises(ValueError, match="twice"):
            way.provider.hand_over([a_mail(1), a_mail(1)], never)
        assert way.received() == []

    def test_nothing_secret_is_told(self, way: Way, caplog: pytest.LogCaptureFixture) -> None:
        """No address, link or key in logs at any level, in outcomes, or in how the provider shows itself."""
        caplog.set_level(logging.DEBUG)
        mails = [a_mail(1), a_mail(2, to=way.bad_recipient), a_mail(3, slots={"unsubscribe_url": "<secret>"})]
        outcomes = way.provider.hand_over(mails, never).outcomes
        told = repr(way.provider) + str(way.provider) + caplog.text + repr(outcomes)
        for secret in ("inbox.example", "unsubscribe/1", "<secret>", KEY):
            assert secret not in told

    def test_check_sends_nothing(self, way: Way) -> None:
        """A check says in one line that mail would be taken, and sends none."""
        line = way.provider.check()
        assert line
        assert "\n" not in line
        assert way.received() == []
