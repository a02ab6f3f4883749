"""The language of what a source tells: the tag that it states, or else what the script shows."""

import re
import unicodedata
from collections import Counter
from functools import lru_cache

_TAG = re.compile(r"([a-zA-Z]{2,3})(?:[-_]([a-zA-Z]{4}))?(?:[-_]([a-zA-Z]{2}|\d{3}))?")
#: the first word of a letter's Unicode name, and the language that writes so most
_OF_SCRIPT = {
    "ARABIC": "ar",
    "HEBREW": "he",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "CJK": "zh",
    "HANGUL": "ko",
    "CYRILLIC": "ru",
    "GREEK": "el",
    "THAI": "th",
    "DEVANAGARI": "hi",
}
_ASIDE = re.compile(r"\([^()]*\)|（[^（）]*）")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]+")
#: Japanese is mostly Han with some kana; Chinese may quote a kana
_HAN_FOR_A_KANA = 20


def language_tag(code: str | None) -> str | None:
    """The BCP 47 tag that `code` means, in its usual case: `FR` → `fr`, `zh_hans` → `zh-Hans`."""
    found = _TAG.fullmatch((code or "").strip())
    if not found:
        return None
    language, script, region = found.groups()
    return "-".join(filter(None, (language.lower(), script and script.title(), region and region.upper())))


def language_by_script(text: str) -> str:
    """The language that `text` is most likely in, as far as its script tells; English if it tells nothing.

    Firms and models keep their Latin names in every language, so a letter of another script
    weighs as much as a Latin word. What stands in brackets does not count.
    """
    if text.isascii():
        return "en"
    text = _ASIDE.sub(" ", text)
    letters: Counter[str] = Counter()
    for letter, count in Counter(text).items():
        if language := _language_of(letter):
            letters[language] += count
    if not letters or letters.total() < len(_LATIN_WORD.findall(text)):
        return "en"
    if 0 < letters["zh"] <= letters["ja"] * _HAN_FOR_A_KANA:
        letters["ja"] += letters.pop("zh")
    return letters.most_common(1)[0][0]


@lru_cache(maxsize=10_000)
def _language_of(letter: str) -> str | None:
    return _OF_SCRIPT.get(unicodedata.name(letter, "").partition(" ")[0]) if letter.isalpha() else None


def page_language(stated: str | None, title: str) -> str | None:
    """What a page states, unless that is the English of its frame around a title without a Latin letter."""
    tag = language_tag(stated)
    if tag and tag.partition("-")[0] == "en" and not _LATIN_WORD.search(title):
        return language_by_script(title)
    return tag


def tldr_language(stated: str | None, text: str, title: str, language: str) -> str | None:
    """The language of a TL;DR, None where it is `language`, that of the title.

    A TL;DR that states none is in the title's, unless it is written in another script.
    """
    if stated := language_tag(stated):
        return None if stated == language else stated
    seen = language_by_script(text)
    return None if seen in (language_by_script(title), language.partition("-")[0]) else seen
