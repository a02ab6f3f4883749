"""Pace at the command line: what an operator sets, stops and reads."""

import re
import shlex
from datetime import UTC, datetime

import pytest

from newsletter.config import ROOT
from tests.command_line import Cli

SENDER = "sender:racetoagi.example"
COMMANDS = [
    shlex.split(line, comments=True)[1:]
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / "docs/pace.md").read_text(), re.DOTALL)
    for line in block.splitlines()
]


def test_a_pace_from_first_to_last(cli: Cli) -> None:
    """A limit is set, listed for people and for scripts, changed in part, and taken off again."""
    assert "without any limit" in cli("pace", "list").out
    set_ = cli("pace", "set", "provider:smtp", "--per-hour", "6000", "--connections", "4")
    assert (set_.code, set_.out) == (0, "provider:smtp: 6,000 an hour, 100 at once; 4 at one time\n")
    cli("pace", "set", "provider:smtp", "--burst", "20")
    (shown,) = cli("pace", "list", "--json").json()
    assert shown == {
        "key": "provider:smtp",
        "state": "open",
        "open": True,
        "per_hour": 6000,
        "burst": 20,
        "connections": 4,
        "warm_up_from": None,
        "warm_up_first": None,
        "warm_up_growth": None,
        "ceiling_today": None,
        "left_today": 0,
    }
    assert "6,000 an hour, 20 at once" in cli("pace", "list").out
    assert cli("pace", "clear", "provider:smtp").out == "provider:smtp: without any limit\n"
    assert cli("pace", "list", "--json").json() == []
    again = cli("pace", "clear", "provider:smtp")
    assert (again.code, "has no limits" in again.err) == (1, True)


def test_a_warm_up(cli: Cli) -> None:
    """A new sender's plan begins today or on the day that is said, and the list says what today allows."""
    run = cli("pace", "set", SENDER, "--warm-up-first", "50", "--warm-up-growth", "1.5")
    assert run.out == f"{SENDER}: 0 of 50 gone today, warming up since {datetime.now(UTC).date()}\n"
    cli("pace", "set", SENDER, "--warm-up-from", "2020-01-01")
    (shown,) = cli("pace", "list", "--json").json()
    assert (shown["warm_up_from"], shown["ceiling_today"]) == ("2020-01-01", None)
    assert "warmed up" in cli("pace", "list").out


def test_stop_and_open(cli: Cli) -> None:
    """A way that a person stopped is shown with the reason wherever one looks, until a person opens it."""
    stopped = cli("pace", "stop", "newsletter:daily", "--because", "a wrong [red]headline")
    assert stopped.out == "newsletter:daily: stopped: a wrong [red]headline\n"
    for command in (["pace", "list"], ["check"]):
        assert "stopped: a wrong [red]headline" in cli(*command).out
    assert cli("pace", "open", "newsletter:daily").out == "newsletter:daily: open\n"
    assert cli("pace", "open", "newsletter:daily").out == "newsletter:daily: was open already\n"
    assert "stopped" not in cli("check").out


def test_what_is_stopped_stays_stopped(cli: Cli) -> None:
    """To take the limits off a way that is stopped does not open it."""
    cli("pace", "set", SENDER, "--per-hour", "10")
    cli("pace", "stop", SENDER, "--because", "moving")
    cli("pace", "clear", SENDER)
    (shown,) = cli("pace", "list", "--json").json()
    assert (shown["state"], shown["open"], shown["per_hour"]) == ("stopped: moving", False, None)


def test_a_domain_is_one_in_every_spelling(cli: Cli) -> None:
    """Domains are kept as A-labels in lower case, as they stand in the addresses."""
    assert cli("pace", "set", "domain:Bücher.Example", "--per-hour", "60").code == 0
    cli("pace", "set", "domain:xn--bcher-kva.example", "--per-hour", "90")
    (shown,) = cli("pace", "list", "--json").json()
    assert (shown["key"], shown["per_hour"]) == ("domain:xn--bcher-kva.example", 90)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["gmail.com", "--per-hour", "1"], "'gmail.com' is no way: write it as provider:folder, sender:"),
        (["mailbox:gmail.com", "--per-hour", "1"], "is no way: write it as provider:folder"),
        (["domain:gmail", "--per-hour", "1"], "'gmail' is no domain: write it as domain:example.com"),
        (["domain:a@b@c", "--per-hour", "1"], "is no domain"),
        (
            ["provider:pigeon", "--per-hour", "1"],
            "there is no provider 'pigeon', only folder, smtp, sendgrid",
        ),
        (["newsletter:hourly", "--per-hour", "1"], "there is no newsletter 'hourly', only daily, weekly"),
        (["newsletter:daily", "--per-hour", "1"], "a newsletter has no pace: limit its sender or provider"),
        (
            ["domain:gmail.com", "--connections", "2"],
            "a domain has no --connections: it has --burst, --per-hour",
        ),
        (["provider:smtp"], "say what to set: --burst, --connections, --per-hour"),
        (["provider:smtp", "--burst", "2"], "a burst belongs to a pace: set --per-hour too"),
        ([SENDER, "--warm-up-first", "50"], "a warm-up needs both --warm-up-first and --warm-up-growth"),
    ],
)
def test_what_cannot_be_set(cli: Cli, arguments: list[str], reason: str) -> None:
    """What is no way, or has no such limit, is named with the remedy, and nothing is changed."""
    run = cli("pace", "set", *arguments)
    assert run.code == 1
    assert reason in run.err
    assert cli("pace", "list", "--json").json() == []


@pytest.mark.parametrize(
    "option", [["--per-hour", "0"], ["--burst", "-1"], ["--warm-up-growth", "0.9"], ["--per-hour", "9" * 30]]
)
def test_no_limit_is_nothing(cli: Cli, option: list[str]) -> None:
    """A limit that would let nothing through, or shrink, is wrong usage: a way is stopped by `stop`."""
    assert cli("pace", "set", SENDER, *option).code == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_page_about_it_is_true(cli: Cli) -> None:
    """The commands of docs/pace.md, one after the other, do what it says."""
    assert len(COMMANDS) >= 6
    for arguments in COMMANDS:
        run = cli(*arguments)
        assert run.code == 0, (arguments, run.err)
