"""The candidates of an issue, and which of them a word of a lens is about. Pure.

A pool remembers its answers, so a thousand lenses cost little more than one.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from newsletter.content import StoryContent
from subscribers.lens import Lens, term


@dataclass(frozen=True, slots=True)
class Candidate:
    """A story that the issue could tell, at the revision that it would tell."""

    story_id: int
    revision: int
    content: StoryContent
    first_seen_at: datetime
    #: the editors' word: told to everybody first, in this order; None where they said nothing
    pin: int | None = None
    #: after those, to the readers whom it concerns
    rank: int | None = None
    dropped: bool = False
    #: put in by hand: no window makes it too old
    added: bool = False
    #: taken back by the editors: told to nobody any more
    retracted: bool = False
    #: terms of the audiences whose readers it is told to before all others
    lead_for: frozenset[str] = frozenset()


#: stands in a projected lens for interests that nothing in the pool answers to
UNANSWERED = "\N{EMPTY SET}"


class Pool:
    """The candidates of an issue."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._candidates = tuple(candidates)
        self._titles = {c.story_id: as_words(c.content.title) for c in candidates}
        self._categories = {c.story_id: as_words(c.content.category or "") for c in candidates}
        self._names = {company.key: company.name for c in candidates for company in c.content.companies}
        self._audiences = frozenset[str]().union(*(c.content.audience_terms | c.lead_for for c in candidates))
        self._about_company: dict[str, frozenset[int]] = {}
        self._on_topic: dict[str, frozenset[int]] = {}

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self._candidates)

    def name(self, company: str) -> str:
        """A company's name as the stories write it."""
        return self._names.get(company, company)

    def mentions(self, candidate: Candidate, company: str) -> bool:
        """Whether the story is about the company: it says so, or its title names it."""
        if company not in self._about_company:
            word = as_words(company)
            self._about_company[company] = frozenset(
                c.story_id
                for c in self._candidates
                if company in c.content.company_terms or says(self._titles[c.story_id], word)
            )
        return candidate.story_id in self._about_company[company]

    def touches(self, candidate: Candidate, topic: str) -> bool:
        """Whether the topic stands in the story's category or title."""
        if topic not in self._on_topic:
            word = as_words(topic)
            self._on_topic[topic] = frozenset(
                c.story_id
                for c in self._candidates
                if says(self._titles[c.story_id], word) or says(self._categories[c.story_id], word)
            )
        return candidate.story_id in self._on_topic[topic]

    def project(self, lens: Lens) -> Lens:
        """The part of `lens` that can matter for this pool: lenses with equal parts see the same."""

        def companies(terms: frozenset[str]) -> frozenset[str]:
            return frozenset(t for t in terms if any(self.mentions(c, t) for c in self._candidates))

        def topics(terms: frozenset[str]) -> frozenset[str]:
            return frozenset(t for t in terms if any(self.touches(c, t) for c in self._candidates))

        projected = Lens(
            audiences=lens.audiences & self._audiences,
            companies=companies(lens.companies),
            topics=topics(lens.topics),
            muted_companies=companies(lens.muted_companies),
            muted_topics=topics(lens.muted_topics),
            languages=lens.languages,
            min_outlets=lens.min_outlets,
            short=lens.short,
        )
        kept = {
            "audiences": projected.audiences,
            "companies": projected.companies,
            "topics": projected.topics,
        }
        # an interest that nothing answers to is not the same as no interest
        marked: dict[str, Any] = {
            name: terms if terms or not getattr(lens, name) else frozenset({UNANSWERED})
            for name, terms in kept.items()
        }
        return replace(projected, **marked)


@lru_cache(maxsize=16_384)  # thousands of stories are held against one lens or rule after the other
def as_words(text: str) -> str:
    """Comparable words, each between spaces: "Mistral AI's" → " mistral ai s "."""
    # where letters have one form only, and what is no letter parts words, nothing else is to be seen to
    words = re.findall(r"[^\W_]+", text.lower() if text.isascii() else term(text))
    return f" {' '.join(words)} "


def says(text: str, word: str) -> bool:
    """Whether `text` holds `word` whole; scripts without spaces between words match anywhere."""
    if not word.strip():
        return False
    return word in text or (not word.isascii() and word.strip() in text)
