"""From what waits for readers to mails in the outbox: one mail a reader, the same mail once, nothing lost."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from newsletter import alerting, tasks
from newsletter.alerts import looking, mailing
from newsletter.alerts.pieces import mail_of
from newsletter.composition import Claimed
from newsletter.content import Company, Impact
from newsletter.dispatch import gates
from newsletter.dispatch.unknown import repeat_by_policy
from newsletter.editions import hash_of
from newsletter.mail import Sender
from newsletter.models import Alert, Delivery, Edition, Story
from newsletter.models.delivery import DeliveryState
from newsletter.replay import replay, replay_alert
from newsletter.store.engine import reading, writing
from newsletter.wiring import Services
from subscribers import consent
from subscribers.alert_choices import AlertChoices, InQuiet
from subscribers.alert_models import Watch
from subscribers.alert_rule import AlertRule
from subscribers.consent import Channel
from subscribers.models import Subscriber
from tests.alerted import MINUTE, NOON, breaks, fates, hold, leave, mails
from tests.builders import a_story

OTHER = a_story("A chip is recalled", companies=(Company("Chip House"),), outlets=3, impact=Impact.NEUTRAL)


def test_who_shares_a_mail_shares_one_edition(services: Services) -> None:
    """A story is mailed once to each reader of its rule; equal mails are one edition, to the byte."""
    readers = [hold(services, f"reader{n}@inbox.example") for n in range(3)]
    narrower = hold(services, "other@inbox.example", AlertRule.of({"companies": ["Sample Lab"]}))
    stranger = hold(services, "stranger@inbox.example", AlertRule.of({"companies": ["Nobody"]}))
    assert breaks(services, a_story("Sample Lab trains a model"))["mails"] == 4
    assert breaks(services, at=NOON + MINUTE) == {}
    assert [mail.subscriber_id for mail in mails(services)] == [*readers, narrower]
    assert not fates(services, stranger)
    with reading(services.engine) as session:
        shared, own = session.scalars(select(Edition).order_by(Edition.readers.desc())).all()
        assert (shared.readers, own.readers, shared.issue_id) == (3, 1, None)
        for edition in (shared, own):
            content = mail_of(session, edition).content
            assert hash_of(content) == edition.content_hash
            assert content.subject == "Alert: Sample Lab trains a model"
            assert replay(session, edition).is_equal
        [alert] = session.scalars(select(Alert))
        assert [one.edition.id for one in replay_alert(session, alert)] == [shared.id, own.id]
    assert leave(services) == {DeliveryState.ACCEPTED: 4}


def test_others_write_between_the_portions_of_a_large_alert(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first mails can leave while the last are made: on SQLite nobody else could write before."""
    for number in range(3):
        hold(services, f"reader{number}@inbox.example")
    made: list[int] = []
    monkeypatch.setattr(mailing, "PORTION", 1)
    monkeypatch.setattr(alerting, "give_way", lambda _: made.append(len(mails(services))))
    breaks(services, a_story("Sample Lab trains a model"))
    assert made == [1, 2, 3]


def test_a_mail_says_why_and_leads_to_its_end(services: Services) -> None:
    """What leaves names the rule with its facts, and has links to narrow, pause and stop it, and to leave."""
    reader = hold(services, "reader@inbox.example")
    breaks(services, a_story("Sample Lab trains a model"))
    [row] = mails(services)
    claimed = Claimed(
        row.id, 1, row.kind, False, row.occasion_id, row.newsletter, row.edition_id, "r@inbox.example",
        "public", row.expires_at,
    )  # fmt: skip
    mail = services.composer.mail(claimed)
    content = mail.content.fill(mail.slots)
    with reading(services.engine) as session:
        rule_id = session.scalars(select(Watch.rule_id).where(Watch.subscriber_id == reader)).one()
    link = f"{mail.slots['alerts_url']}/rules/{rule_id}"
    for part in (content.html, content.text):
        assert "Your alert: Sample Lab, once 2 outlets report it" in part
        assert "about Sample Lab" in part
        assert "@@" not in part
        assert link in part
        assert mail.slots["unsubscribe_url"] in part
    assert f"{link}#pause" in content.html
    assert dict(mail.headers)["List-Unsubscribe"] == f"<{mail.slots['unsubscribe_url']}>"
    assert dict(mail.headers)["Message-ID"].startswith(f"<alert.{row.edition_id}.")


def test_what_breaks_together_is_one_mail(services: Services) -> None:
    """Stories that are due for a reader at one moment are one mail; its subject says how many."""
    reader = hold(services, "reader@inbox.example", AlertRule())
    done = breaks(services, a_story("Sample Lab trains a model", outlets=5), OTHER)
    assert (done["mails"], done["mailed"]) == (1, 2)
    with reading(services.engine) as session:
        assert session.scalars(select(Edition.subject)).one() == "Alert: Sample Lab trains a model (+1)"
    assert len(fates(services, reader)) == 2


def test_rest_begins_when_the_mail_leaves(services: Services) -> None:
    """What comes up while a mail waits in the outbox waits with it, and no pile leaves with it; a company
    rests from the moment at which its readers hear of it."""
    chips = a_story("Chips", companies=(Company("Chip Works"),))
    more = a_story("More", companies=(Company("Sample Lab"),))
    reader = hold(services, "ann@inbox.example", AlertRule.of({"companies": ["Sample Lab", "Chip Works"]}))
    breaks(services, a_story("Lab"))
    breaks(services, chips, at=NOON + 60 * MINUTE)
    assert [fate.state for fate in fates(services, reader)] == ["mailed", "waiting"]
    leave(services, NOON + 70 * MINUTE)
    breaks(services, at=NOON + 80 * MINUTE)
    assert len(mails(services)) == 1
    breaks(services, at=NOON + 90 * MINUTE)
    assert len(mails(services)) == 2
    breaks(services, more, at=NOON + 200 * MINUTE)
    assert fates(services, reader)[-1].state == "folded"
    assert fates(services, reader)[-1].reason == "an alert about Sample Lab came less than 3 hours ago"


def test_quiet_is_kept_in_the_outbox_too(services: Services) -> None:
    """In quiet an alert waits; a mail that could not leave before its reader's quiet does not leave in it."""
    late = NOON + timedelta(hours=9, minutes=50)
    reader = hold(services, "reader@inbox.example", AlertRule())
    breaks(services, OTHER, at=late)
    [mail] = mails(services)
    assert mail.expires_at == NOON + timedelta(hours=10)
    assert leave(services, late + 11 * MINUTE) == {DeliveryState.EXPIRED: 1}
    breaks(services, a_story("Sample Lab trains a model"), at=late + 12 * MINUTE)
    first, second = fates(services, reader)
    assert first.state == "folded"
    assert (second.state, second.due_at) == ("waiting", NOON + timedelta(hours=19))
    assert len(mails(services)) == 1


def test_the_highest_impact_may_come_in_quiet(services: Services) -> None:
    """Who lets only the highest impact through gets just that at night, as long as it is news."""
    choices = AlertChoices(in_quiet=InQuiet.HIGHEST)
    hold(services, "reader@inbox.example", AlertRule(), choices=choices)
    night = NOON + timedelta(hours=11)
    breaks(services, a_story("Sample Lab trains a model"), OTHER, at=night)
    [mail] = mails(services)
    assert mail.expires_at == night + timedelta(hours=24)
    assert leave(services, night) == {DeliveryState.ACCEPTED: 1}


def test_an_alert_that_cannot_be_told_any_more_is_dropped(services: Services) -> None:
    """Who left the alerts, or stopped the rule, while an alert waited for the morning hears nothing."""
    left, stopped = (hold(services, f"{name}@inbox.example") for name in ("left", "stopped"))
    night, morning = NOON + timedelta(hours=11), NOON + timedelta(hours=20)
    breaks(services, a_story("Sample Lab trains a model"), at=night)
    with writing(services.engine) as session:
        public_id = session.get_one(Subscriber, left).public_id
        consent.unsubscribe(session, public_id, "alerts", channel=Channel.LINK, wording="Bye", now=night)
        for watch in session.scalars(select(Watch).where(Watch.subscriber_id == stopped)):
            session.delete(watch)
    assert dict(tasks.alert(services, morning)) == {"dropped": 2}
    assert [fates(services, reader)[0].reason for reader in (left, stopped)] == [
        "unsubscribed",
        "its alert was stopped or paused",
    ]
    assert not mails(services)


def test_a_lost_mail_is_repeated_once_as_long_as_it_is_news(services: Services) -> None:
    """An alert in doubt is handed over once more after a quarter of an hour, and never beyond its end."""
    hold(services, "reader@inbox.example")
    breaks(services, a_story("Sample Lab trains a model"))
    [mail] = mails(services)
    for expires_at, state in ((NOON + 15 * MINUTE, "unknown"), (mail.expires_at, "accepted")):
        with writing(services.engine) as session:
            doubt = update(Delivery).values(state="unknown", settled_at=NOON, expires_at=expires_at)
            session.execute(doubt)
        with writing(services.engine) as session:
            repeat_by_policy(session, now=NOON + 16 * MINUTE)
        leave(services, NOON + 16 * MINUTE)
        [now] = mails(services)
        assert (now.state, now.expires_at) == (state, expires_at)


def test_a_story_that_brings_out_a_fault_harms_no_other(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A story that cannot be looked at is passed over; those beside it are told."""
    hold(services, "reader@inbox.example", AlertRule())
    whole = looking.news_of

    def breaking(session: object, revisions: dict[int, int]) -> object:
        news = whole(session, revisions)  # type: ignore[arg-type]
        if any(one.content.title == "Poison" for one in news.values()):
            raise ZeroDivisionError
        return news

    monkeypatch.setattr(looking, "news_of", breaking)
    assert breaks(services, a_story("Poison"), OTHER)["mails"] == 1
    with reading(services.engine) as session:
        assert session.scalars(select(Story.watched)).all() == [1, 1]


def test_a_template_that_fails_holds_up_only_its_alert(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alert that cannot be rendered waits a minute with the reason, and leaves once that is mended."""
    hold(services, "reader@inbox.example")
    whole = type(services.renderer).alert_shell

    def failing(*_: object, **__: object) -> None:
        raise ValueError("no such colour")

    monkeypatch.setattr(type(services.renderer), "alert_shell", failing)
    reader = hold(services, "other@inbox.example")
    assert breaks(services, a_story("Sample Lab trains a model")) == {}
    [fate] = fates(services, reader)
    assert (fate.due_at, fate.reason) == (NOON + MINUTE, "cannot be rendered: no such colour")
    monkeypatch.setattr(type(services.renderer), "alert_shell", whole)
    assert tasks.alert(services, NOON + MINUTE)["mails"] == 2


def test_alerts_have_a_sender_of_their_own(services: Services) -> None:
    """With ALERT_FROM its mails leave under it, by its own way: closed, it holds up no letter or digest."""
    settings = services.settings.model_copy(update={"alert_from": Sender("Alerts", "now@alerts.example")})
    own = replace(services, settings=settings)
    hold(own, "reader@inbox.example")
    breaks(own, a_story("Sample Lab trains a model"))
    with writing(own.engine) as session:
        gates.close(session, "sender:alerts.example", "too fast", wait=timedelta(hours=1))
    assert leave(own) == {}
    assert leave(services) == {DeliveryState.ACCEPTED: 1}
