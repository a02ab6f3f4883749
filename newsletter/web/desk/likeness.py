"""A mail as mail programs show it: what each of them takes from its html. Pure.

Likenesses, by which an editor sees what to expect; no program is imitated to the pixel.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from operator import ge, gt, le, lt


class Look(StrEnum):
    LIGHT = "light"
    DARK = "dark"
    #: the program inverts the colours itself and knows no dark rules, as Gmail on phones does
    FORCED = "forced"
    #: no style sheet is taken, as by GMX, and by Gmail for other accounts
    PLAIN = "plain"
    #: shown by Word, as by Outlook on Windows
    OUTLOOK = "outlook"


_SHEET = re.compile(r"<style\b[^>]*>.*?</style>", re.IGNORECASE | re.DOTALL)
_DARK_RULES = re.compile(r"@media\s*\(prefers-color-scheme:\s*dark\)")
_SCHEME = re.compile(r"(?<=color-scheme: )light dark|(?<=color-scheme\" content=\")light dark")
_CONDITIONAL = re.compile(
    r"<!--\[if ([^\]]+)\]>(?:\s*<!-->)?(.*?)(?:<!--)?<!\[endif\]-->", re.IGNORECASE | re.DOTALL
)
#: tells Word something and shows nothing
_SETTINGS = re.compile(r"<noscript>\s*<xml>.*?</xml>\s*</noscript>", re.DOTALL)
_STYLED = re.compile(r'(<(\w+)[^<>]*? style=")([^"]*)(?=")')
#: of Outlook 2016 and later
_WORD = 16
_ORDERS: dict[str, Callable[[float, float], bool]] = {"lt": lt, "lte": le, "gt": gt, "gte": ge}
#: caniemail.com, "Outlook Windows"
_UNKNOWN_TO_WORD = re.compile(
    r"(border-radius|max-width|min-width|max-height|box-shadow|text-shadow|opacity|overflow|word-spacing"
    r"|background-image|float|position|transform|animation)(-|$)"
)
#: links would open in a new window, which the sandbox has none of: so they lead nowhere
_BASE = '<base target="_blank">'
#: programs show mails without margins, and in these frames a scroll bar would take from the width
_PANE = "<style>html{scrollbar-width:none}body{margin:0}</style>"
_INVERTED = (
    "<style>html{background:#fff;filter:invert(1) hue-rotate(180deg)}"
    "img{filter:invert(1) hue-rotate(180deg)}</style>"
)


def likeness(html: str, look: Look) -> str:
    """The document as it looks, for a frame of ours."""
    added = _BASE + _PANE
    if look is Look.DARK:
        html = _in_sheets(html, dark=True)
    elif look is Look.PLAIN:
        html = _SHEET.sub("", html)
    elif look is Look.OUTLOOK:
        html = _STYLED.sub(_as_word_reads, _CONDITIONAL.sub(_as_word_decides, _without_sheets(html)))
    else:
        html = _in_sheets(html, dark=False)
    if look is Look.FORCED:
        added += _INVERTED
    before, end, body = html.partition("</head>")
    before = _SCHEME.sub("dark" if look is Look.DARK else "light", before)
    return before + added + end + body


def _in_sheets(html: str, *, dark: bool) -> str:
    """With the rules for dark mode always on, or never."""
    media = "@media all" if dark else "@media not all"
    return _SHEET.sub(lambda sheet: _DARK_RULES.sub(media, sheet[0]), html)


def _without_sheets(html: str) -> str:
    """Without style sheets but for those that are meant for Word alone."""
    kept, at = [], 0
    for found in _CONDITIONAL.finditer(html):
        kept += [_SHEET.sub("", html[at : found.start()]), found[0]]
        at = found.end()
    return "".join([*kept, _SHEET.sub("", html[at:])])


def _as_word_decides(conditional: re.Match[str]) -> str:
    holds = any(map(_holds, conditional[1].split("|")))
    return _SETTINGS.sub("", conditional[2]) if holds else ""


def _holds(condition: str) -> bool:
    """Whether one condition of a conditional comment holds in Word."""
    words = condition.strip(" ()").lower().split()
    match words:
        case ["mso"]:
            return True
        case [how, "mso", version] if how in _ORDERS:
            return _ORDERS[how](_WORD, float(version))
        case _:
            return False


def _as_word_reads(styled: re.Match[str]) -> str:
    """An inline style without what Word passes over; padding it takes in table cells alone."""
    start, tag, style = styled.groups()
    is_cell = tag.lower() in ("td", "th")
    taken = [
        rule
        for rule in style.split(";")
        if not _UNKNOWN_TO_WORD.match(name := rule.partition(":")[0].strip().lower())
        and (is_cell or not name.startswith("padding"))
    ]
    return start + ";".join(taken)
