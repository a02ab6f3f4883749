"""The lens: what decides which stories a reader sees. A pure, hashable value.

Readers with equal lenses see the same, so a lens is stored once (`models.LensRecord`) however many
readers look through it.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Self


def term(text: str) -> str:
    """The form in which names are compared: `" Mistral  AI "` and `"mistral ai"` are one term."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in folded).split())


@dataclass(frozen=True, slots=True)
class Lens:
    """All five are sets of terms; an empty lens sees everything."""

    audiences: frozenset[str] = frozenset()
    companies: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    muted_companies: frozenset[str] = frozenset()
    muted_topics: frozenset[str] = frozenset()

    @classmethod
    def of(cls, **terms: Iterable[str]) -> Self:
        """A lens from words as people write them: `Lens.of(audiences=["Investors"])`."""
        return cls(
            **{name: frozenset(key for word in words if (key := term(word))) for name, words in terms.items()}
        )

    def definition(self) -> dict[str, Any]:
        """The stored form: sorted, and without empty parts."""
        parts = ((field.name, sorted(getattr(self, field.name))) for field in fields(self))
        return {name: terms for name, terms in parts if terms}

    def fingerprint(self) -> str:
        """Equal if and only if the lenses are equal; 32 hexadecimal digits."""
        canonical = json.dumps(self.definition(), sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()
