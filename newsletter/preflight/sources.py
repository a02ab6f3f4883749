"""What a story builds on: its citations, its counts, who stands behind its outlets, its links. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from html import unescape

from newsletter.preflight.findings import Finding, Severity
from newsletter.preflight.followed import Followed
from newsletter.preflight.owners import owner_of
from newsletter.preflight.words import texts
from newsletter.rendering.coverage import Coverage
from newsletter.rendering.telling import Story, Telling
from newsletter.rendering.urls import fit, host, page

_CITATION = re.compile(r"(?<!\w)\[(\d{1,2}(?:\s*[,–-]\s*\d{1,2})*)\](?![(:\w])")
_DEFINED = re.compile(r"^ {0,3}\[(\d{1,2})\]:\s", re.MULTILINE)
_LINK = re.compile(r"\[([^\[\]\n]*)\]\(([^()\s]*)\)")
_COUNT = re.compile(r"\b(\d{1,3}) (?:news )?(sources|outlets)\b")
_HREF = re.compile(r'\shref="(https?://[^"]+)"')
#: they hide where they lead, and may be gone tomorrow
_SHORTENERS = (
    "bit.ly buff.ly cutt.ly dlvr.it goo.gl ift.tt is.gd lnkd.in ow.ly rb.gy rebrand.ly shorturl.at t.co t.ly "
    "tiny.cc tinyurl.com trib.al v.gd"
)
#: more hosts than these are counted
_NAMED = 3


def citations(telling: Telling, story: Story) -> Iterator[Finding]:
    """Each `[n]` names a source that the card lists, and each link of the text leads somewhere."""
    listed = _listed(story.coverage)
    for where, text in texts(telling):
        if where == "headline":
            continue
        defined = set(map(int, _DEFINED.findall(text)))
        numbers = {n for found in _CITATION.finditer(text) for n in _numbers(found[1])} - defined
        for number in sorted(number for number in numbers if not 1 <= number <= listed):
            words = f"it cites source [{number}], and {listed or 'none'} are listed"
            remedy = "correct the number where the text comes from, or drop the story"
            yield Finding("citations", Severity.BLOCKING, where, words, remedy, telling.story_id)
        for words in sorted({found[1] for found in _LINK.finditer(text) if not fit(found[2])}):
            remedy = "correct the link where the text comes from"
            said = f"the link on “{words}” leads nowhere: its words stay, as plain text"
            yield Finding("citations", Severity.WARNING, where, said, remedy, telling.story_id)


def _numbers(text: str) -> Iterator[int]:
    """`1, 3-5` → 1, 3, 4, 5."""
    for part in re.split(r"\s*,\s*", text):
        first, _, last = re.sub(r"\s*[–-]\s*", "-", part).partition("-")
        yield from range(int(first), int(last or first) + 1)


def _listed(coverage: Coverage) -> int:
    return len(coverage.rows) + len(coverage.cited)


def counts(telling: Telling, story: Story) -> Iterator[Finding]:
    """“from N sources”, and numbers of sources in the words about the summary, equal the lists."""
    content = telling.content
    lists = {len(content.coverage), len(content.outlets), len(story.coverage.rows) + story.coverage.hidden}
    says = {int(number): "about this summary" for number, _ in _COUNT.findall(content.about or "")}
    if story.tldr and story.tldr.source_count:
        says[story.tldr.source_count] = "TL;DR"
    for number, where in says.items():
        if number not in lists:
            listed = f"{len(content.coverage)} reports of {len(content.outlets)} outlets are listed"
            words = f"it says that it was made from {number} sources, but {listed}"
            remedy = "look which is right; the source of the story corrects it"
            yield Finding("counts", Severity.WARNING, where, words, remedy, telling.story_id)


def owners(telling: Telling) -> Iterator[Finding]:
    """Outlets of one owner are not as many independent reports."""
    outlets: dict[str, dict[str, str]] = {}
    for article in telling.content.coverage:
        url = fit(article.url)
        if url and (owner := owner_of(url)):
            outlets.setdefault(owner, {}).setdefault(article.outlet.casefold(), article.outlet)
    shared = {owner: list(names.values()) for owner, names in outlets.items() if len(names) > 1}
    if shared:
        groups = "; ".join(f"{_named(names)} ({owner})" for owner, names in shared.items())
        count = len(telling.content.outlets)
        fewer = count - sum(len(names) - 1 for names in shared.values())
        behind = "one owner" if fewer == 1 else f"{fewer} owners"
        words = f"{count} outlets are counted, with {behind}: {groups}"
        remedy = "take the number of outlets for what it is: it also lifts the story in the order"
        yield Finding("owners", Severity.WARNING, "coverage", words, remedy, telling.story_id)


def links_in(html: str) -> tuple[str, ...]:
    """The links of a card that lead out of the mail, each once."""
    return tuple(dict.fromkeys(unescape(url) for url in _HREF.findall(html) if "@@" not in url))


def links(story_id: int | None, urls: Iterable[str], followed: Mapping[str, Followed]) -> Iterator[Finding]:
    """Links that are unsafe or hide where they lead; those that were `followed`: dead or moved."""
    urls = tuple(urls)
    plain = [url for url in urls if url.startswith("http://")]
    short = [url for url in urls if host(url) in _SHORTENERS.split()]
    moved = [url for url in urls if url in followed and _moved(url, followed[url])]
    if plain:
        words = f"http only, so anybody on the way can change what readers see: {_hosts(plain)}"
        remedy = "ask the source for the https address"
        yield Finding("links", Severity.WARNING, "links", words, remedy, story_id)
    if short:
        words = f"shortened, so readers cannot see where they lead: {_hosts(short)}"
        yield Finding("links", Severity.WARNING, "links", words, "name the page itself", story_id)
    for url in urls:
        if url in followed and (dead := followed[url].dead):
            words, remedy = f"{url} {dead}", "drop the story, or wait for another report"
            yield Finding("links", Severity.WARNING, "links", words, remedy, story_id)
    if moved:
        words = f"moved elsewhere: {_hosts(moved)}; {moved[0]} leads to {followed[moved[0]].led_to}"
        yield Finding(
            "links", Severity.WARNING, "links", words, "see whether it is still the report", story_id
        )


def _moved(url: str, followed: Followed) -> bool:
    """Whether it leads to another page; https, `www.` and a last slash make no other page."""
    to = fit(followed.led_to)
    return bool(to and not followed.dead and page(to) != page(url))


def _hosts(urls: Iterable[str]) -> str:
    return _named(list(dict.fromkeys(map(host, urls))))


def _named(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
