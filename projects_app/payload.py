"""Limits on what a JSON value from outside may be, the same for every door."""

from typing import Any

MAX_DEPTH = 64


class PayloadRefused(ValueError):
    """The value nests too deep or holds what a database cannot store."""

    code = "payload_refused"


def check_payload(value: Any) -> None:
    """Raise PayloadRefused for nesting over 64 levels or a NUL character anywhere."""
    pending = [(value, 1)]
    while pending:
        item, depth = pending.pop()
        if depth > MAX_DEPTH:
            raise PayloadRefused(f"it nests deeper than {MAX_DEPTH} levels")
        if isinstance(item, str):
            _refuse_unstorable(item)
        elif isinstance(item, dict):
            for key in item:
                _refuse_unstorable(key)
            pending.extend((child, depth + 1) for child in item.values())
        elif isinstance(item, list):
            pending.extend((child, depth + 1) for child in item)


def _refuse_unstorable(text: str) -> None:
    if "\x00" in text:
        raise PayloadRefused("it holds a NUL character (U+0000), which cannot be stored")
