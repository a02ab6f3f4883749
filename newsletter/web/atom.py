"""Atom feeds of the archive (RFC 4287): of all newsletters, of one, of one as an audience gets it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree

from fastapi import APIRouter, Request
from fastapi.responses import Response

from newsletter.archive import Archive, Listed, audience_slug
from newsletter.web.archive import InArchive, Slug, audience_named, newsletter_named, path_of
from newsletter.web.conditional import unless_known
from newsletter.web.pages import AtDoor, Door, PageRoute

router = APIRouter(route_class=PageRoute)

NAMESPACE = "http://www.w3.org/2005/Atom"
MEDIA_TYPE = "application/atom+xml"
#: issues in a feed
NEWEST = 20
#: the year in which the ids began, of which they are made (RFC 4151 §2.1): it never changes
_BEGAN = 2026
#: of a feed in which nothing stands yet
_NEVER = datetime(_BEGAN, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Entry:
    id: str
    url: str
    title: str
    newsletter: str
    #: when a significant change was made (RFC 4287 §4.2.15): a correction is one
    updated: datetime
    published: datetime
    headlines: tuple[str, ...]


@dataclass(frozen=True)
class Feed:
    id: str
    #: of itself, and of the page that says the same
    url: str
    page: str
    title: str
    subtitle: str
    #: who wrote it, and their site
    author: tuple[str, str]
    entries: Sequence[Entry]

    @property
    def updated(self) -> datetime:
        return max((entry.updated for entry in self.entries), default=_NEVER)


@router.get("/issues.atom")
def feed_of_all(request: Request, door: AtDoor, archive: InArchive) -> Response:
    name = door.services.site.name
    return _answer(request, door, archive, None, None, name, "What we told our readers, issue by issue.")


@router.get("/issues/{slug}.atom")
def feed_of_newsletter(request: Request, slug: Slug, door: AtDoor, archive: InArchive) -> Response:
    return _answer(request, door, archive, slug, None, *newsletter_named(archive, slug))


@router.get("/issues/{slug}/{audience}.atom")
def feed_for_audience(
    request: Request, slug: Slug, audience: str, door: AtDoor, archive: InArchive
) -> Response:
    name, description = newsletter_named(archive, slug)
    readers = audience_named(door, audience)
    return _answer(request, door, archive, slug, readers, f"{name}, for {readers}", description)


def to_xml(feed: Feed) -> bytes:
    """The feed as a document."""
    root = ElementTree.Element("feed", {"xmlns": NAMESPACE, "xml:lang": "en"})
    _add(root, "id", feed.id)
    _add(root, "title", feed.title)
    _add(root, "subtitle", feed.subtitle)
    _add(root, "updated", _instant(feed.updated))
    author = ElementTree.SubElement(root, "author")
    for name, words in zip(("name", "uri"), feed.author, strict=True):
        _add(author, name, words)
    _add(root, "link", rel="self", type=MEDIA_TYPE, href=feed.url)
    _add(root, "link", rel="alternate", type="text/html", href=feed.page)
    for entry in feed.entries:
        root.append(_entry(entry))
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _entry(entry: Entry) -> ElementTree.Element:
    element = ElementTree.Element("entry")
    _add(element, "id", entry.id)
    _add(element, "title", entry.title)
    _add(element, "updated", _instant(entry.updated))
    _add(element, "published", _instant(entry.published))
    _add(element, "category", term=entry.newsletter)
    _add(element, "link", rel="alternate", type="text/html", href=entry.url)
    _add(element, "summary", "\n".join(f"• {headline}" for headline in entry.headlines), type="text")
    return element


def _add(parent: ElementTree.Element, name: str, text: str | None = None, **attributes: str) -> None:
    ElementTree.SubElement(parent, name, attributes).text = text


def _instant(at: datetime) -> str:
    """As RFC 3339 writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _answer(
    request: Request,
    door: Door,
    archive: Archive,
    slug: str | None,
    audience: str | None,
    title: str,
    subtitle: str,
) -> Response:
    site, public_url = door.services.site, door.services.settings.public_url
    names = [slug, audience_slug(audience) if audience else None]
    path = "/".join(["/issues", *filter(None, names)])
    feed = Feed(
        id=_id(site.url, path),
        url=f"{public_url}{path}.atom",
        page=f"{public_url}/issues/{slug}" if slug else f"{public_url}/issues",
        title=title,
        subtitle=subtitle,
        author=(site.name, site.url),
        entries=[
            _listed(door, archive.listed(told), audience)
            for issue in archive.issues(slug, limit=NEWEST)
            if (told := archive.told(issue, audience))
        ],
    )
    answer = Response(to_xml(feed), media_type=MEDIA_TYPE)
    return unless_known(request, answer, changed_at=feed.updated)


def _listed(door: Door, listed: Listed, audience: str | None) -> Entry:
    told = listed.told
    path = path_of(told.issue, audience)
    return Entry(
        id=_id(door.services.site.url, path),
        url=f"{door.services.settings.public_url}{path}",
        title=told.subject,
        newsletter=told.issue.newsletter,
        updated=listed.changed_at,
        published=told.issue.published_at,
        headlines=listed.headlines,
    )


def _id(site_url: str, path: str) -> str:
    """A tag URI (RFC 4151): the same wherever the pages move."""
    return f"tag:{urlsplit(site_url).hostname},{_BEGAN}:{path.removeprefix('/')}"
