"""How text is set: cleaned, isolated by direction, shortened, counted and wrapped. Pure functions.

Everything a story says passes through `clean` before a template sees it.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Literal

from babel import Locale, UnknownLocaleError

Direction = Literal["ltr", "rtl"]

WIDTH = 72  # columns of a text part

# What no mail may carry: controls, surrogates and noncharacters, which neither XML nor every
# mailbox takes, and the bidirectional overrides, which could reorder what stands around a text.
_UNFIT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    "\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)
_SLOT = re.compile("@(?=@)")
_SPACE = re.compile(r"[^\S\u00a0]+")
_SENTENCE_END = re.compile(r"""(?<!\b[A-Z])[.!?…][)\]"'”’»]*(?=\s|$)|[。！？][」』”’）]*""")

_CJK = "\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
_CJK_OPENING = "（「『【〈《［｛“‘"
_CJK_CLOSING = "、。，．：；？！）」』】〉》］｝ー…”’"
_UNIT = re.compile(
    f"(?P<letter>[{_CJK_OPENING}]*[{_CJK}][{_CJK_CLOSING}]*)"  # with the marks that cling to it
    f"|(?:(?![{_CJK}])[^ \n])+[{_CJK_CLOSING}]*"  # or a word
    "|[ \n]+"
)

# Where letters of two columns are; all others take one or none.
_WIDE = re.compile("[\u1100-\u115f\u2300-\u2bff\u2e80-\uffff\U00010000-\U0010ffff]")

_RTL = "\u0590-\u08ff\ufb1d-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
_RTL_RUN = re.compile(f"[{_RTL}](?:[^A-Za-z\n]*[{_RTL}])?")
_LTR_RUN = re.compile(
    r"[$€£¥+-]?[0-9A-Za-z\u00c0-\u024f](?:[^\n" + _RTL + r"()«»]*[0-9A-Za-z\u00c0-\u024f%$€£¥+])?"
)
_NUMBER = re.compile("[0-9][0-9.,]*")  # stands right in either direction


def clean(text: str) -> str:
    """`text` on one line, without anything that could break a mail or pose as one of our slots."""
    return _SLOT.sub("@\u2060", _SPACE.sub(" ", _UNFIT.sub("", text)).strip())


@lru_cache(maxsize=512)
def _locale(tag: str) -> Locale | None:
    try:
        return Locale.parse(tag.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return None


def language_tag(tag: str) -> str:
    """`tag` as html's `lang` takes it; "und" for what is no language."""
    return tag if _locale(tag) else "und"


def language_name(tag: str) -> str | None:
    """The language in English words, without its region; None where nobody knows it."""
    if not (locale := _locale(tag)):
        return None
    known = Locale(locale.language, script=locale.script) if locale.script else Locale(locale.language)
    name = known.get_display_name("en")
    return name.replace(" (", ", ").rstrip(")") if name else None


def direction_of(tag: str) -> Direction:
    locale = _locale(tag)
    return "rtl" if locale and locale.text_direction == "rtl" else "ltr"


def isolate(text: str, direction: Direction = "ltr") -> str:
    """`text` with the runs of the other direction between U+2068 and U+2069.

    So figures and names in Latin letters keep their order inside Arabic or Hebrew, and the other
    way round (UAX #9, 2.4.2). They are characters: they work in text parts too.
    """
    if direction == "ltr":
        return text if text.isascii() else _RTL_RUN.sub("\u2068\\g<0>\u2069", text)
    return _LTR_RUN.sub(lambda run: run[0] if _NUMBER.fullmatch(run[0]) else f"\u2068{run[0]}\u2069", text)


def first_strong(text: str, otherwise: Direction) -> Direction:
    """The direction of the first letter that has one (UAX #9, P2)."""
    for letter in text:
        if (kind := unicodedata.bidirectional(letter)) in ("L", "R", "AL"):
            return "ltr" if kind == "L" else "rtl"
    return otherwise


def cut(text: str, limit: int) -> str:
    """At most `limit` characters of `text`, ended at a word and with "…" where something is lost."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    at_word = head if text[limit - 1].isspace() else head.rpartition(" ")[0]
    if len(at_word) < limit // 2:  # one long word, or a script without spaces
        at_word = head
    return at_word.rstrip(" ,;:–—-") + "…"


def count_words(text: str) -> int:
    """Words to read; a script without spaces counts two letters a word."""
    letters = len(re.findall(f"[{_CJK}]", text))
    return len(re.sub(f"[{_CJK}]", " ", text).split()) + (letters + 1) // 2


def shorten(text: str, words: int) -> str:
    """About `words` words of `text`: ended at a sentence, else at a word, and marked with "…"."""
    end = 0
    seen = 0.0
    for unit in _UNIT.finditer(text):
        if not unit[0].isspace():
            seen += 0.5 if unit.lastgroup else 1 + len(unit[0]) // 40
        if seen > words:
            break
        end = unit.end()
    else:
        return text
    head = text[:end].rstrip() or text[: words * 2]
    ends = [match.end() for match in _SENTENCE_END.finditer(head)]
    if ends and ends[-1] > len(head) * 0.6:
        return head[: ends[-1]].rstrip("…") + " …"
    return head.rstrip(" ,;:–—-") + "…"


def columns(text: str) -> int:
    """How many columns `text` takes: wide letters two, marks and isolates none."""
    if text.isascii():
        return len(text)
    return sum(
        2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
        if unicodedata.category(letter) not in {"Mn", "Me", "Cf"}
    )


def wrap(text: str, *, first: str = "", rest: str = "", width: int = WIDTH) -> str:
    """`text` in lines of at most `width` columns, each paragraph after `first`, its lines after `rest`.

    A word longer than a line (a link) stays whole. No line ends in a space.
    """
    return "\n".join(_wrapped(line, first, rest, width) for line in text.split("\n"))


def _wrapped(paragraph: str, first: str, rest: str, width: int) -> str:
    if len(first) + len(paragraph) <= width and not _WIDE.search(paragraph):
        return (first + paragraph).rstrip(" ")
    lines, line, used = [], first, columns(first)
    empty = True
    for match in _UNIT.finditer(paragraph):
        unit = match[0]
        size = columns(unit)
        if not empty and used + size > width and not unit.isspace():
            lines.append(line.rstrip(" "))
            line, used = rest, columns(rest)
        elif empty and unit.isspace():
            continue
        line, used, empty = line + unit, used + size, False
    lines.append(line.rstrip(" "))
    return "\n".join(lines)
