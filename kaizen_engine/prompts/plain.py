"""Plain JSON values that every JSON reader gives back unchanged."""

import math
from collections.abc import Mapping
from typing import Any

DEEPEST = 64
# Above this, neighbouring integers share a float, and stores print the float as an integer.
_LARGEST_WHOLE_FLOAT = 2.0**53


def plain_json(value: Any, depth: int = 0) -> Any:
    """Return dicts, lists and scalars only; raises ValueError where there is no plain form.

    Whole floats become integers: some stores and languages make no difference between 1.0 and 1.
    """
    if depth > DEEPEST:
        raise ValueError(f"nested more than {DEEPEST} levels deep")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, int):
        return _bounded(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, Mapping):
        return {_key(key): plain_json(part, depth + 1) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(part, depth + 1) for part in value]
    raise ValueError(f"{type(value).__name__} is not a JSON value")


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("text holds the character U+0000")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("text holds half of a surrogate pair")
    return str(text)


def _bounded(value: int) -> int:
    if value.bit_length() > 1024:
        raise ValueError("an integer is too large")
    return int(value)


def _float(value: float) -> int | float:
    if not math.isfinite(value):
        raise ValueError("NaN and infinity are not JSON")
    if not value.is_integer():
        return value
    if abs(value) > _LARGEST_WHOLE_FLOAT:
        raise ValueError(f"{value!r} does not survive a round trip through JSON")
    return int(value)


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise ValueError("a key is not text")  # noqa: TRY004 - one kind of refusal for callers
    return _storable(key)
