"""The small part of YAML that prompt files use: JSON values, and text in readable blocks.

Writing is our own, so that the same value is the same bytes for ever. Reading is strict: values
mean what YAML 1.2 says, and what could surprise (anchors, tags, duplicate keys) is refused.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import yaml

from kaizen_engine.errors import InvalidPromptFile

LARGEST_BYTES = 1024 * 1024
DEEPEST = 80
# A key beside its colon has at most 1,024 characters in YAML.
_LONGEST_KEY = 1000

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_OTHER_FLOATS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: Mapping[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# Words that YAML 1.1 readers take for something else.
_OLD_WORDS = frozenset({"y", "n", "yes", "no", "on", "off"})
_PLAIN = re.compile(r"[A-Za-z_]([A-Za-z0-9_./(), -]*[A-Za-z0-9_./)])?")
# Controls that turn or hide what a reviewer reads are never written as themselves.
_HIDDEN = r"\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff"
_BLOCK = re.compile(rf"[^\x00-\x08\x0b-\x1f\ud800-\udfff{_HIDDEN}]+")
_UNSEEN = re.compile(rf"[\xa0{_HIDDEN}]")


def write_yaml(value: Mapping[str, Any]) -> bytes:
    """Return the one spelling of a JSON object. Raises InvalidPromptFile when it is too large."""
    data = ("\n".join(_block(value, "")) + "\n").encode("utf-8")
    if len(data) > LARGEST_BYTES:
        raise InvalidPromptFile(f"the file would be larger than {LARGEST_BYTES:,} bytes")
    return data


def read_yaml(data: bytes) -> Any:
    """Return the JSON value of one document. Raises InvalidPromptFile, naming the line."""
    if len(data) > LARGEST_BYTES:
        raise InvalidPromptFile(f"the file is larger than {LARGEST_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidPromptFile(f"the file is not UTF-8: byte {error.start}") from None
    try:
        return _Reader(text).document()
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise InvalidPromptFile(f"the file is not YAML: {_first_line(error)}") from None


def _block(value: Any, pad: str) -> Iterator[str]:
    """Yield the lines of a mapping or list that is not empty."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _entry(_head(key, pad), part, pad)
    else:
        for part in value:
            yield from _item(part, pad)


def _head(key: str, pad: str) -> str:
    written = _inline(key)
    return f"{pad}{written}:" if len(written) < _LONGEST_KEY else f"{pad}? {written}\n{pad}:"


def _entry(head: str, part: Any, pad: str) -> Iterator[str]:
    if isinstance(part, Mapping | list) and part:
        yield head
        yield from _block(part, pad + "  ")
    else:
        yield f"{head} {_leaf(part, pad + '  ')}"


def _item(part: Any, pad: str) -> Iterator[str]:
    inner = pad + "  "
    if isinstance(part, Mapping | list) and part:
        lines = list(_block(part, inner))
        yield f"{pad}- {lines[0][len(inner) :]}"
        yield from lines[1:]
    else:
        yield f"{pad}- {_leaf(part, inner)}"


def _leaf(value: Any, pad: str) -> str:
    if isinstance(value, str) and "\n" in value and value.strip() and _BLOCK.fullmatch(value):
        return _literal(value, pad)
    return _inline(value)


def _literal(text: str, pad: str) -> str:
    body = text.rstrip("\n")
    ends = len(text) - len(body)
    chomp = "-" if not ends else "" if ends == 1 else "+"
    indent = "2" if text[0] in " \n\t" else ""
    lines = [pad + line if line else "" for line in body.split("\n")]
    return "\n".join([f"|{indent}{chomp}", *lines, *[""] * max(0, ends - 1)])


def _inline(value: Any) -> str:
    if isinstance(value, str) and _is_plain(value):
        return value
    if isinstance(value, float):
        # YAML 1.1 readers know 1e-07 as a number only with a point in it.
        return re.sub(r"^(-?[0-9]+)e", r"\1.0e", repr(value))
    written = json.dumps(value, ensure_ascii=False)
    return _UNSEEN.sub(lambda found: f"\\u{ord(found.group()):04x}", written)


def _is_plain(text: str) -> bool:
    is_word = bool(_PLAIN.fullmatch(text)) and text.lower() not in _OLD_WORDS
    return is_word and isinstance(_scalar(text), str)


def _scalar(text: str) -> Any:
    """Return what a scalar without quotes means by YAML 1.2's core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and len(text) < 400:
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _OTHER_FLOATS.fullmatch(text):
        raise InvalidPromptFile(f"{text} is not a JSON number")
    return text


class _Reader:
    """Build JSON values from the events of PyYAML's parser, which calls nothing recursively."""

    def __init__(self, text: str) -> None:
        self._events = yaml.parse(text, Loader=yaml.SafeLoader)
        self._depth = 0

    def document(self) -> Any:
        next(self._events)
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise InvalidPromptFile("the file is empty")
        value = self._value(next(self._events))
        next(self._events)
        if not isinstance(next(self._events), yaml.StreamEndEvent):
            raise InvalidPromptFile("the file holds more than one document")
        return value

    def _value(self, event: yaml.Event) -> Any:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            _refuse(event, "anchors and aliases are not allowed")
        if getattr(event, "tag", None):
            _refuse(event, "tags are not allowed")
        if isinstance(event, yaml.ScalarEvent):
            return event.value if event.style else _scalar(event.value)
        self._depth += 1
        if self._depth > DEEPEST:
            _refuse(event, f"nested more than {DEEPEST} levels deep")
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        value = self._mapping() if is_mapping else self._sequence()
        self._depth -= 1
        return value

    def _mapping(self) -> dict[str, Any]:
        made: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._value(event)
            if not isinstance(key, str):
                _refuse(event, "a key must be text")
            if key in made:
                _refuse(event, f"the key {key[:60]!r} appears twice")
            made[key] = self._value(next(self._events))
        return made

    def _sequence(self) -> list[Any]:
        made = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            made.append(self._value(event))
        return made


def _refuse(event: yaml.Event, problem: str) -> NoReturn:
    mark = event.start_mark
    where = f"line {mark.line + 1}: " if mark else ""
    raise InvalidPromptFile(where + problem)


def _first_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark else ""
    return where + (getattr(error, "problem", None) or str(error).splitlines()[0])
