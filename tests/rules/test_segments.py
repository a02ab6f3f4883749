"""Segments: the text of a rule, what it means in words, and whom it matches."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from subscribers.lens import Lens, term
from subscribers.segments.explaining import explain
from subscribers.segments.parsing import DEEPEST, LONGEST, BadRule, parse, write
from subscribers.segments.rule import (
    AllOf,
    AnyOf,
    Engaged,
    Field,
    Is,
    Joined,
    NeverEngaged,
    Not,
    Rule,
    Side,
    SubscriberFacts,
    matches,
)
from tests.segment_rules import rules

INVESTORS = Is(Field.AUDIENCE, "investors")
PRESS = Is(Field.TAG, "press")
FRANCE = Is(Field.COUNTRY, "FR")
PARIS = Is(Field.ZONE, "Europe/Paris")

INES = SubscriberFacts(
    lens=Lens.of(
        audiences=["Investors"], companies=["Mistral AI"], topics=["Chips"], muted_topics=["Policy"]
    ),
    newsletters=frozenset({"daily"}),
    zone="Europe/Paris",
    country="FR",
    tags=frozenset({"press"}),
    batch=12,
    file="people.csv",
    joined_at=datetime(2026, 1, 8, 23, 59, tzinfo=UTC),
    engaged_at=datetime(2026, 2, 8, 0, 0, tzinfo=UTC),
    erased=False,
)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("audience = Investors", INVESTORS),
        ("  AUDIENCE=investors\n", INVESTORS),
        ('company = " Mistral  AI"', Is(Field.COMPANY, "mistral ai")),
        ("company = L'Oréal", Is(Field.COMPANY, "l'oréal")),
        ('tag = "say ""hi"""', Is(Field.TAG, 'say "hi"')),
        ('tag = "and"', Is(Field.TAG, "and")),
        ("zone = europe/paris", PARIS),
        ("country = fr", FRANCE),
        ("batch = 12", Is(Field.BATCH, "12")),
        ('file = "My People.csv"', Is(Field.FILE, "My People.csv")),
        ("joined Before 2026-01-08", Joined(Side.BEFORE, date(2026, 1, 8))),
        ("engaged after 2026-01-08", Engaged(Side.AFTER, date(2026, 1, 8))),
        ("Never ENGAGED", NeverEngaged()),
        ("not tag=press", Not(PRESS)),
        ("((tag = press))", PRESS),
        (
            'audience = investors and (zone = "Europe/Paris" or country = FR) and not tag = press',
            AllOf((INVESTORS, AnyOf((PARIS, FRANCE)), Not(PRESS))),
        ),
    ],
)
def test_text_becomes_a_rule(text: str, rule: Rule) -> None:
    """A rule is read as an editor means it, its values in the form in which they are stored."""
    assert parse(text) == rule


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("tag=a or tag=b and tag=c", "tag=a or (tag=b and tag=c)"),
        ("not tag=a and tag=b", "(not tag=a) and tag=b"),
        ("not tag=a or tag=b", "(not tag=a) or tag=b"),
        ("not not tag=a and tag=b", "(not (not tag=a)) and tag=b"),
    ],
)
def test_or_binds_least_and_not_binds_most(text: str, same: str) -> None:
    """Without parentheses, `not` comes before `and`, and `and` before `or`."""
    assert parse(text) == parse(same)


@given(rules)
def test_a_rule_survives_its_text(rule: Rule) -> None:
    """What is written of a rule is read as the same rule."""
    assert parse(write(rule)) == rule


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(term).filter(bool))
@example("and")
@example('"')
@example("('")
def test_a_value_survives_its_text(value: str) -> None:
    """Any term can be asked for, whatever signs it is made of."""
    assert parse(write(Is(Field.TAG, value))) == Is(Field.TAG, value)


def test_a_rule_is_written_as_an_editor_would() -> None:
    """The canonical text has quotes and parentheses only where they are needed."""
    text = (
        'tag = a and (zone = UTC or company = "mistral ai") and not (joined after 2026-01-01 and tag = "or")'
    )
    assert write(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "position", "remedy"),
    [
        ("", 0, "expected a condition, not the end"),
        ("tag = press and", 15, "expected a condition, not the end"),
        ("tag press", 4, "tag = press"),
        ("tag != press", 4, "the opposite is not tag = press"),
        ("tag = ", 6, "write tag = press"),
        ("tag = and country = FR", 6, "in double quotes if the value is this very word"),
        ('tag = ""', 6, "the value is empty"),
        ("company = Mistral AI", 18, 'company = "Mistral AI"'),
        ("company = “Mistral AI”", 10, "straight double quotes"),
        ("tag = 'press'", 6, "straight double quotes"),
        ('tag = "press', 6, "straight double quotes"),
        ("audiense = investors", 0, "did you mean audience?"),
        ("email = ines@reader.example", 0, "it begins with not, ( or audience, company,"),
        ("(tag = press", 12, "the ( at character 1 is not closed: add )"),
        ("tag = press)", 11, "take it away"),
        ("country = France", 10, "country = FR"),
        ("zone = Paris", 7, "Europe/Paris"),
        ("batch = people.csv", 8, 'file = "people.csv"'),
        ("batch = 1000000000000000000", 8, "an import is named by its number"),
        ("joined 2026-01-01", 7, "joined before 2026-01-31"),
        ("joined after yesterday", 13, "yesterday is not a date: write it as 2026-01-31"),
        ("joined after 2026-02-30", 13, "write it as 2026-01-31"),
        ("joined", 6, "joined before 2026-01-31"),
        ("engaged", 7, "engaged before 2026-01-31"),
        ("engaged after then", 14, "then is not a date: write it as 2026-01-31"),
        ("never", 5, "Write never engaged"),
        ("never joined", 6, "Write never engaged"),
        ("engagd after 2026-01-08", 0, "did you mean engaged?"),
        ("tag = a\x00b", 6, "control characters"),
        ("tag = \ud800", 6, "control characters"),
        ("file = \"a\nb\"", 7, "control characters"),
        ("tag = x; drop table subscriber;--", 9, "expected and, or, or the end, not drop"),
        ("(" * 51 + "tag = press" + ")" * 51, 51, f"more than {DEEPEST} levels"),
        ("not " * 51 + "tag = press", 204, f"more than {DEEPEST} levels"),
        ("tag = " + "x" * 10_000, LONGEST, "split it"),
    ],
)  # fmt: skip
def test_a_bad_rule_is_told_with_its_place(text: str, position: int, remedy: str) -> None:
    """Whatever is no rule is refused with the place and what to write instead."""
    with pytest.raises(BadRule) as refused:
        parse(text)
    assert refused.value.position == position
    assert remedy in str(refused.value)


@pytest.mark.parametrize("text", ["tag press", "tag = press and " * 20 + "tag press"])
def test_a_caret_stands_below_the_place(text: str) -> None:
    """The caret of a refusal points at the first character that is wrong, however far in it stands."""
    with pytest.raises(BadRule) as refused:
        parse(text)
    line, caret = refused.value.pointed().splitlines()
    assert line[caret.index("^") :] == "press"
    assert len(line) <= 82


@pytest.mark.parametrize("text", ["\x1b[2J tag", "tag = a \x07\u202e", 'tag = "a\x1bb"'])
def test_a_refusal_does_nothing_to_a_terminal(text: str) -> None:
    """What is quoted of a rule holds no control character, and so moves no cursor and rings no bell."""
    with pytest.raises(BadRule) as refused:
        parse(text)
    assert str(refused.value).replace("\n", "").isprintable()


@given(st.text(max_size=60) | st.text(alphabet='tag =()"andor not;-', max_size=60))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    """No text does anything but make a rule or a refusal that points into it."""
    try:
        parse(text)
    except BadRule as refused:
        place = refused.position
    else:
        place = 0
    assert 0 <= place <= len(text)


def test_a_rule_of_the_greatest_depth_and_length_is_read() -> None:
    """The limits themselves are allowed."""
    deep = "(" * DEEPEST + "tag = press" + ")" * DEEPEST
    assert parse(deep) == PRESS
    assert parse(deep.ljust(LONGEST)) == PRESS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("audience = Investors", "who chose the audience “investors”"),
        ("not audience = Investors", "who did not choose the audience “investors”"),
        ("not not tag = press", "who are tagged “press”"),
        (
            "audience = investors and (zone = Europe/Paris or country = FR) and joined after 2026-01-01 "
            "and not tag = press",
            "who chose the audience “investors”, and (live in the time zone “Europe/Paris” or live in the "
            "country “FR”), and joined after 2026-01-01, and are not tagged “press”",
        ),
        (
            "newsletter = daily or topic = chips and company = acme",
            "who are confirmed for the newsletter “daily”, or (follow the topic “chips” and follow the "
            "company “acme”)",
        ),
        (
            "not (batch = 7 or file = a.csv or joined before 2026-01-01)",
            "who did not come with import “7”, and did not come with the file “a.csv”, and joined on or "
            "after 2026-01-01",
        ),
        (
            "never engaged or not (engaged after 2026-01-01 or engaged before 2025-01-01)",
            "who were never engaged, or (were not engaged after 2026-01-01 and were not last engaged before "
            "2025-01-01)",
        ),
        (
            "engaged after 2026-01-01 and not never engaged",
            "who were engaged after 2026-01-01, and were engaged at some time",
        ),
        (
            "not (tag = a and not (tag = b and joined after 2026-01-01))",
            "who are not tagged “a”, or (are tagged “b” and joined after 2026-01-01)",
        ),
    ],
)
def test_a_rule_is_told_in_plain_words(text: str, words: str) -> None:
    """An editor reads what a rule means as one sentence, in which nothing is ambiguous."""
    assert explain(parse(text)) == words


@pytest.mark.parametrize(
    "text",
    [
        "audience = INVESTORS",
        'company = "mistral  ai"',
        "topic = chips",
        "newsletter = daily",
        "zone = Europe/Paris",
        "country = FR",
        "tag = Press",
        "batch = 12",
        "file = people.csv",
        "joined before 2026-01-09",
        "joined after 2026-01-07",
        "engaged before 2026-02-09",
        "engaged after 2026-02-07",
    ],
)
def test_each_condition_asks_about_its_own_fact(text: str) -> None:
    """A condition matches whom it describes, and neither who differs in that nor who was erased."""
    rule = parse(text)
    nobody = SubscriberFacts(
        Lens(), frozenset(), "UTC", None, frozenset(), None, None, INES.joined_at, None, erased=False
    )
    another_day = 7 if "before" not in text else 9
    stranger = replace(nobody, joined_at=datetime(2026, 1, another_day, tzinfo=UTC))
    assert matches(rule, INES)
    assert not matches(Not(rule), INES)
    assert not matches(rule, stranger)
    assert matches(Not(rule), stranger)
    assert not matches(rule, replace(INES, erased=True))
    assert not matches(Not(rule), replace(stranger, erased=True))


def test_the_day_itself_is_neither_before_nor_after() -> None:
    """Who joined on a day, by UTC, joined neither before nor after it."""
    assert not matches(parse("joined before 2026-01-08"), INES)
    assert not matches(parse("joined after 2026-01-08"), INES)


def test_who_was_never_engaged_is_on_neither_side_of_a_day() -> None:
    """Before and after ask about the last time, so whoever has none is found by `never engaged` alone."""
    silent = replace(INES, engaged_at=None)
    assert matches(parse("never engaged"), silent)
    assert not matches(parse("never engaged"), INES)
    for text in ("engaged before 2026-02-09", "engaged after 2026-02-07"):
        assert not matches(parse(text), silent)
        assert matches(parse(f"not {text}"), silent)


def test_what_is_muted_is_not_followed() -> None:
    """A topic that a reader muted does not count as one they follow."""
    assert not matches(parse("topic = policy"), INES)
