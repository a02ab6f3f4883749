"""Segments in the database: the same people as by the rule itself, counted, streamed and saved."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session

from newsletter.store.engine import reading, writing
from subscribers.enrolment import intern
from subscribers.lens import Lens
from subscribers.models import Batch, Subscriber, Subscription, Tag
from subscribers.segments import saved
from subscribers.segments.parsing import DEEPEST, LONGEST, BadRule, parse
from subscribers.segments.rule import Field, Is, Not, Rule, SubscriberFacts, matches
from subscribers.segments.saved import LONGEST_NAME, BadName
from subscribers.segments.sql import condition
from tests.people import NOW
from tests.segment_rules import CONDITIONS, COUNTRIES, FILES, TERMS, ZONES, rules

BATCHES = dict(enumerate(FILES, start=1))
MOMENTS = (
    datetime(2026, 1, 8, tzinfo=UTC),
    datetime(2026, 1, 8, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 1, 9, tzinfo=UTC),
    datetime(2026, 1, 9, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 1, 10, tzinfo=UTC),
)


def anybody(chance: Random) -> SubscriberFacts:
    """Somebody of whom anything may be true that a rule of `segment_rules` can ask about."""

    def terms() -> frozenset[str]:
        return frozenset(chance.sample(TERMS, chance.randint(0, 3)))

    batch = chance.choice([None, *BATCHES])
    return SubscriberFacts(
        lens=Lens(audiences=terms(), companies=terms(), topics=terms(), muted_topics=terms()),
        newsletters=terms(),
        zone=chance.choice(ZONES),
        country=chance.choice([None, *COUNTRIES]),
        tags=terms(),
        batch=batch,
        file=BATCHES[batch] if batch else None,
        joined_at=chance.choice(MOMENTS),
        engaged_at=chance.choice([None, *MOMENTS]),
        erased=chance.random() < 0.2,
    )


def add(session: Session, facts: SubscriberFacts, number: int = 1) -> int:
    """A subscriber of whom these facts are true; by other newsletters asked, or gone from them."""
    for batch, file in BATCHES.items():
        if not session.get(Batch, batch):
            made = Batch(id=batch, file_name=file, fingerprint=file, format="plain", done=0, report={})
            made.started_at = NOW
            session.add(made)
    person = Subscriber(
        public_id=f"public{number}",
        email=f"reader{number}@mail.example",
        email_key=f"reader{number}@mail.example",
        lens_id=intern(session, [facts.lens])[facts.lens].id,
        timezone=facts.zone,
        hour=7,
        weekdays=127,
        created_at=facts.joined_at,
        country=facts.country,
        batch_id=facts.batch,
        engaged_at=facts.engaged_at,
        erased_at=NOW if facts.erased else None,
    )
    for slug in TERMS:
        held = person.subscription(slug, NOW)
        if slug in facts.newsletters:
            held.confirm(NOW)
            held.paused_until = NOW + timedelta(days=9)
        elif number % 2:
            held.end(NOW)
    session.add(person)
    session.flush()
    session.add_all(Tag(subscriber_id=person.id, name=name) for name in facts.tags)
    session.flush()
    return person.id


Crowd = dict[int, SubscriberFacts]


@pytest.fixture
def crowd(engine: Engine) -> Crowd:
    """A hundred subscribers: what is true of them, by their ids."""
    chance = Random(1)
    people = [anybody(chance) for _ in range(100)]
    with writing(engine) as session:
        return {add(session, facts, number): facts for number, facts in enumerate(people)}


def assert_same(session: Session, rule: Rule, crowd: Crowd) -> None:
    selected = set(session.scalars(select(Subscriber.id).where(condition(rule))))
    assert selected == {key for key, facts in crowd.items() if matches(rule, facts)}


def test_the_database_takes_each_condition_as_it_is_meant(engine: Engine, crowd: Crowd) -> None:
    """Each condition and its opposite select exactly those whom they match by themselves."""
    with reading(engine) as session:
        for rule in CONDITIONS:
            assert_same(session, rule, crowd)
            assert_same(session, Not(rule), crowd)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rule=rules)
def test_the_database_selects_whom_a_rule_matches(engine: Engine, crowd: Crowd, rule: Rule) -> None:
    """On both databases, any rule selects exactly those whom it matches by itself."""
    with reading(engine) as session:
        assert_same(session, rule, crowd)


@pytest.fixture
def press(engine: Engine) -> list[int]:
    """Three subscribers by id: tagged press; tagged press but erased; nothing known."""
    nothing = SubscriberFacts(
        Lens(), frozenset(), "UTC", None, frozenset(), None, None, NOW, None, erased=False
    )
    tagged = replace(nothing, tags=frozenset({"press"}))
    with writing(engine) as session:
        return [
            add(session, facts, number)
            for number, facts in enumerate([tagged, replace(tagged, erased=True), nothing])
        ]


def test_a_segment_is_counted_and_streamed(engine: Engine, press: list[int]) -> None:
    """The number of a segment is that of the people in it, who come in the order of their ids."""
    with reading(engine) as session:
        for text, expected in (
            ("tag = Press", press[:1]),
            ("not tag = press", press[2:]),
            ("not country = FR", press[::2]),
        ):
            rule = parse(text)
            assert list(saved.subscriber_ids(session, rule)) == expected
            assert saved.count(session, rule) == len(expected)


def test_a_statement_may_join_what_a_condition_asks_for(engine: Engine, crowd: Crowd) -> None:
    """Each condition means the same where the statement around it has joined the table that it looks into."""
    with reading(engine) as session:
        for rule in CONDITIONS:
            query = select(Subscriber.id).where(condition(rule))
            for table, joined in (
                (Subscription, Subscription.subscriber_id == Subscriber.id),
                (Tag, Tag.subscriber_id == Subscriber.id),
                (Batch, Batch.id == Subscriber.batch_id),
            ):
                found = set(session.scalars(query.outerjoin(table, joined)))
                assert found == {key for key, facts in crowd.items() if matches(rule, facts)}


def test_values_reach_the_database_as_parameters_only(engine: Engine) -> None:
    """No part of a rule's text is part of a statement."""
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *seen: statements.append(seen[2]))
    with reading(engine) as session:
        for field in Field:
            value = {"zone": "Asia/Kathmandu", "country": "QQ", "batch": "987654321"}.get(field, "canary';--")
            saved.count(session, Is(field, value))
    assert len(statements) >= len(Field)
    for text in ("Kathmandu", "QQ", "987654321", "canary"):
        assert text not in "".join(statements)


def test_the_greatest_rules_can_be_asked(engine: Engine) -> None:
    """Both databases take the deepest rule, and the longest with the most conditions."""
    deep = "not (" * (DEEPEST // 2) + "tag = a" + ")" * (DEEPEST // 2)
    wide = " or ".join(["topic=a"] * (LONGEST // len("topic=a or ")))
    with reading(engine) as session:
        assert saved.count(session, parse(deep)) == saved.count(session, parse(wide)) == 0


def test_a_saved_segment_is_found_and_deleted(engine: Engine) -> None:
    """A rule is kept as it was written, found by any spelling of its name, and gone when deleted."""
    with writing(engine) as session:
        saved.save(session, "  Press  List", " tag = Press ", now=NOW)
        saved.save(session, "all else", "not tag = Press", now=NOW)
    with reading(engine) as session:
        found = saved.find(session, "press list")
        assert (found.rule, found.created_at) == ("tag = Press", NOW)
        assert [segment.name for segment in saved.list_segments(session)] == ["all else", "press list"]
    with writing(engine) as session:
        saved.delete(session, "PRESS LIST")
    with reading(engine) as session:
        assert [segment.name for segment in saved.list_segments(session)] == ["all else"]


def test_a_name_is_never_taken_over(engine: Engine) -> None:
    """Saving under a name in use is refused, and neither segment nor transaction is harmed."""
    with writing(engine) as session:
        saved.save(session, "press", "tag = press", now=NOW)
        with pytest.raises(BadName, match="delete it first"):
            saved.save(session, "Press", "tag = other", now=NOW)
        saved.save(session, "other", "tag = other", now=NOW)
    with reading(engine) as session:
        assert {segment.name: segment.rule for segment in saved.list_segments(session)} == {
            "press": "tag = press",
            "other": "tag = other",
        }


@pytest.mark.parametrize("name", ["", "  \x00", "\x1b", "x" * (LONGEST_NAME + 1), "\ud800", "a\u202eb"])
def test_a_name_has_something_to_read(engine: Engine, name: str) -> None:
    """A name that cannot be shown, or is too long to be, is refused."""
    with writing(engine) as session, pytest.raises(BadName, match="visible characters"):
        saved.save(session, name, "tag = press", now=NOW)


def test_what_is_no_rule_is_not_saved(engine: Engine) -> None:
    """Only what can be read is saved."""
    with writing(engine) as session:
        with pytest.raises(BadRule):
            saved.save(session, "press", "tag press", now=NOW)
        assert not saved.list_segments(session)


def test_a_segment_that_is_not_there(engine: Engine) -> None:
    """Who asks for an unknown segment, or deletes it, is told how to see those there are."""
    with writing(engine) as session:
        for ask in (saved.find, saved.delete):
            for name in ("press", "\x1b\ud800"):
                with pytest.raises(LookupError, match="newsletter segments list"):
                    ask(session, name)
