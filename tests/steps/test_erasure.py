"""Erasure: the person goes, the counts stay, and nobody but they themselves brings them back."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from newsletter import erasure as whole
from newsletter import outbox
from newsletter.mail import Content, Mail, Sender
from newsletter.models import Delivery
from newsletter.models.delivery import DeliveryState
from newsletter.providers.folder import FolderProvider
from newsletter.store.engine import reading, writing
from subscribers import consent, roster, suppression
from subscribers.address import Address, parse
from subscribers.consent import Attested, Channel
from subscribers.dossier import receipts
from subscribers.erasure import erase
from subscribers.fingerprints import Fingerprints
from subscribers.lens import Lens
from subscribers.models import MutedStory, Subscriber, Suppression, SuppressionReason, Tag
from subscribers.rhythm import Rhythm
from tests.people import FINGERPRINTS, NOW, bring_to, fresh_address, known, subscriber

LATER = NOW + timedelta(days=2)
BY_HAND, BOUNCED, COMPLAINED, ERASED = suppression.WEAKEST_FIRST


def forget(session: Session, address: Address) -> bool:
    return erase(session, address, channel=Channel.LINK, fingerprints=FINGERPRINTS, now=LATER)


def come_in(session: Session, address: Address) -> Attested:
    return consent.attest(
        session,
        address,
        ["daily"],
        source="a file",
        channel=Channel.IMPORT,
        fingerprints=FINGERPRINTS,
        now=LATER,
    )


def ask(session: Session, address: Address, channel: Channel) -> consent.Asked | None:
    return consent.request(
        session, address, ["daily"], channel=channel, wording="Yes", fingerprints=FINGERPRINTS, now=LATER
    )


def test_nothing_of_the_person_is_left(engine: Engine) -> None:
    """Address, name, choices, tags and mutes go, subscriptions end, and old links lead to nobody."""
    address = fresh_address()
    with writing(engine) as session:
        person = subscriber(
            session,
            address,
            "daily",
            "weekly",
            name="Ann Lee",
            lens=Lens.of(companies=["Sample Lab"]),
            rhythm=Rhythm("Europe/Paris", 21),
        )
        person.country = "FR"
        number, link = person.id, person.public_id
        session.add_all(
            [Tag(subscriber_id=number, name="vip"), MutedStory(subscriber_id=number, story_id=1, at=NOW)]
        )
        session.flush()
        assert forget(session, address)
    with reading(engine) as session:
        assert roster.find(session, address.mailbox) is None
        assert roster.by_public_id(session, link) is None
        left = session.get_one(Subscriber, number)
        assert (left.name, left.country, left.lens, left.rhythm) == (None, None, Lens(), Rhythm())
        assert left.erased_at == LATER
        assert not any(part in left.email for part in address.mailbox.split("@"))
        assert {held.state for held in left.subscriptions} == {"unsubscribed"}
        assert not session.scalars(select(Tag)).all()
        assert not session.scalars(select(MutedStory)).all()
        assert list(roster.readers(session, "daily", now=LATER)) == []


def test_the_ledger_keeps_what_was_done(engine: Engine) -> None:
    """Acts, times, ways, newsletters and versions stay; words and IPs, which may name somebody, go."""
    address = fresh_address()
    with writing(engine) as session:
        bring_to(session, address, None)
        asked = consent.request(
            session,
            address,
            ["daily"],
            channel=Channel.FORM,
            wording="Send it to Ann Lee",
            ip="192.0.2.7",
            fingerprints=FINGERPRINTS,
            now=NOW,
        )
        assert asked
        person = known(session, address)
        [before] = receipts(session, person)
        forget(session, address)
    with reading(engine) as session:
        first, last = receipts(session, session.get_one(Subscriber, asked.subscriber_id))
    assert (first.wording, first.ip) == ("", None)
    assert (first.act, first.at, first.newsletters, first.channel, first.version) == (
        before.act,
        before.at,
        before.newsletters,
        before.channel,
        before.version,
    )
    assert (last.act, last.at, last.wording, last.ip) == ("erased", LATER, "", None)


@pytest.mark.parametrize("reason", [None, *SuppressionReason])
def test_only_a_fingerprint_is_left_among_the_suppressions(
    engine: Engine, reason: SuppressionReason | None
) -> None:
    """An open address is closed as erased; one that was closed keeps its reason, without its note."""
    address = fresh_address()
    with writing(engine) as session:
        subscriber(session, address)
        if reason:
            suppression.suppress(
                session, address, reason, note="Ann Lee, by phone", fingerprints=FINGERPRINTS, now=NOW
            )
        forget(session, address)
    with reading(engine) as session:
        [record] = session.scalars(select(Suppression))
        assert (record.email_key, record.note, record.reason) == (None, None, reason or ERASED)
        assert record.digest == FINGERPRINTS.make(address.key)
        assert suppression.reasons(session, [address.key], FINGERPRINTS) == {address.key: reason or ERASED}


def test_no_file_and_no_operator_brings_them_back(engine: Engine) -> None:
    """An erased address that is imported or typed in is known by its fingerprint, and leaves no trace."""
    address = fresh_address()
    with writing(engine) as session:
        subscriber(session, address)
        forget(session, address)
        assert come_in(session, address) is Attested.KEPT_OUT
        assert ask(session, address, Channel.IMPORT) is ask(session, address, Channel.COMMAND) is None
        assert consent.kept_out_because(session, address, ["daily"], FINGERPRINTS) == "suppressed: erased"
        assert not suppression.suppress(
            session, address, BOUNCED, note="Ann Lee", fingerprints=FINGERPRINTS, now=LATER
        )
        assert roster.find(session, address.mailbox) is None
        assert [record.email_key for record in session.scalars(select(Suppression))] == [None]


@pytest.mark.parametrize("reason", [None, BOUNCED, COMPLAINED])
def test_their_own_wish_brings_them_back(engine: Engine, reason: SuppressionReason | None) -> None:
    """Asked by the form and confirmed from the mailbox, they are a new subscriber, and nobody is closed."""
    address = fresh_address()
    with writing(engine) as session:
        old = subscriber(session, address).id
        if reason:
            suppression.suppress(session, address, reason, fingerprints=FINGERPRINTS, now=NOW)
        forget(session, address)
        asked = ask(session, address, Channel.FORM)
        assert asked
        assert asked.subscriber_id != old
        (open_to_letters,) = roster.recipients(session, [asked.subscriber_id], None, now=LATER).values()
        assert isinstance(open_to_letters, roster.Mailbox)
        assert suppression.why(session, address, FINGERPRINTS)
        done = consent.confirm(
            session,
            known(session, address).public_id,
            ["daily"],
            channel=Channel.LINK,
            wording="Yes",
            fingerprints=FINGERPRINTS,
            now=LATER,
        )
        assert (done.confirmed, done.suppressed) == (("daily",), None)
        assert suppression.why(session, address, FINGERPRINTS) is None
        assert [each.subscriber_id for each in roster.readers(session, "daily", now=LATER)] == [
            asked.subscriber_id
        ]


def test_erasing_is_no_way_around_an_operator(engine: Engine) -> None:
    """Whoever was closed by hand stays closed after they were erased, for the form as well."""
    address = fresh_address()
    with writing(engine) as session:
        subscriber(session, address)
        suppression.suppress(session, address, BY_HAND, fingerprints=FINGERPRINTS, now=NOW)
        forget(session, address)
        assert ask(session, address, Channel.FORM) is None
        assert suppression.lift(session, address, FINGERPRINTS)
        assert ask(session, address, Channel.FORM)


def test_fingerprints_outlive_a_change_of_keys(engine: Engine) -> None:
    """A new key first, the old one after it: who was erased before is still known, and by no other key."""
    address = fresh_address()
    with writing(engine) as session:
        subscriber(session, address)
        forget(session, address)
        rotated = Fingerprints(["a new key", "0123456789abcdef0123456789abcdef"])
        assert suppression.why(session, address, rotated)
        assert suppression.why(session, address, Fingerprints(["a new key"])) is None


def test_erasing_again_finds_nobody(engine: Engine) -> None:
    """Whoever is erased, or was never known, cannot be erased again, and no second line is written."""
    address = fresh_address()
    with writing(engine) as session:
        number = subscriber(session, address).id
        assert forget(session, address)
        assert not forget(session, address)
        assert not forget(session, fresh_address())
        acts = [line.act for line in receipts(session, session.get_one(Subscriber, number))]
        assert acts == ["attested", "erased"]


def test_a_closed_address_without_a_subscriber_is_forgotten(engine: Engine) -> None:
    """An address that stands among the suppressions alone becomes a fingerprint there."""
    address = fresh_address()
    with writing(engine) as session:
        suppression.suppress(session, address, COMPLAINED, fingerprints=FINGERPRINTS, now=NOW)
        assert forget(session, address)
        [record] = session.scalars(select(Suppression))
        assert (record.email_key, record.reason) == (None, COMPLAINED)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (DeliveryState.QUEUED, DeliveryState.WITHHELD),
        (DeliveryState.CLAIMED, DeliveryState.WITHHELD),
        (DeliveryState.SUBMITTING, DeliveryState.SUBMITTING),
        (DeliveryState.ACCEPTED, DeliveryState.ACCEPTED),
    ],
)
def test_mails_not_yet_handed_over_are_withheld(
    engine: Engine, tmp_path: Path, before: DeliveryState, after: DeliveryState
) -> None:
    """What has not left does not leave; what has stays counted as it was."""
    address = fresh_address()
    with writing(engine) as session:
        bring_to(session, address, None)
        asked = ask(session, address, Channel.FORM)
        assert asked
        outbox.queue_confirmation(
            session, subscriber_id=asked.subscriber_id, consent_id=asked.consent_id, now=NOW
        )
        session.scalars(select(Delivery)).one().state = before
        assert whole.erase(
            session,
            address,
            mail_folder=tmp_path,
            channel=Channel.LINK,
            fingerprints=FINGERPRINTS,
            now=LATER,
        )
    with reading(engine) as session:
        delivery = session.scalars(select(Delivery)).one()
        assert delivery.state == after
        assert delivery.reason == ("erased" if before != after else None)


def test_mails_in_the_folder_go_too(tmp_path: Path) -> None:
    """Of the files of the folder provider, those to the address go, in any spelling, and no others."""
    ann, bob = "Ann@bücher.example", "bob@mail.example"
    mails = [
        Mail(
            number,
            Sender("Site", "news@site.example"),
            parse(to).mailbox,
            Content("s", "h", "t"),
            {},
            (("Message-ID", f"<{number}@site.example>"),),
        )
        for number, to in enumerate((ann, bob, ann))
    ]
    FolderProvider(tmp_path).hand_over(mails, lambda: False)
    assert whole.remove_mails(tmp_path, parse("ann@xn--bcher-kva.example")) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["delivery-000000001.eml"]
    assert whole.remove_mails(tmp_path / "none", parse(ann)) == 0
