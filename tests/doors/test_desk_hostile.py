"""Hostile text in every field there is: the desk, its frames, the archive and the feed show it as text."""

import re
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urlsplit

from lxml import etree
from playwright.sync_api import Browser, Dialog

from newsletter.sources.record_json import read_record
from newsletter.sources.records import Incoming
from tests.doors.conftest import Web, on_one_database
from tests.doors.desk import a_link
from tests.doors.newsroom import ADA, PAGES, newsroom
from tests.doors.test_desk_axe import open_page
from tests.doors.test_desk_browser import window
from tests.doors.test_desk_crawl import crawl
from tests.doors.test_desk_import import own_folder

__all__ = ["own_folder"]
pytestmark = on_one_database

MARK = "7a7a7a"
#: breaks out of attributes, elements, scripts, comments and templates; fills slots; turns lines around
ATTACK = (
    f"{MARK}\"'></title></textarea></style></script>--><script>top.taken=1;alert(1)</script>"
    "<img src=x onerror=alert(2)><a href=javascript:alert(3)>x</a><base href=//evil.example>"
    "<meta http-equiv=refresh content=0;//evil.example>{{ 7 * 7 }}{% raw %}{# @@unsubscribe_url@@ %s %(x)s"
    " \u202e\u2066\u200f &lt;b&gt; &#0; \\ud800 ${x} ]]> \u0300\u0300\u0300"
)
#: and has no place to break
WORD = "W" * 5000


def hostile(text: str, longest: int) -> str:
    """`text` is said amid it."""
    return f"{text} {ATTACK} {WORD}"[:longest]


def hostile_news(day: int) -> list[Incoming]:
    """Stories as a source tells them that controls everything in them."""
    return [story(f"{day}-{number}") for number in range(5)]


def story(name: str) -> Incoming:
    evil, link = f"{name} {ATTACK}", f"javascript:alert('{name}')//https://x.example/\"><script>"
    report = {"outlet": evil[:120], "language": evil, "title": hostile(name, 2000), "url": link}
    document = {
        "id": evil,
        "title": hostile(f"Story {name}", 480),
        "date": "2026-01-09",
        "url": link,
        "language": evil,
        "category": hostile(name, 200),
        "outlets": [evil[:120], WORD[:120]],
        "primary_source": {"outlet": evil[:120], "url": link},
        "tldr": {"text": hostile(name, 9000), "label": evil, "source_count": 9, "language": evil},
        "about": hostile(name, 5500),
        "analysis": {
            "heading": hostile(name, 200),
            "markdown": f"# {ATTACK}\n\n[{ATTACK}](javascript:alert(4)) ![x](x:y) <script>alert(5)</script>"
            f"\n\n> {WORD}\n\n`{WORD}` [1] <https://ok.example/{WORD[:900]}>",
        },
        "impact_label": evil[:200],
        "who_should_care": ["Investors", evil[:200]],
        "companies": [dict.fromkeys(("name", "type", "country", "valuation"), evil[:200])],
        "coverage": [report, {"outlet": WORD[:120], "url": f"https://ok.example/{name}?<script>"}],
    }
    read = read_record(document, file="hostile.json")
    assert isinstance(read, Incoming), read
    return read


PHONE = {"width": 375, "height": 800}
#: what sticks out, in few words
WIDEST = """() => [...document.querySelectorAll('body *')]
  .filter((one) => one.getBoundingClientRect().right > 376 && !one.closest('.scroll, pre, .frame'))
  .map((one) => `${one.tagName}.${one.className}`).slice(0, 6)"""


class Held(HTMLParser):
    """What a page or a mail would do in a browser."""

    def __init__(self, url: str, text: str) -> None:
        super().__init__()
        self.url = url
        self.faults: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        here = f"{self.url}: <{tag} {told}>"[:300]
        if tag in ("base", "img", "object", "embed") and told != {"target": "_blank"}:
            self.faults.append(here)
        if tag == "script" and not re.fullmatch(r"/[\w.]+", told.get("src") or ""):
            self.faults.append(here)
        if tag == "meta" and told.get("http-equiv") == "refresh" and told["content"] != "2":
            self.faults.append(here)
        for name, value in told.items():
            scheme = urlsplit((value or "").strip()).scheme if name in ("href", "src", "action") else ""
            icon = tag == "link" and told.get("rel") == "icon"
            if name.startswith("on") or (scheme not in ("", "http", "https", "mailto") and not icon):
                self.faults.append(here)


def test_what_would_be_a_fault() -> None:
    """What breaks out is seen by the eyes that look for it here."""
    assert len(Held("/x", ATTACK).faults) >= 5
    assert Held("/x", '<script src="/desk.js"></script><a href="https://ok.example">y</a>').faults == []


def test_nothing_of_it_is_markup(web: Web) -> None:
    """On no page that one can reach does it make an element, a link that runs, or a fault of ours."""
    with newsroom(web, hostile_news, hostile) as desk:
        answers = crawl(web, desk.client)
    assert {url: answer.status_code for url, answer in answers.items() if answer.status_code != 200} == {}
    seen = [url for url, answer in answers.items() if MARK in answer.text]
    assert len(seen) >= 60
    faults = [fault for url in seen for fault in Held(url, answers[url].text).faults]
    assert faults == []
    shown = [re.sub(r"&#?\w+;", "", answers[url].text) for url in seen]
    assert [url for url, text in zip(seen, shown, strict=True) if "alert(1)</script>" in text] == []
    told = "".join(unescape(answers[url].text).replace("\u2060", "") for url in seen if "/frame" in url)
    assert "7 * 7" in told
    assert "@unsubscribe_url@" in told
    feed = web.client.get("/issues.atom").content
    assert MARK.encode() in feed
    etree.fromstring(feed)


def test_the_layout_holds(browser: Browser, web: Web) -> None:
    """On a phone no page has to be scrolled sideways, and no script of theirs runs on any."""
    dialogs: list[str] = []

    def refuse(asked: Dialog) -> None:
        dialogs.append(asked.message)
        asked.dismiss()

    with newsroom(web, hostile_news, hostile), window(browser, web, viewport=PHONE) as page:
        page.on("dialog", refuse)
        page.goto(a_link(web, ADA))
        page.get_by_role("button", name="Sign in").click()
        wide = []
        for path in (*PAGES, "what if"):
            open_page(page, path)
            assert page.evaluate("top.taken") is None
            page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
            width = page.evaluate("document.documentElement.scrollWidth")
            if width > PHONE["width"]:
                wide.append((path, width, page.evaluate(WIDEST)))
        assert not wide, "\n".join(map(str, wide))
    assert dialogs == []
