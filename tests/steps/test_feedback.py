"""What comes back is kept once, and worked into delivery, suppression and subscription."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select, update

from newsletter.dispatch.settling import mark
from newsletter.feedback.applying import KEPT, forget_old
from newsletter.feedback.readers import WORN_OUT
from newsletter.feedback.told import Told, store
from newsletter.models import Delivery, Event
from newsletter.models.delivery import DeliveryKind, DeliveryState, MailboxState
from newsletter.models.event import EventKind
from newsletter.store.clock import database_now
from newsletter.store.engine import reading, writing
from subscribers import consent, suppression
from subscribers.address import parse
from subscribers.ledger import Channel
from subscribers.models import Act, Consent, Subscriber, Subscription, Suppression
from tests.feedback import NOW, a_delivery, hear, told, work_in
from tests.people import FINGERPRINTS, fresh_address, subscriber

DAY = timedelta(days=1)
ACCEPTED, REFUSED, UNKNOWN = DeliveryState.ACCEPTED, DeliveryState.REFUSED, DeliveryState.UNKNOWN


@pytest.fixture
def reader(engine: Engine) -> Subscriber:
    """Somebody who is confirmed for the daily and the weekly."""
    with writing(engine) as session:
        return subscriber(session, fresh_address(), "daily", "weekly")


def one_mail(engine: Engine, reader: Subscriber, **changes: object) -> int:
    with writing(engine) as session:
        return a_delivery(session, reader.id, **changes)  # type: ignore[arg-type]


def fate(engine: Engine, delivery_id: int) -> tuple[str, str | None]:
    with reading(engine) as session:
        row = session.get_one(Delivery, delivery_id)
        return row.state, row.mailbox


def closed(engine: Engine, reader: Subscriber) -> str | None:
    with reading(engine) as session:
        record = suppression.why(session, parse(reader.email), FINGERPRINTS)
        return record.reason if record else None


def standing(engine: Engine, reader: Subscriber) -> dict[str, str]:
    with reading(engine) as session:
        rows = session.execute(
            select(Subscription.newsletter, Subscription.state).where(Subscription.subscriber_id == reader.id)
        )
        return dict(rows.all())


def test_the_same_key_counts_once(engine: Engine) -> None:
    """An event told twice is kept once, within a batch and over batches; the number new is returned."""
    event = told(EventKind.DELIVERED, 7)
    with writing(engine) as session:
        assert store(session, [event, event, told(EventKind.DEFERRED, 7)], NOW) == 2
        assert store(session, [event], NOW) == 0
        assert store(session, [], NOW) == 0
        assert session.scalar(select(func.count()).select_from(Event)) == 2


def test_no_address_is_kept(engine: Engine) -> None:
    """The mailbox's words are kept without the address in them, on one line, without control letters."""
    words = "550 5.1.1 <ann@inbox.example>:\r\n no \x00such\ud800 mailbox"
    with writing(engine) as session:
        store(session, [told(EventKind.HARD_BOUNCE, 7, reason=words)], NOW)
        assert session.scalars(select(Event.reason)).one() == "550 5.1.1 <(address)>: no such mailbox"


def test_what_concerns_no_delivery_is_kept_without_consequence(engine: Engine) -> None:
    """An event of an unknown delivery, or of none, is kept and done with."""
    hear(engine, told(EventKind.HARD_BOUNCE, 2**62), told(EventKind.COMPLAINED, None))
    with reading(engine) as session:
        assert session.scalars(select(Event.applied_at)).all() == [NOW, NOW]
        assert session.scalars(select(Suppression)).all() == []


def test_evidence_settles_what_was_unknown(engine: Engine, reader: Subscriber) -> None:
    """An unknown mail that the provider tells of was taken; a slow worker writes nothing over that."""
    mail = one_mail(engine, reader, state=UNKNOWN, owner="slow")
    hear(engine, told(EventKind.PROCESSED, mail))
    assert fate(engine, mail) == (ACCEPTED, None)
    with reading(engine) as session:
        row = session.get_one(Delivery, mail)
        assert (row.owner, row.reason, row.settled_at) == (None, "taken, as sendgrid told", NOW)


def test_a_mail_in_a_workers_hands_waits(engine: Engine, reader: Subscriber) -> None:
    """What is told while a worker holds a mail is worked in once it has written its outcome, or died."""
    with writing(engine) as session:
        lease = database_now(session) + timedelta(minutes=1)
    mail = one_mail(engine, reader, state=DeliveryState.SUBMITTING, owner="busy", lease_until=lease)
    hear(engine, told(EventKind.DELIVERED, mail))
    assert fate(engine, mail) == (DeliveryState.SUBMITTING, None)
    with writing(engine) as session:
        session.execute(update(Delivery).values(lease_until=lease - timedelta(minutes=2)))
    work_in(engine)
    assert fate(engine, mail) == (ACCEPTED, MailboxState.DELIVERED)


def test_evidence_takes_a_repeated_mail_out_of_a_claim(engine: Engine, reader: Subscriber) -> None:
    """A mail that is claimed to be repeated does not leave once the first attempt is proved taken."""
    with writing(engine) as session:
        lease = database_now(session) + timedelta(minutes=1)
    claimed = {"state": DeliveryState.CLAIMED, "owner": "worker", "lease_until": lease}
    first, second = (
        one_mail(engine, reader, **claimed),
        one_mail(engine, reader, issue=2, attempt=2, **claimed),
    )
    hear(engine, told(EventKind.DELIVERED, first), told(EventKind.DELIVERED, second))
    with writing(engine) as session:
        assert mark(session, [first, second], "worker", timedelta(minutes=1)) == {first}
    assert fate(engine, second) == (ACCEPTED, MailboxState.DELIVERED)


def test_what_was_never_handed_over_cannot_be_told_of(engine: Engine, reader: Subscriber) -> None:
    """An event about a mail that was never tried is a mistake, and harms neither mail nor reader."""
    mail = one_mail(engine, reader, state=DeliveryState.QUEUED, attempt=0)
    hear(engine, *(told(kind, mail) for kind in EventKind))
    assert fate(engine, mail) == (DeliveryState.QUEUED, None)
    assert closed(engine, reader) is None
    assert standing(engine, reader) == {"daily": "confirmed", "weekly": "confirmed"}


def test_nobody_waits_for_a_delivery_that_is_being_written(engine: Engine, reader: Subscriber) -> None:
    """While another transaction holds a delivery its events wait, and those of others do not."""
    if engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time: nothing is ever held by another")
    held, free = one_mail(engine, reader), one_mail(engine, reader, issue=2)
    with writing(engine) as other:
        other.get_one(Delivery, held, with_for_update=True)
        hear(engine, told(EventKind.DELIVERED, held), told(EventKind.DELIVERED, free))
        assert fate(engine, free)[1] == MailboxState.DELIVERED
        assert fate(engine, held)[1] is None
    work_in(engine)
    assert fate(engine, held)[1] == MailboxState.DELIVERED


def test_a_dead_mailbox_is_closed(engine: Engine, reader: Subscriber) -> None:
    """A hard bounce suppresses the address; the subscription stays as it is."""
    mail = one_mail(engine, reader)
    hear(engine, told(EventKind.HARD_BOUNCE, mail, reason="550 5.1.1 no such mailbox"))
    assert fate(engine, mail) == (ACCEPTED, MailboxState.HARD_BOUNCED)
    assert closed(engine, reader) == "bounced"
    assert standing(engine, reader) == {"daily": "confirmed", "weekly": "confirmed"}


def test_a_complaint_outweighs_a_bounce(engine: Engine, reader: Subscriber) -> None:
    """Whichever is told first, who complained is suppressed for that."""
    mail = one_mail(engine, reader)
    hear(engine, told(EventKind.COMPLAINED, mail))
    hear(engine, told(EventKind.HARD_BOUNCE, mail))
    assert closed(engine, reader) == "complained"
    assert fate(engine, mail) == (ACCEPTED, MailboxState.COMPLAINED)


@pytest.mark.parametrize(
    "kind", [EventKind.BLOCKED, EventKind.DEFERRED, EventKind.SOFT_BOUNCE, EventKind.OTHER]
)
def test_what_is_about_us_touches_nobody(engine: Engine, reader: Subscriber, kind: EventKind) -> None:
    """A block by policy, a delay, a single soft bounce change nothing for the reader."""
    hear(engine, told(kind, one_mail(engine, reader), reason="550 5.7.1 blocked"))
    assert closed(engine, reader) is None
    assert standing(engine, reader) == {"daily": "confirmed", "weekly": "confirmed"}


def test_leaving_through_the_provider_leaves_that_newsletter(engine: Engine, reader: Subscriber) -> None:
    """An unsubscription that a provider tells ends the one subscription, once, with its ledger line."""
    mail = one_mail(engine, reader)
    hear(engine, told(EventKind.UNSUBSCRIBED, mail), told(EventKind.UNSUBSCRIBED, mail))
    assert standing(engine, reader) == {"daily": "unsubscribed", "weekly": "confirmed"}
    with reading(engine) as session:
        line = session.scalars(select(Consent).where(Consent.act == Act.UNSUBSCRIBED)).one()
        assert (line.channel, line.newsletters) == (Channel.PROVIDER, ["daily"])
        assert line.wording == "unsubscribed, told by sendgrid"


def test_opting_out_of_a_letter_is_opting_out_of_all(engine: Engine, reader: Subscriber) -> None:
    """Who unsubscribes from a mail of no newsletter leaves them all."""
    letter = {"kind": DeliveryKind.PREFERENCES_LINK, "newsletter": None}
    hear(engine, told(EventKind.UNSUBSCRIBED, one_mail(engine, reader, **letter)))
    assert standing(engine, reader) == {"daily": "unsubscribed", "weekly": "unsubscribed"}


def test_nothing_told_subscribes_anybody(engine: Engine, reader: Subscriber) -> None:
    """Who left stays away, and whose address is closed stays closed, whatever is told afterwards."""
    mail = one_mail(engine, reader)
    hear(engine, told(EventKind.UNSUBSCRIBED, mail), told(EventKind.HARD_BOUNCE, mail))
    with writing(engine) as session:
        consent.unsubscribe(session, reader.public_id, None, channel=Channel.LINK, wording="Stop", now=NOW)
    hear(engine, *(told(kind, mail, reason="group_resubscribe", at=NOW) for kind in EventKind))
    assert standing(engine, reader) == {"daily": "unsubscribed", "weekly": "unsubscribed"}
    assert closed(engine, reader) == "complained"


def test_nothing_is_heard_of_somebody_erased(engine: Engine, reader: Subscriber) -> None:
    """What is told of an erased reader's mails still settles the mails, and nothing else."""
    mail = one_mail(engine, reader)
    with writing(engine) as session:
        values = {
            "erased_at": NOW,
            "email": "erased-1@erased.invalid",
            "email_key": "erased-1@erased.invalid",
        }
        session.execute(update(Subscriber).where(Subscriber.id == reader.id).values(**values))
    hear(engine, told(EventKind.HARD_BOUNCE, mail), told(EventKind.UNSUBSCRIBED, mail))
    assert fate(engine, mail) == (ACCEPTED, MailboxState.HARD_BOUNCED)
    with reading(engine) as session:
        assert session.scalars(select(Suppression)).all() == []


def soft_bounces(engine: Engine, reader: Subscriber, *days_ago: int) -> list[Told]:
    """A soft bounce of an issue of its own on each of the days."""
    found = []
    for number, days in enumerate(days_ago, start=1):
        at = NOW - days * DAY
        mail = one_mail(engine, reader, issue=number, settled_at=at)
        found.append(told(EventKind.SOFT_BOUNCE, mail, at=at))
    return found


def test_soft_bounces_close_an_address_in_the_end(engine: Engine, reader: Subscriber) -> None:
    """Five issues over fourteen days that only bounced softly close the address, and not one before."""
    *first, last = soft_bounces(engine, reader, 20, 15, 10, 5, 1)
    hear(engine, *first)
    assert closed(engine, reader) is None
    hear(engine, last)
    assert closed(engine, reader) == "bounced"


def test_a_late_arrival_opens_what_softness_closed(engine: Engine, reader: Subscriber) -> None:
    """When a mail turns out to have arrived in between, the order of telling has done no harm."""
    hear(engine, *soft_bounces(engine, reader, 20, 15, 10, 5, 1))
    between = NOW - 3 * DAY
    mail = one_mail(engine, reader, issue=9, settled_at=between)
    hear(engine, told(EventKind.DELIVERED, mail, at=between))
    assert closed(engine, reader) is None


def test_a_late_arrival_opens_nothing_else(engine: Engine, reader: Subscriber) -> None:
    """An address that is closed for a dead mailbox as well stays closed."""
    bounces = soft_bounces(engine, reader, 20, 15, 10, 5, 1)
    hear(engine, *bounces)
    hear(engine, told(EventKind.DROPPED, bounces[0].delivery_id, reason="Bounced Address"))
    with reading(engine) as session:
        assert session.scalars(select(Suppression.note)).one() != WORN_OUT
    between = NOW - 3 * DAY
    mail = one_mail(engine, reader, issue=9, settled_at=between)
    hear(engine, told(EventKind.DELIVERED, mail, at=between))
    assert closed(engine, reader) == "bounced"


def test_events_are_forgotten_after_their_time(engine: Engine) -> None:
    """What was told longer ago than is kept goes, the oldest first and a batch at a time."""
    with writing(engine) as session:
        store(session, [told(EventKind.OTHER, None) for _ in range(3)], NOW - KEPT - DAY)
        store(session, [told(EventKind.OTHER, None)], NOW)
        assert forget_old(session, now=NOW, limit=2) == 2
        assert forget_old(session, now=NOW, limit=2) == 1
        assert forget_old(session, now=NOW) == 0
        # the newest stays, so that no number is given twice
        assert forget_old(session, now=NOW + 2 * KEPT) == 0
        assert session.scalar(select(func.count()).select_from(Event)) == 1
