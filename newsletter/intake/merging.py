"""One story from what several sources tell of it. Pure."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import TypeVar

from newsletter.content import Article, Company, StoryContent, Tldr
from subscribers.lens import term

T = TypeVar("T")


def event_key(day: date, title: str) -> str:
    """Equal for records of one event: the same day and the same title, however it is spelt.

    32 hexadecimal digits.
    """
    return hashlib.blake2b(f"{day}\n{term(title)}".encode(), digest_size=16).hexdigest()


def merge(contents: Sequence[StoryContent]) -> StoryContent:
    """What is known of an event from at least one record, the oldest first.

    For each part the newest record that has it wins. Coverage and companies are united, so that no
    source takes away what another one reports. Merging what was merged changes nothing.
    """
    newest = contents[-1]
    latest_first = contents[::-1]
    outlet = _latest(latest_first, lambda told: told.primary_outlet)
    links = [told for told in latest_first if term(told.primary_outlet or "") == term(outlet or "")]
    return StoryContent(
        title=newest.title,
        date=newest.date,
        language=newest.language,
        category=_latest(latest_first, lambda told: told.category),
        primary_outlet=outlet,
        primary_url=_latest(links, lambda told: told.primary_url),
        tldr=_latest(latest_first, lambda told: _tldr(told, newest.language)),
        about=_latest(latest_first, lambda told: told.about),
        analysis=_latest(latest_first, lambda told: told.analysis),
        impact=_latest(latest_first, lambda told: told.impact),
        audiences=_latest(latest_first, lambda told: told.audiences) or (),
        companies=_companies(company for told in contents for company in told.companies),
        coverage=_coverage(_article(article, told, newest) for told in contents for article in told.coverage),
        url=_latest(latest_first, lambda told: told.url),
    )


def _latest(latest_first: Iterable[StoryContent], part: Callable[[StoryContent], T | None]) -> T | None:
    return next((value for told in latest_first if (value := part(told))), None)


def _tldr(told: StoryContent, language: str) -> Tldr | None:
    """The TL;DR with its language told where the title, now, is in another one."""
    if told.tldr is None:
        return None
    return replace(told.tldr, language=_other(told.tldr.language or told.language, language))


def _article(article: Article, told: StoryContent, newest: StoryContent) -> Article:
    return replace(article, language=_other(article.language or told.language, newest.language))


def _other(language: str, of_story: str) -> str | None:
    return None if language == of_story else language


def _companies(mentions: Iterable[Company]) -> tuple[Company, ...]:
    """Each company once; a later mention may add to what an earlier one says, or correct it."""
    known: dict[str, Company] = {}
    for later in mentions:
        earlier = known.get(later.key, later)
        dated = later if later.valuation else earlier
        known[later.key] = Company(
            name=later.name,
            type=later.type or earlier.type,
            country=later.country or earlier.country,
            valuation=dated.valuation,
            valuation_as_of=dated.valuation_as_of,
        )
    return tuple(known.values())


def _coverage(mentions: Iterable[Article]) -> tuple[Article, ...]:
    """Each report once, an outlet's reports together.

    A mention without a link means the outlet's first report that has one, if there is any.
    """
    known: dict[str, dict[str | None, Article]] = {}
    for later in mentions:
        reports = known.setdefault(term(later.outlet), {})
        if later.url is None and reports:
            later = replace(later, url=next(iter(reports)))
        elif later.url is not None and None in reports:
            reports[later.url] = reports.pop(None)
        earlier = reports.get(later.url, later)
        reports[later.url] = Article(
            outlet=later.outlet,
            url=later.url,
            language=later.language or earlier.language,
            title=later.title or earlier.title,
            published_at=later.published_at or earlier.published_at,
        )
    return tuple(article for reports in known.values() for article in reports.values())
