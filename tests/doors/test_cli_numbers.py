"""`newsletter issues numbers`: what is known of an issue, with what it does not mean."""

import json

import pytest

from newsletter.cli.numbers import MEANING, NOT_COUNTED
from newsletter.store.engine import reading
from newsletter.tracking.counting import OPENED
from newsletter.wiring import Services
from tests.command_line import Cli
from tests.counted import TARGET, counting, link_to, send, visit
from tests.doors.conftest import on_one_database


def numbers_of(services: Services, cli: Cli, *options: str) -> str:
    done = cli("issues", "numbers", "1", *options)
    assert done.code == 0, done.err
    return done.out


def test_visitors_are_shown_apart(services: Services, cli: Cli) -> None:
    """Opens and clicks are told by readers, proxies and machines, never as a sum, and with what they mean."""
    services = counting(services, "links")
    send(services)
    with reading(services.engine) as session:
        link = link_to(session)
    visit(services, OPENED, agent="Mozilla/5.0")
    visit(services, link)
    visit(services, link, agent="")
    told = numbers_of(services, cli)
    assert "mails: 2 accepted; 0 readers left after it" in told
    assert "opens: 0 by readers, 1 by proxies, 0 by machines" in told
    assert "clicks: 1 by readers, 0 by proxies, 1 by machines" in told
    assert TARGET in told
    assert MEANING in told
    document = json.loads(numbers_of(services, cli, "--json"))
    assert document["opens"] == {"reader": 0, "proxy": 1, "machine": 0}
    assert document["links"] == [{"url": TARGET, "clicks": {"reader": 1, "proxy": 0, "machine": 1}}]


@pytest.mark.parametrize("options", [(), ("--json",)])
@on_one_database
def test_what_is_not_counted_is_not_told_as_nought(
    services: Services, cli: Cli, options: tuple[str, ...]
) -> None:
    """Where nothing is counted, that is said in place of numbers; JSON names the mode."""
    send(services)
    told = numbers_of(services, cli, *options)
    if options:
        assert json.loads(told)["tracking"] == "off"
    else:
        assert NOT_COUNTED in told
        assert "opens:" not in told


@on_one_database
def test_an_unknown_issue_has_no_numbers(cli: Cli) -> None:
    """Who asks for an issue that there is not is told how to see those there are."""
    done = cli("issues", "numbers", "99")
    assert done.code == 1
    assert "newsletter issues list" in done.err
