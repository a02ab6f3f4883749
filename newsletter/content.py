"""What a story says: plain, immutable values, free of any framework.

`StoryContent` is one revision of a story: everything that the site's story page shows. Sources
make it, the store keeps it as one JSON document per revision, selection and rendering read it.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter

from subscribers.lens import term


class Impact(StrEnum):
    """The effect of an event on the AGI timeline, as the editors judge it."""

    ADVANCE = "advance"
    DELAY = "delay"
    NEUTRAL = "neutral"
    UNCLEAR = "unclear"

    @property
    def effect(self) -> str:
        """In two or three words: "may advance"."""
        return {
            Impact.ADVANCE: "may advance",
            Impact.DELAY: "may delay",
            Impact.NEUTRAL: "no clear effect",
            Impact.UNCLEAR: "effect unclear",
        }[self]


class Maker(StrEnum):
    """Who wrote a TL;DR."""

    AI = "ai"
    EDITOR = "editor"


@dataclass(frozen=True, slots=True)
class Tldr:
    text: str
    made_by: Maker = Maker.EDITOR
    #: how many sources it was made from, as its maker says; None where it does not say
    source_count: int | None = None
    #: BCP 47; None means the language of the title
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Analysis:
    heading: str
    #: CommonMark; links are citations
    markdown: str


@dataclass(frozen=True, slots=True)
class Company:
    name: str
    type: str | None = None
    country: str | None = None
    #: as published, with its currency: "$6.0B"
    valuation: str | None = None
    #: when it was so, as exactly as it is known: "2026-01-08", "2026-01" or "2026" (ISO 8601)
    valuation_as_of: str | None = None

    @property
    def key(self) -> str:
        return term(self.name)


@dataclass(frozen=True, slots=True)
class Article:
    """One outlet's report of the story."""

    outlet: str
    url: str | None = None
    #: BCP 47 of the report; None means the language of the story
    language: str | None = None
    title: str | None = None
    published_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str | None]:
        """Equal for two mentions of one report."""
        return term(self.outlet), self.url


@dataclass(frozen=True)
class StoryContent:
    title: str
    date: date
    #: BCP 47 of title, analysis and, unless it says otherwise, TL;DR
    language: str = "en"
    category: str | None = None
    primary_outlet: str | None = None
    primary_url: str | None = None
    tldr: Tldr | None = None
    about: str | None = None
    analysis: Analysis | None = None
    impact: Impact | None = None
    #: who should care, as the site names them; empty means everybody
    audiences: tuple[str, ...] = ()
    companies: tuple[Company, ...] = ()
    coverage: tuple[Article, ...] = ()
    #: the story's own page on the site
    url: str | None = None

    @cached_property
    def outlets(self) -> tuple[str, ...]:
        """The distinct outlets, in the order of the coverage."""
        return tuple({term(article.outlet): article.outlet for article in self.coverage}.values())

    @cached_property
    def languages(self) -> frozenset[str]:
        return frozenset(article.language or self.language for article in self.coverage)

    @cached_property
    def audience_terms(self) -> frozenset[str]:
        return frozenset(map(term, self.audiences))

    @cached_property
    def company_terms(self) -> frozenset[str]:
        return frozenset(company.key for company in self.companies)

    def to_json(self) -> dict[str, Any]:
        """The document that the store keeps; `from_json` gives the equal value back."""
        document: dict[str, Any] = _adapter.dump_python(self, mode="json")
        return document

    @staticmethod
    def from_json(document: dict[str, Any]) -> "StoryContent":
        return _adapter.validate_python(document)

    @staticmethod
    def read(document: str) -> "StoryContent":
        """The same from the document as text."""
        return _adapter.validate_json(document)

    def fingerprint(self) -> str:
        """Equal for equal contents; 32 hexadecimal digits."""
        # what was told before a story had its address is still the same
        unknown = {"url"} if self.url is None else None
        return hashlib.blake2b(_adapter.dump_json(self, exclude=unknown), digest_size=16).hexdigest()


_adapter = TypeAdapter(StoryContent)
