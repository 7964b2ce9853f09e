"""Read a model's answer back into the outputs that an artifact's contract asks for.

Standard library only: the SDK ships a byte copy. The forms are those of the renderer's contract.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

_FENCE = re.compile(r"\A```[\w+-]*\s*(.*?)\s*```\Z", re.DOTALL)
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?")
_ORNAMENTS = "\"'`*. \t\r\n\u201c\u201d\u2018\u2019"
_DEEPEST = 60
_LONGEST_INTEGER = 300
_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


class OutputParseError(ValueError):
    """The answer does not have the form that the contract asks for."""

    code = "parse_error"


def parse_output(artifact: Mapping[str, Any], text: str) -> dict[str, Any]:
    """Return the outputs by name, without the reasoning and without fields nobody declared.

    Raises OutputParseError for every answer that breaks the contract, and nothing else.
    """
    if not isinstance(text, str) or not text.strip():
        raise OutputParseError("the answer is empty")
    outputs = artifact["outputs"]
    try:
        if _is_json(artifact):
            values = _json_fields(outputs, text.strip())
        else:
            values = {outputs[0]["name"]: _plain(outputs[0], text.strip())}
        _refuse_unstorable(values)
    except RecursionError:
        raise OutputParseError("the answer is nested too deeply") from None
    return values


def _is_json(artifact: Mapping[str, Any]) -> bool:
    outputs = artifact["outputs"]
    several = bool(artifact.get("reasoning")) or len(outputs) != 1
    return several or outputs[0].get("type") in ("array", "object")


def _plain(output: Mapping[str, Any], text: str) -> Any:
    kind = output.get("type", "string")
    if kind == "string" and not output.get("enum"):
        return text
    fenced = _FENCE.match(text)
    text = fenced.group(1).strip() if fenced else text
    if output.get("enum"):
        return _label(output, text)
    return _scalar(output["name"], kind, text.strip(_ORNAMENTS))


def _scalar(name: str, kind: str, text: str) -> Any:
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "number" and _NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return int(text) if _INTEGER.fullmatch(text) else float(text)
    raise OutputParseError(f"{name}: expected {_a(kind)}, got {_shown(text)}")


def _label(output: Mapping[str, Any], text: str) -> Any:
    """Find the label meant: exactly, else without case, quotes, asterisks and periods."""
    labels: Sequence[str] = output["enum"]
    found = [label for label in labels if label in (text, _unquoted(text))]
    if not found:
        wanted = _folded(_unquoted(text))
        found = [label for label in labels if _folded(label) == wanted]
    if len(found) != 1:
        problem = f"expected one of {', '.join(labels)}; got {_shown(text)}"
        raise OutputParseError(f"{output['name']}: {problem}")
    return found[0] if output.get("type", "string") == "string" else _number_of(found[0])


def _number_of(label: str) -> int | float:
    return int(label) if _INTEGER.fullmatch(label) else float(label)


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            value = json.loads(text)
        except ValueError:
            return text
        return value if isinstance(value, str) else text
    return text


def _folded(text: str) -> str:
    return text.strip(_ORNAMENTS).casefold()


def _json_fields(outputs: Sequence[Mapping[str, Any]], text: str) -> dict[str, Any]:
    found = _first_object(text)
    return {output["name"]: _field(output, found) for output in outputs}


def _first_object(text: str) -> dict[str, Any]:
    """Decode the first JSON object in `text`; a code fence or words around it are tolerated."""
    start = text.find("{")
    if start < 0:
        raise OutputParseError(f"expected one JSON object, got {_shown(text)}")
    decoder = json.JSONDecoder(
        parse_constant=_no_constant, parse_float=_finite, parse_int=_bounded, strict=False
    )
    try:
        found, _ = decoder.raw_decode(text, start)
    except ValueError as error:
        raise OutputParseError(f"the JSON object cannot be read: {error}") from None
    return dict(found)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _bounded(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        raise ValueError("a number is too large")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _field(output: Mapping[str, Any], found: Mapping[str, Any]) -> Any:
    name, kind = output["name"], output.get("type", "string")
    if found.get(name) is None:
        raise OutputParseError(f"{name}: the field is missing")
    value = _whole(kind, found[name])
    if output.get("enum") and isinstance(value, str | int) and not isinstance(value, bool):
        return _label(output, str(value).strip())
    _check(name, {**(output.get("schema") or {}), "type": kind}, value)
    return value


def _check(path: str, schema: Any, value: Any) -> None:
    """Check the part of JSON Schema that contracts are made of: type, enum, required, nested."""
    if not isinstance(schema, Mapping):
        return
    kind = schema.get("type")
    if isinstance(kind, str) and not _is_kind(kind, value):
        raise OutputParseError(f"{path}: expected {_a(kind)}, got {_shown(value)}")
    if isinstance(schema.get("enum"), list | tuple) and value not in schema["enum"]:
        raise OutputParseError(f"{path}: {_shown(value)} is not one of the allowed values")
    if isinstance(value, dict):
        _check_object(path, schema, value)
    if isinstance(value, list):
        for position, item in enumerate(value):
            _check(f"{path}[{position}]", schema.get("items"), item)


def _check_object(path: str, schema: Mapping[str, Any], value: Mapping[str, Any]) -> None:
    for name in schema.get("required") or ():
        if name not in value:
            raise OutputParseError(f"{path}.{name}: the field is missing")
    for name, part in (schema.get("properties") or {}).items():
        if name in value:
            _check(f"{path}.{name}", part, value[name])


def _is_kind(kind: str, value: Any) -> bool:
    if kind == "null":
        return value is None
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(_whole(kind, value), _KINDS.get(kind, (object,)))


def _whole(kind: str, value: Any) -> Any:
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _refuse_unstorable(value: Any, depth: int = 0) -> None:
    # NUL and lone surrogates are legal JSON escapes that databases and UTF-8 refuse.
    if depth > _DEEPEST:
        raise OutputParseError("the answer is nested too deeply")
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
            raise OutputParseError("the answer holds a character that cannot be stored")
    elif isinstance(value, dict | list):
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            _refuse_unstorable(part, depth + 1)


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _shown(value: Any) -> str:
    shown = repr(value[:200] if isinstance(value, str) else value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
