"""Values stored once for all who share them: how they are written down, read, and told apart. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Self


class Interned:
    """What a frozen dataclass gains by it, whose every field has a default and says nothing by it."""

    __slots__ = ()

    def definition(self) -> dict[str, Any]:
        """The stored form: sorted, and without the parts that say nothing. `read` reads it."""
        empty = type(self)()
        parts = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return {
            name: sorted(value) if isinstance(value, frozenset) else value
            for name, value in parts.items()
            if value != getattr(empty, name)
        }

    @classmethod
    def read(cls, definition: Mapping[str, Any]) -> Self:
        """The value from its stored form."""
        values: dict[str, Any] = {
            name: frozenset(value) if isinstance(value, list) else value for name, value in definition.items()
        }
        return cls(**values)

    def fingerprint(self) -> str:
        """Equal if and only if the values are equal; 32 hexadecimal digits."""
        canonical = json.dumps(self.definition(), sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()
