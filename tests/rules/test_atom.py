"""The feeds: what RFC 4287 requires of a feed and of its entries, whatever the stories say."""

from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlsplit
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from newsletter.web.atom import Entry, Feed, to_xml

ATOM = "{http://www.w3.org/2005/Atom}"
AT = datetime(2026, 1, 8, 6, 30, tzinfo=timezone(timedelta(hours=2)))
ENTRY = Entry(
    id="tag:racetoagi.example,2026:issues/daily/2026-01-08",
    url="https://news.example/issues/daily/2026-01-08",
    title="A <b>bold</b> claim & its price",
    newsletter="Race to AGI Daily",
    updated=AT + timedelta(days=1),
    published=AT,
    headlines=("A <b>bold</b> claim & its price", "هيئة الحوسبة"),
)
FEED = Feed(
    id="tag:racetoagi.example,2026:issues/daily",
    url="https://news.example/issues/daily.atom",
    page="https://news.example/issues/daily",
    title="Race to AGI Daily",
    subtitle="The day's stories.",
    author=("Race to AGI", "https://racetoagi.example"),
    entries=[ENTRY],
)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=20)


def parsed(feed: Feed) -> ElementTree.Element:
    return ElementTree.fromstring(to_xml(feed))


def only(parent: ElementTree.Element, name: str) -> ElementTree.Element:
    [found] = parent.findall(ATOM + name)
    return found


def check(element: ElementTree.Element) -> None:
    """What RFC 4287 §4.1.1 and §4.1.2 ask of a feed and of an entry alike."""
    for name in ("id", "title", "updated"):
        assert only(element, name).text, name
    identity = urlsplit(only(element, "id").text or "")
    assert identity.scheme == "tag"
    at = only(element, "updated").text or ""
    assert at.endswith("Z")
    assert datetime.fromisoformat(at)
    alternates = [link for link in element.findall(f"{ATOM}link") if link.get("rel") == "alternate"]
    assert [link.get("type") for link in alternates] == ["text/html"]
    assert all((link.get("href") or "").startswith("https://") for link in alternates)


def test_a_feed_has_what_it_must() -> None:
    """Feed and entries have id, title and updated; the feed its author (§4.1.1) and itself as a link."""
    root = parsed(FEED)
    assert root.tag == f"{ATOM}feed"
    check(root)
    assert only(only(root, "author"), "name").text == "Race to AGI"
    [itself] = [link for link in root.findall(f"{ATOM}link") if link.get("rel") == "self"]
    assert itself.get("href") == FEED.url
    entry = only(root, "entry")
    check(entry)
    assert only(entry, "summary").text == "• A <b>bold</b> claim & its price\n• هيئة الحوسبة"
    assert only(entry, "published").text == "2026-01-08T04:30:00Z"


def test_the_last_change_is_the_feeds() -> None:
    """A feed is as new as the newest change in it, and an empty one still has a time."""
    assert only(parsed(FEED), "updated").text == "2026-01-09T04:30:00Z"
    empty = Feed(FEED.id, FEED.url, FEED.page, FEED.title, FEED.subtitle, FEED.author, [])
    check(parsed(empty))
    assert empty.updated == datetime(2026, 1, 1, tzinfo=UTC)


@given(texts, st.lists(texts, min_size=1, max_size=3))
def test_words_stay_words(title: str, headlines: list[str]) -> None:
    """Whatever the stories say, the document is well-formed, and says exactly that."""
    entry = Entry(ENTRY.id, ENTRY.url, title, "N", AT, AT, tuple(headlines))
    feed = Feed(FEED.id, FEED.url, FEED.page, title, "", FEED.author, [entry])
    found = only(parsed(feed), "entry")
    assert (only(found, "title").text or "") == title
    assert only(found, "summary").text == "\n".join(f"• {headline}" for headline in headlines)
