"""The alert rule: what a story must be, and have, for a reader to hear of it at once.

A pure, hashable value, stored once however many readers hold it (`models.AlertRuleRecord`). Kinds of
interest narrow each other; within a kind, one word is enough.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from subscribers.interning import Interned
from subscribers.lens import term

#: hours within which outlets can be asked to report a story, at most: a week
MOST_HOURS = 168
#: what readers may ask for, by a form or by a command
MOST_OUTLETS, MOST_LANGUAGES = 99, 20


class InvalidRule(ValueError):
    """A threshold that no story can be held against."""

    def __init__(self, reason: str, remedy: str) -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{reason}: {remedy}")


def saying_nothing(words: Iterable[str]) -> list[str]:
    """Those of the words that have neither a letter nor a digit: no story is found by them."""
    return [word for word in words if not any(map(str.isalnum, word))]


@dataclass(frozen=True, slots=True)
class AlertRule(Interned):
    """An empty rule is about every story. InvalidRule for thresholds that make no sense."""

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

    def __post_init__(self) -> None:
        if self.min_outlets < 1 or self.min_languages < 1:
            raise InvalidRule("a story has one outlet and one language at least", "ask for 1 or more")
        if self.fast_outlets < 0 or not 0 <= self.fast_hours <= MOST_HOURS:
            raise InvalidRule(
                f"{self.fast_outlets} outlets within {self.fast_hours} hours",
                f"use whole numbers, and {MOST_HOURS} hours at most",
            )
        if self.fast_outlets and not self.fast_hours:
            raise InvalidRule(f"{self.fast_outlets} outlets within no time", "say within how many hours, too")

    @classmethod
    def of(cls, words: Mapping[str, Iterable[str]], **thresholds: int | bool) -> Self:
        """A rule from words as people write them: `of({"companies": ["Mistral AI"]}, min_outlets=5)`."""
        terms = {name: frozenset(key for word in told if (key := term(word))) for name, told in words.items()}
        return replace(cls(**terms), **thresholds)  # type: ignore[arg-type]
