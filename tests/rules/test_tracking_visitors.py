"""Visitors: what the few things known of one tell of them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.models.tracking import Visitor
from newsletter.tracking.visitors import LONGEST_AGENT, SEVERAL, TOO_SOON, visitor
from tests.counted import FIREFOX

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (FIREFOX, Visitor.READER),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15", Visitor.READER),
        ("Mozilla/5.0 (Linux; Android 10; CUBOT NOTE 20) AppleWebKit/537.36 Chrome/120", Visitor.READER),
        ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)", Visitor.READER),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
         Visitor.PROXY),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", Visitor.PROXY),
        ("Mozilla/5.0", Visitor.PROXY),
        ("  Mozilla/5.0 ", Visitor.PROXY),
        ("", Visitor.MACHINE),
        ("   ", Visitor.MACHINE),
        ("curl/8.5.0", Visitor.MACHINE),
        ("python-requests/2.32", Visitor.MACHINE),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Visitor.MACHINE),
        ("Mozilla/5.0 (compatible; BingPreview/1.0b)", Visitor.MACHINE),
        ("Mozilla/5.0 HeadlessChrome/120.0", Visitor.MACHINE),
        ("BarracudaCentral", Visitor.MACHINE),
        ("Go-http-client/2.0", Visitor.MACHINE),
    ],
)  # fmt: skip
def test_an_agent_tells_what_it_calls_itself(agent: str, expected: Visitor) -> None:
    """Browsers are readers, services that load pictures are proxies, and programs are machines."""
    assert visitor(agent) is expected


def test_nobody_reads_before_the_mail_arrived() -> None:
    """Whoever comes within two seconds of the mail being accepted is a machine, whatever its name."""
    assert visitor(FIREFOX, since_accepted=TOO_SOON - SECOND / 10) is Visitor.MACHINE
    assert visitor(FIREFOX, since_accepted=-SECOND) is Visitor.MACHINE
    assert visitor(FIREFOX, since_accepted=TOO_SOON) is Visitor.READER


def test_nobody_follows_several_links_at_once() -> None:
    """Two links can be opened in two tabs; three of one mail within seconds are a scanner's."""
    assert visitor(FIREFOX, links_at_once=SEVERAL - 1) is Visitor.READER
    assert visitor(FIREFOX, links_at_once=SEVERAL) is Visitor.MACHINE


def test_a_proxy_may_come_at_once() -> None:
    """Pictures are loaded for readers the moment a mail arrives: that makes no scanner of a proxy."""
    assert visitor("Mozilla/5.0", since_accepted=timedelta()) is Visitor.PROXY


@given(st.text(max_size=400), st.none() | st.timedeltas(), st.integers(0, 9))
def test_anybody_is_told(agent: str, since: timedelta | None, links: int) -> None:
    """Whatever a visitor calls itself, it is one of the three, and only the beginning of it counts."""
    told = visitor(agent, since_accepted=since, links_at_once=links)
    assert told in Visitor
    beginning = agent.ljust(LONGEST_AGENT, "x")[:LONGEST_AGENT]
    assert visitor(beginning + "curl") is visitor(beginning)
