"""The lens: what decides which stories a reader sees. A pure, hashable value.

Readers with equal lenses see the same, so a lens is stored once (`models.LensRecord`) however many
readers look through it.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Self


@lru_cache(maxsize=16_384)  # the same names come again in every story
def term(text: str) -> str:
    """The form in which names are compared: `" Mistral  AI "` and `"mistral ai"` are one term."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in folded).split())


@dataclass(frozen=True, slots=True)
class Lens:
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

    def definition(self) -> dict[str, Any]:
        """The stored form: sorted, and without the parts that say nothing. `read` reads it."""
        empty = type(self)()
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: sorted(value) if isinstance(value, frozenset) else value
            for name, value in parts.items()
            if value != getattr(empty, name)
        }

    @classmethod
    def read(cls, definition: Mapping[str, Any]) -> Self:
        """The lens from its stored form."""
        values: dict[str, Any] = {
            name: frozenset(value) if isinstance(value, list) else value for name, value in definition.items()
        }
        return cls(**values)

    def fingerprint(self) -> str:
        """Equal if and only if the lenses are equal; 32 hexadecimal digits."""
        canonical = json.dumps(self.definition(), sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()
