"""The alerts of the world that the crash tests break: readers' rules, stories that break, and the books."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from newsletter.alert_desk.editing import Wanted, change, draft
from newsletter.alert_desk.letting_go import approve, draft_hash
from newsletter.alerts.matching import anchors
from newsletter.desk import correcting
from newsletter.intake.take_in import take_in
from newsletter.models import Alert, AlertReader, Correction, Delivery, EditionStory, Story
from newsletter.models.delivery import TOLD
from newsletter.models.desk import CorrectionKind
from newsletter.newsletters import sync
from newsletter.release import Actor
from newsletter.rendering.pieces import CORRECTION, Form, alerted_by, corrected_by, is_line
from newsletter.sources.records import Incoming
from newsletter.store.engine import open_engine, reading, writing
from newsletter.wiring import Services
from subscribers import watching
from subscribers.address import parse
from subscribers.alert_choices import MOST_MAILS, AlertChoices
from subscribers.alert_models import AlertChoicesRecord
from subscribers.alert_rule import AlertRule
from subscribers.models import Subscriber
from subscribers.transfer.people import Person
from subscribers.transfer.taking import Terms, import_people
from tests.builders import a_story
from tests.chaos.books import Books, opened
from tests.chaos.sinks import Copy
from tests.chaos.world import World

ALERTS = """
[alerts]
name = "Race to AGI Alerts"
description = "A breaking story minutes after it breaks."
gather_minutes = 0
company_rest_hours = 0
story_rest_hours = 0
undo_minutes = 0
"""
#: of what the readers want to be alerted; the story that the issue tells is none of it
BREAKING = AlertRule.of({"words": ["breaks out"]})
#: more than any test sends them
PLENTY = (20,)


def open_alerts(world: World, *, seen_at: datetime, budgets: Sequence[int] = PLENTY) -> None:
    """Every reader of the world wants to be alerted of what breaks out; and something did.

    In turn they want that many mails a day.
    """
    publication = Path(world.environ["PUBLICATION"])
    publication.write_text(publication.read_text() + ALERTS)
    services = world.services()
    long_ago = seen_at - timedelta(days=2)
    with writing(services.engine) as session:
        sync(session, services.site)
        readers = session.scalars(select(Subscriber).where(Subscriber.id.in_(world.readers))).all()
        terms = Terms(("alerts",), "paper form, autumn fair", "Yes")
        people = [Person(n, parse(one.email), one.rhythm) for n, one in enumerate(readers)]
        import_people(session, people, terms, fingerprints=services.fingerprints, now=long_ago)
        for number, reader in enumerate(readers):
            watching.hold(session, reader, BREAKING, anchors(BREAKING), now=long_ago)
            choices = AlertChoices(0, 0, mails_a_day=budgets[number % len(budgets)])
            watching.choose(session, reader.id, choices)
    happens(services, "A model breaks out", seen_at)
    services.engine.dispose()


def happens(services: Services, title: str, at: datetime, *, outlets: int = 2) -> None:
    """A story comes in, or what is new of one."""
    story = a_story(title, companies=(), category=None, outlets=outlets)
    with writing(services.engine) as session:
        take_in(session, [Incoming(title, story, "test")], now=at)
        services.look_out(session)


def was_wrong(services: Services, title: str, now: datetime) -> None:
    """The story, as far as it is known; somebody has confirmed it."""
    by, kind = correcting.By(now), CorrectionKind.CORRECTION
    with writing(services.engine) as session:
        story = session.scalars(select(Story).where(Story.title == title)).one()
        made = correcting.write(session, story, kind=kind, text="It was nine percent.", by=by)
        correcting.confirm(session, made.id, by=by)


def choose(services: Services, title: str, now: datetime) -> None:
    """An editor chooses a story that has just come in, for everybody, and lets it go at once."""
    happens(services, title, now)
    actor, life = Actor("Ada", now), timedelta(hours=24)
    with writing(services.engine) as session:
        story = session.scalars(select(Story).where(Story.title == title)).one()
        alert = draft(session, story, actor, life=life)
        change(session, alert, Wanted(line="It cannot wait.", audiences=("Investors",)), actor)
        seen = draft_hash(session, alert, services.renderer)
        look_over = services.look_over_alert
        approve(session, alert, services.renderer, look_over, actor, seen=seen, life=life)


@dataclass(frozen=True)
class AlertBooks:
    """What the database says of the alerts, beside what was counted where the mail went."""

    outbox: Books
    rows: Sequence[AlertReader]
    alerts: Mapping[int, Alert]
    stories: Mapping[int, Story]
    #: those of which somebody confirmed that they were wrong
    corrected: frozenset[int]
    #: reader, story, revision, and the piece by which it was told, of every mail that was, or may have been
    told: Sequence[tuple[int, int, int, str]]
    #: how many mails a day a reader wants; whoever was erased left no word of it
    budgets: Mapping[int, int]
    #: who receive digests and alerts still
    still: frozenset[int]

    @property
    def mails(self) -> Sequence[Delivery]:
        return self.outbox.rows

    @property
    def taken(self) -> Counter[Copy]:
        return self.outbox.taken


def _without_an_end(books: AlertBooks) -> list[Any]:
    ends = ("mailed", "folded", "dropped")
    return [(row.id, row.state, row.reason) for row in books.rows if row.state not in ends]


def _without_a_reason(books: AlertBooks) -> list[Any]:
    return [row.id for row in books.rows if row.state != "mailed" and not row.reason]


def _going_on(books: AlertBooks) -> list[Any]:
    over = ("spread", "cancelled", "expired")
    alerts = [(one.id, one.state) for one in books.alerts.values() if one.state not in over]
    return alerts + [one.id for one in books.stories.values() if one.watched < one.revision]


def _mailed_without_a_mail(books: AlertBooks) -> list[Any]:
    """Or by one that ended unsent, and nobody noted that."""
    sent = {(one.edition_id, one.subscriber_id): one.state for one in books.mails if one.kind == "alert"}
    found = [(row.id, sent.get((row.edition_id or 0, row.subscriber_id))) for row in books.rows
             if row.state == "mailed"]  # fmt: skip
    return [one for one in found if one[1] not in (*TOLD, "refused")]


def _passed_over(books: AlertBooks) -> list[Any]:
    """Each is told as it came to be: every revision has twice as many outlets as the one before."""
    known = {(reader, story, revision) for reader, story, revision, _ in books.told}
    known |= {
        (row.subscriber_id, row.story_id, books.alerts[row.alert_id].revision)
        for row in books.rows
        if row.alert_id is not None
    }
    return [
        (reader, story.id, story.revision)
        for story in books.stories.values()
        if "breaks out" in story.title and story.id not in books.corrected
        for reader in books.still
        if (reader, story.id, story.revision) not in known
    ]


def _told_twice(books: AlertBooks) -> list[Any]:
    wholly = Counter(
        (reader, story, revision)
        for reader, story, revision, piece in books.told
        if not corrects(piece) and not is_line(piece)
    )
    return [one for one, number in wholly.items() if number > 1]


def corrects(piece: str) -> bool:
    """Whether it tells of a correction."""
    return piece.startswith(CORRECTION) or piece.endswith(f"/{Form.CORRECTION}")


def _corrected_twice(books: AlertBooks) -> list[Any]:
    heard = Counter(
        (reader, corrected_by(piece) or books.alerts[alerted_by(piece) or 0].correction_id)
        for reader, _, _, piece in books.told
        if corrects(piece)
    )
    return [one for one, number in heard.items() if number > 1]


def _beyond_the_budget(books: AlertBooks) -> list[Any]:
    left = Counter(
        one.subscriber_id or 0
        for one in books.mails
        if one.kind in ("alert", "digest") and one.state in ("accepted", "unknown")
    )
    return [
        (reader, number) for reader, number in left.items() if number > books.budgets.get(reader, MOST_MAILS)
    ]


def _arrived_beyond_the_budget(books: AlertBooks) -> list[Any]:
    """By the sink's own count, in which a mail of unknown outcome that was repeated is one."""
    arrived = Counter(copy.to for copy in books.taken if copy.kind in ("alert", "digest"))
    return [
        [
            (one.kind, one.state, one.reason, one.repeats, books.outbox.copies(one))
            for one in books.mails
            if one.subscriber_id == reader
        ]
        for reader, address in books.outbox.world.readers.items()
        if arrived[address] > books.budgets.get(reader, MOST_MAILS)
    ]


def _repeated_twice(books: AlertBooks) -> list[Any]:
    return [one.id for one in books.mails if one.repeats > 1]


def _arrived_thrice(books: AlertBooks) -> list[Any]:
    return [copy for copy, number in books.taken.items() if number > 2]


#: the promise → whom it was broken to
PROMISES: Mapping[str, Callable[[AlertBooks], list[Any]]] = {
    "whom an alert concerns has a row with an end": _without_an_end,
    "and with its reason": _without_a_reason,
    "every story is looked at, and every alert comes to its end": _going_on,
    "what is said to be mailed was": _mailed_without_a_mail,
    "nobody is passed over": _passed_over,
    "nobody is told a story twice": _told_twice,
    "nobody hears of a correction twice": _corrected_twice,
    "nobody gets more mails than they want": _beyond_the_budget,
    "and none more arrive": _arrived_beyond_the_budget,
    "what is unknown is repeated once": _repeated_twice,
    "and arrives twice at most": _arrived_thrice,
}


def alert_books(world: World) -> AlertBooks:
    """The books as they stand now."""
    engine = open_engine(world.url)
    outbox = opened(world)
    with reading(engine) as session:
        told = session.execute(
            select(Delivery.subscriber_id, EditionStory.story_id, EditionStory.revision, EditionStory.piece)
            .join(EditionStory, EditionStory.edition_id == Delivery.edition_id)
            .where(Delivery.state.in_(TOLD), Delivery.kind.in_(("alert", "digest")))
        ).all()
        readers = session.scalars(select(Subscriber).where(Subscriber.id.in_(world.readers))).all()
        choices = session.scalars(select(AlertChoicesRecord))
        books = AlertBooks(
            outbox,
            session.scalars(select(AlertReader)).all(),
            {one.id: one for one in session.scalars(select(Alert))},
            {one.id: one for one in session.scalars(select(Story))},
            frozenset(session.scalars(select(Correction.story_id))),
            [(reader or 0, story, revision, piece) for reader, story, revision, piece in told],
            {one.subscriber_id: one.mails_a_day for one in choices},
            frozenset(
                one.id for one in readers if all(held.state == "confirmed" for held in one.subscriptions)
            ),
        )
        session.expunge_all()
    engine.dispose()
    return books


def check_alerts(world: World) -> AlertBooks:
    """Every promise of the alerts, once all is over."""
    books = alert_books(world)
    broken = {promise: found[:10] for promise, whom in PROMISES.items() if (found := whom(books))}
    assert not broken, broken
    return books
