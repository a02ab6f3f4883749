"""Faults of what a person wrote (a setting, the publication file, a command), told as what to write."""

from collections.abc import Mapping
from typing import Any

_REMEDIES = {
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "extra_forbidden": "there is nothing of this name: is it misspelt?",
    "float_parsing": "write a number",
    "greater_than_equal": "write {ge} or more",
    "int_from_float": "write a whole number",
    "int_parsing": "write a whole number",
    "int_type": "write a whole number",
    "less_than_equal": "write {le} or less",
    "literal_error": "write {expected}",
    "missing": "is missing",
    "model_type": "write a table, with a line for each of its settings",
    "string_too_long": "write {max_length} characters or fewer",
    "string_too_short": "write {min_length} characters or more",
    "string_type": "write a text, in quotes",
    "time_parsing": 'write a time of day, as "04:30:00"',
    "time_type": 'write a time of day, as "04:30:00"',
    "tuple_type": "write several, in brackets",
    "value_error": "{error}",
}


def remedy(fault: Mapping[str, Any]) -> str:
    """What to write instead, for one of pydantic's errors.

    It never shows what was written, which may be a secret; our own checks may.
    """
    words = _REMEDIES.get(fault["type"])
    return words.format(**fault.get("ctx", {})) if words else str(fault["msg"])
