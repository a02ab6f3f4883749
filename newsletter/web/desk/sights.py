"""How the desk shows a mail: the choices above it, and the frame in which it can do nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse, Response

from newsletter.links import no_reader_links
from newsletter.mail import Content, Sender
from newsletter.preview import Shown
from newsletter.rendering.joining import LIMIT
from newsletter.web.desk.likeness import Look, likeness
from newsletter.web.pages import Door

#: without images a picture is blocked as a mail program would, and its words are shown
IMAGES = {"on": " img-src 'self' data:;", "off": ""}
INERT = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline';{images} base-uri 'none'; form-action 'none';"
    " frame-ancestors 'self'"
)

Query = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True)
class Sight:
    """How a mail is to be shown."""

    part: Literal["html", "text"] = "html"
    width: Literal["600", "375", "320"] = "600"
    look: Look = Look.LIGHT
    images: Literal["on", "off"] = "on"

    def query(self) -> dict[str, str]:
        """What is chosen otherwise than usual."""
        usual = asdict(Sight())
        return {name: str(value) for name, value in asdict(self).items() if value != usual[name]}


class Choice(NamedTuple):
    """One of several, as a link."""

    words: str
    query: str
    chosen: bool


_CHOICES: dict[str, dict[str, str]] = {
    "part": {"html": "HTML", "text": "Text"},
    "width": {"600": "600 px", "375": "375 px", "320": "320 px"},
    "look": {
        Look.LIGHT: "Light",
        Look.DARK: "Dark",
        Look.FORCED: "Forced dark",
        Look.PLAIN: "No style sheets",
        Look.OUTLOOK: "Outlook",
    },
    "images": {"on": "Shown", "off": "Off"},
}
_TITLES = {"part": "Part", "width": "Width", "look": "Look", "images": "Images"}


def choices(sight: Sight, others: Query) -> dict[str, list[Choice]]:
    """Title → the links by which one choice is changed, and `others` of the address kept.

    The text part has no width, no look and no images.
    """
    shown = _CHOICES if sight.part == "html" else {"part": _CHOICES["part"]}
    return {
        _TITLES[name]: [
            Choice(
                words,
                query_string({**others, **_changed(sight, name, value)}),
                value == getattr(sight, name),
            )
            for value, words in values.items()
        ]
        for name, values in shown.items()
    }


def _changed(sight: Sight, name: str, value: str) -> dict[str, str]:
    usual = asdict(Sight())
    chosen = sight.query() | {name: str(value)}
    return {key: chosen[key] for key in chosen if chosen[key] != usual[key]}


def query_string(query: Query) -> str:
    """`?a=b`, or nothing."""
    told = urlencode({name: value for name, value in query.items() if value}, doseq=True)
    return f"?{told}" if told else ""


def filled(door: Door, content: Content) -> Content:
    """The content with links that are no reader's."""
    return content.fill(no_reader_links(door.services.settings.public_url))


def framed(door: Door, content: Content, sight: Sight) -> Response:
    """The html part for a frame: as it looks, inert even where it is opened on its own."""
    policy = INERT.format(images=IMAGES[sight.images])
    html = likeness(filled(door, content).html, sight.look)
    return HTMLResponse(html, headers={"content-security-policy": policy})


def as_shown(
    door: Door, shown: Shown, sight: Sight, others: Query, *, sender: Sender | None = None
) -> dict[str, object]:
    """What `mail_shown.html` needs; without `sender`, the mail is a digest's."""
    return {
        "content": filled(door, shown.content),
        "preheader": shown.preheader,
        "size_bytes": shown.size_bytes,
        "limit": LIMIT,
        "sender": sender or door.services.settings.mail_from,
        "sight": sight,
        "choices": choices(sight, others),
        "frame_query": query_string({**others, **sight.query()}),
    }
