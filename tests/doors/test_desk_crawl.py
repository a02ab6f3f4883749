"""From the desk's first page one reaches every other by links: none is broken; looking changes nothing."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

import httpx

from newsletter.web.desk.pages import SECTIONS
from tests.doors.conftest import Web, on_one_database
from tests.doors.newsroom import newsroom
from tests.doors.test_desk_import import own_folder
from tests.doors.test_web_safety import rows

__all__ = ["own_folder"]

#: in which an address stands that is asked for by GET
ADDRESSES = {"a": "href", "iframe": "src", "link": "href", "script": "src", "img": "src"}


@dataclass
class Seen(HTMLParser):
    """What one reads of a page."""

    text: str
    links: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    headings: int = 0
    titles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._in_title = False
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.headings += tag == "h1"
        self._in_title = tag == "title"
        if named := told.get("id"):
            self.ids.append(named)
        if address := told.get(ADDRESSES.get(tag, "")):
            self.links.append(address)

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.titles.append(data)
            self._in_title = False


def within(url: str, base: str) -> bool:
    return url.startswith(f"{base}/") and not url.startswith(f"{base}//")


def kind(url: str) -> str:
    """Equal for links of which one is enough: where several things are chosen at a time."""
    parts = urlsplit(url)
    names = [name for name, _ in parse_qsl(parts.query)]
    return url if len(names) < 2 else f"{re.sub('[0-9]+', '#', parts.path)}?{sorted(names)}"


def crawl(web: Web, client: httpx.Client) -> dict[str, httpx.Response]:
    """The answer to each link within this instance, breadth first; the desk's pages are read for more."""
    start = f"{web.url}/desk"
    answers: dict[str, httpx.Response] = {}
    known, waiting = {kind(start)}, [start]
    while waiting:
        url = waiting.pop(0)
        answers[url] = answer = client.get(url)
        if not is_page(answer) or not urlsplit(url).path.startswith("/desk"):
            continue
        for link in Seen(answer.text).links:
            to = urldefrag(urljoin(url, link)).url
            if within(to, web.url) and kind(to) not in known:
                known.add(kind(to))
                waiting.append(to)
    return answers


def is_page(answer: httpx.Response) -> bool:
    """Whether it is a page, and not a mail in a frame, a table or a script."""
    is_html = answer.headers.get("content-type", "").startswith("text/html")
    return is_html and not answer.url.path.endswith(("/frame", "/html"))


@on_one_database
def test_every_link_leads_somewhere(web: Web) -> None:
    """Each page answers, has one heading and a title of its own; each place that a link names is there;
    and after all that looking the database holds what it held."""
    with newsroom(web) as desk:
        before = rows(web)
        answers = crawl(web, desk.client)
        assert rows(web) == before
    assert {url: answer.status_code for url, answer in answers.items() if answer.status_code != 200} == {}
    pages = {url: Seen(answer.text) for url, answer in answers.items() if is_page(answer)}
    assert [
        url for url, page in pages.items() if page.headings != 1 or not "".join(page.titles).strip()
    ] == []
    assert [url for url, page in pages.items() if len(page.ids) != len(set(page.ids))] == []
    lost = []
    for url, page in pages.items():
        for link in page.links:
            to, place = urldefrag(urljoin(url, link))
            if place and to in pages and place not in pages[to].ids:
                lost.append((url, link))
    assert lost == []
    reached = {urlsplit(url).path for url in pages}
    assert reached >= {section.path for section in SECTIONS}
    assert len(reached) >= 40
