"""Which alert rules a story meets, and by which facts. Pure.

Rules are found by terms rather than asked one by one: `anchors` says under which terms a rule is
kept, `terms` which terms a story has. A story that meets a rule has one of its anchors at least;
what has one need not meet it, so every rule that is found is judged.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.alerts.phrases import count, listed, quoted
from newsletter.content import StoryContent
from newsletter.judging import Reason
from newsletter.pool import as_words, says
from subscribers.alert_rule import AlertRule
from subscribers.lens import term

Terms = Iterator[tuple[str, str]]

#: by so many of its first words a phrase is found in a text of this kind: the fewer, the fewer terms
#: a story has, and the more, the fewer rules are judged in vain
LONGEST = {"title": 4, "text": 2}


@dataclass(frozen=True)
class News:
    """A story at the revision that came in, as the rules look at it."""

    story_id: int
    revision: int
    content: StoryContent
    first_seen_at: datetime
    #: when this revision came in
    seen_at: datetime
    #: when each outlet was first seen to report it, the earliest first
    spread: tuple[datetime, ...]


def judge(rule: AlertRule, news: News, *, leads: Callable[[], bool]) -> tuple[Reason, ...]:
    """Every condition of the rule, passed or failed, in words with the story's own facts.

    Those that the mail's footer says are `shown`. A story that names no audience concerns every reader
    of a digest, but meets no rule for an audience: an alert must be meant for its reader.

    `leads` says whether the story would lead the digest of the rule's reader; it is asked last, and only
    where the rule asks for it and all else is met; else nothing is said of it.
    """
    reasons = (*_interests(rule, news.content), *_thresholds(rule, news))
    if rule.leads and meets(reasons):
        reasons += (_asked("leads", leads(), "would lead your digest", "would not lead your digest"),)
    return reasons or (_asked("any", True, "you asked for every story", ""),)


def is_near(rule: AlertRule, content: StoryContent) -> bool:
    """Whether the story may meet the rule: whatever `judge` finds to meet it is near, and most is not.

    For looking at thousands of stories, since it says nothing of why.
    """
    texts = content.title, content.tldr.text if content.tldr else None
    return (
        len(content.outlets) >= (rule.min_outlets if rule.min_outlets > 1 else 0)
        and len(content.languages) >= (rule.min_languages if rule.min_languages > 1 else 0)
        and not (rule.impacts and content.impact not in rule.impacts)
        and not (rule.audiences and rule.audiences.isdisjoint(content.audience_terms))
        and not (rule.companies and not any(_mentions(content, key) for key in rule.companies))
        and not (rule.topics and not _said(rule.topics, content.title, content.category))
        and not (rule.words and not _said(rule.words, *texts))
    )


def meets(reasons: tuple[Reason, ...]) -> bool:
    """Whether every condition is passed."""
    return all(reason.passed for reason in reasons)


def _asked(rule: str, passed: bool, met: str, missed: str) -> Reason:
    return Reason(rule, passed, met if passed else missed, shown=passed)


def _interests(rule: AlertRule, content: StoryContent) -> Iterator[Reason]:
    if rule.audiences:
        named = [audience for audience in content.audiences if term(audience) in rule.audiences]
        meant = listed(content.audiences, "and") or "no audience in particular"
        yield _asked("audience", bool(named), f"for {listed(named, 'and')}", f"for {meant}")
    if rule.companies:
        about = [_name(key, content) for key in sorted(rule.companies) if _mentions(content, key)]
        missed = f"not about {listed(sorted(rule.companies), 'or')}"
        yield _asked("company", bool(about), f"about {listed(about, 'and')}", missed)
    if rule.topics:
        said = _said(rule.topics, content.title, content.category)
        missed = f"neither title nor category says {quoted(rule.topics)}"
        yield _asked("topic", bool(said), f"topic {listed(said, 'and')}", missed)
    if rule.words:
        said = _said(rule.words, content.title, content.tldr.text if content.tldr else None)
        missed = f"neither title nor TL;DR says {quoted(rule.words)}"
        yield _asked("words", bool(said), f"says {quoted(said, 'and')}", missed)
    if rule.impacts:
        label = content.impact.effect if content.impact else "none yet"
        yield _asked("impact", content.impact in rule.impacts, f"label: {label}", f"label: {label}")


def _thresholds(rule: AlertRule, news: News) -> Iterator[Reason]:
    outlets, languages = len(news.content.outlets), len(news.content.languages)
    if rule.min_outlets > 1:
        yield _enough("outlets", outlets, "outlet", rule.min_outlets)
    if rule.min_languages > 1:
        yield _enough("languages", languages, "language", rule.min_languages)
    if rule.fast_outlets:
        together = _most_within(timedelta(hours=rule.fast_hours), news.spread)
        within = f" within {count(rule.fast_hours, 'hour')}"
        yield _enough("fast", together, "outlet", rule.fast_outlets, within)


def _enough(rule: str, there_are: int, thing: str, asked: int, within: str = "") -> Reason:
    text = f"{count(there_are, thing)}{within} (you asked for {asked})"
    return _asked(rule, there_are >= asked, text, text)


def _most_within(span: timedelta, spread: tuple[datetime, ...]) -> int:
    """The most outlets that began to report within `span` of each other."""
    most = begin = 0
    for end, moment in enumerate(spread):
        while moment - spread[begin] > span:
            begin += 1
        most = max(most, end - begin + 1)
    return most


def _mentions(content: StoryContent, company: str) -> bool:
    return company in content.company_terms or says(as_words(content.title), as_words(company))


def _name(key: str, content: StoryContent) -> str:
    """The company's name as the story writes it."""
    return next((company.name for company in content.companies if company.key == key), key)


def _said(wanted: Iterable[str], *texts: str | None) -> list[str]:
    """Those of the wanted terms that stand in one of the texts."""
    heard = [as_words(text) for text in texts if text]
    return [word for word in sorted(wanted) if any(says(text, as_words(word)) for text in heard)]


def anchors(rule: AlertRule) -> tuple[tuple[str, str], ...]:
    """(kind, term): by one of these, at least, a story that meets the rule is found; see `terms`.

    They are of the kind of interest that the fewest stories answer to.
    """
    if rule.companies:
        found = {("company", key) for key in rule.companies} | set(_keys("title", rule.companies))
    elif rule.topics:
        found = set(_keys("title", rule.topics))
    elif rule.words:
        found = set(_keys("text", rule.words))
    elif rule.audiences:
        found = {("audience", audience) for audience in rule.audiences}
    elif rule.impacts:
        found = {("impact", impact) for impact in rule.impacts}
    else:
        found = {("any", "")}
    return tuple(sorted(found))


def terms(content: StoryContent) -> frozenset[tuple[str, str]]:
    """(kind, term) of the story: whatever rule it meets has one of them among its anchors.

    Some hundreds at most; they grow with the length of the TL;DR.
    """
    found = {("any", "")}
    found |= {("company", key) for key in content.company_terms}
    found |= {("audience", audience) for audience in content.audience_terms}
    found |= {("impact", content.impact.value)} if content.impact else set()
    for kind, more in (("title", content.category), ("text", content.tldr.text if content.tldr else None)):
        for text in (content.title, more or ""):
            found |= {(kind, part) for part in _parts(as_words(text), LONGEST[kind])}
    return frozenset(found)


def _keys(kind: str, wanted: Iterable[str]) -> Terms:
    """The part by which each wanted term is found where a text says it, see `_parts`."""
    for words in map(str.split, map(as_words, wanted)):
        phrase = " ".join(words)
        if not phrase.isascii():
            first = next(place for place, character in enumerate(phrase) if not character.isascii())
            yield kind, phrase[first : first + 2]
        elif words:
            yield kind, " ".join(words[: LONGEST[kind]])


def _parts(text: str, longest: int) -> Iterator[str]:
    """ASCII phrases of one up to `longest` words, and each other character, alone and with its next.

    Terms in such characters match anywhere, even within words (see `pool.says`).
    """
    words = text.split()
    for begin in range(len(words)):
        for end in range(begin + 1, min(begin + longest, len(words)) + 1):
            if not words[end - 1].isascii():
                break
            yield " ".join(words[begin:end])
    for place, character in enumerate(text):
        if not character.isascii():
            yield from (character, text[place : place + 2])
