"""The alert rule: what a story must be, and have, for a reader to hear of it at once.

A pure, hashable value, stored once however many readers hold it (`models.AlertRuleRecord`). Kinds of
interest narrow each other; within a kind, one word is enough.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from subscribers.interning import Interned
from subscribers.lens import term


@dataclass(frozen=True, slots=True)
class AlertRule(Interned):
    """An empty rule is about every story."""

    #: terms, see `lens.term`
    audiences: frozenset[str] = frozenset()
    companies: frozenset[str] = frozenset()
    #: stand in the category or the title
    topics: frozenset[str] = frozenset()
    #: stand in the title or the TL;DR
    words: frozenset[str] = frozenset()
    #: labels of the effect on the timeline, as stories have them: advance, delay, neutral, unclear
    impacts: frozenset[str] = frozenset()
    #: reported by so many outlets, in so many languages
    min_outlets: int = 1
    min_languages: int = 1
    #: so many outlets reported it within so many hours of each other; 0 asks for nothing
    fast_outlets: int = 0
    fast_hours: int = 0
    #: it would lead the reader's digest
    leads: bool = False

    @classmethod
    def of(cls, words: Mapping[str, Iterable[str]], **thresholds: int | bool) -> Self:
        """A rule from words as people write them: `of({"companies": ["Mistral AI"]}, min_outlets=5)`."""
        terms = {name: frozenset(key for word in told if (key := term(word))) for name, told in words.items()}
        return replace(cls(**terms), **thresholds)  # type: ignore[arg-type]
