"""The lens: what decides which stories a reader sees. A pure, hashable value.

Readers with equal lenses see the same, so a lens is stored once (`models.LensRecord`) however many
readers look through it.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

from subscribers.interning import Interned


@lru_cache(maxsize=16_384)  # the same names come again in every story
def term(text: str) -> str:
    """The form in which names are compared: `" Mistral  AI "` and `"mistral ai"` are one term."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in folded).split())


@dataclass(frozen=True, slots=True)
class Lens(Interned):
    """What a reader wants to see; an empty lens sees everything."""

    audiences: frozenset[str] = frozenset()
    companies: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    muted_companies: frozenset[str] = frozenset()
    muted_topics: frozenset[str] = frozenset()
    #: primary language subtags (BCP 47) of stories that the reader can read; none means all
    languages: frozenset[str] = frozenset()
    #: stories that fewer outlets report are left out
    min_outlets: int = 1
    #: every story in its short form
    short: bool = False

    @classmethod
    def of(cls, **terms: Iterable[str]) -> Self:
        """A lens from words as people write them: `Lens.of(audiences=["Investors"])`."""
        fields: dict[str, Any] = {
            name: frozenset(key for word in words if (key := term(word))) for name, words in terms.items()
        }
        return cls(**fields)
