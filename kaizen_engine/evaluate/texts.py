"""Answers and expectations as text, for evaluators that compare or measure text."""

import json
from collections.abc import Mapping
from typing import Any

from kaizen_engine.evaluate.options import Options


def unbroken(text: str) -> str:
    """Replace halves of surrogate pairs, which no library takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def storable(text: str) -> str:
    """Replace what databases refuse, for texts that people read."""
    return unbroken(text.replace("\x00", "\ufffd"))


def value_text(value: Any) -> str:
    """Return a text as it is, and any other value as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return unbroken(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def text_of(fields: Mapping[str, Any], field: str = "") -> str:
    """Return one field as text; without a name the only one there is, or all as a JSON object."""
    if field:
        return value_text(fields.get(field))
    if len(fields) == 1:
        return value_text(next(iter(fields.values())))
    return value_text(dict(fields)) if fields else ""


def field_option(options: Options) -> str:
    return options.text("field", "")
