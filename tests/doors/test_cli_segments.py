"""Segments at the command line: what an editor types and reads."""

from sqlalchemy import update

from newsletter.store.engine import open_engine, writing
from subscribers.models import Segment
from tests.command_line import Cli

VOUCHED = ("--confirmed", "--source", "test")
RULE = "audience = investors and not (zone = UTC or newsletter = weekly)"
WORDS = (
    "who chose the audience “investors”, and (do not live in the time zone “UTC” and are not confirmed "
    "for the newsletter “weekly”)"
)


def some_people(cli: Cli) -> None:
    for name, zone in (("ines", "Europe/Paris"), ("jo", "UTC")):
        address = f"{name}@reader.example"
        cli("subscribers", "add", address, "--audience", "Investors", "--timezone", zone, *VOUCHED)


def test_a_segment_from_first_to_last(cli: Cli) -> None:
    """A rule is saved, told in words, counted anew each time it is looked at, and deleted."""
    added = cli("segments", "add", "Paris money", RULE)
    assert (added.code, added.out) == (0, f"paris money: saved\nsubscribers {WORDS}: 0\n")
    some_people(cli)
    facts = {"name": "paris money", "subscribers": 1, "rule": RULE, "words": WORDS, "trouble": None}
    shown = cli("segments", "show", "PARIS MONEY", "--json").json()
    assert facts.items() <= shown.items()
    assert cli("segments", "list", "--json").json() == [shown]
    for run in (cli("segments", "list"), cli("segments", "show", "Paris money")):
        assert WORDS in " ".join(run.out.split())
    assert cli("segments", "delete", "Paris money").code == 0
    assert "no segments yet" in cli("segments", "list").out


def test_a_rule_is_counted_without_saving(cli: Cli) -> None:
    """`count` answers for any rule, for people and for scripts, and keeps nothing."""
    some_people(cli)
    assert cli("segments", "count", "zone = UTC").out == "subscribers who live in the time zone “UTC”: 1\n"
    assert cli("segments", "count", "audience = investors", "--json").json() == {
        "subscribers": 2,
        "words": "who chose the audience “investors”",
    }
    assert cli("segments", "list", "--json").json() == []


def test_a_bad_rule_is_pointed_at(cli: Cli) -> None:
    """A mistake ends with exit code 1, the reason, and a caret below the place; nothing is saved."""
    for command in (["count"], ["add", "press"]):
        run = cli("segments", *command, "audience = investors and tag [/red] = press")
        assert run.code == 1
        reason, line, caret = run.err.splitlines()
        assert reason.startswith("error: expected = and a value, as in tag = press")
        assert line[caret.index("^") :] == "[/red] = press"
    assert cli("segments", "list", "--json").json() == []


def test_names_that_cannot_be(cli: Cli) -> None:
    """A name in use, and one that nobody saved, are told with the remedy."""
    cli("segments", "add", "press", "tag = press")
    taken = cli("segments", "add", "Press", "tag = other")
    unknown = cli("segments", "delete", "pres")
    assert (taken.code, unknown.code) == (1, 1)
    assert "delete it first" in taken.err
    assert "newsletter segments list" in unknown.err


def test_one_unreadable_rule_hides_no_other(cli: Cli, database_url: str) -> None:
    """A saved rule that cannot be read any more says so in the list, and the others are counted."""
    for name in ("good", "old"):
        cli("segments", "add", name, "not tag = press")
    engine = open_engine(database_url)
    with writing(engine) as session:
        session.execute(update(Segment).where(Segment.name == "old").values(rule="mood = good"))
    engine.dispose()
    good, old = cli("segments", "list", "--json").json()
    assert (good["subscribers"], good["trouble"]) == (0, None)
    assert old["subscribers"] is None
    assert "unknown condition mood" in old["trouble"] or "not mood" in old["trouble"]
    assert "cannot be read" in cli("segments", "list").out
