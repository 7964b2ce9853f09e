"""Rows of one JSON or YAML document: a list of objects, or an object that holds such a list.

A list in JSON is read element by element, so that its size does not matter; everything else is
read whole, and bounded.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TextIO

from kaizen_engine.errors import InvalidPromptFile
from kaizen_engine.prompts.plain_yaml import read_yaml

CHUNK = 64 * 1024
LONGEST_ROW = 4 * 1024 * 1024
LARGEST_DOCUMENT = 32 * 1024 * 1024
LISTS = ("tests", "data", "items", "examples", "rows", "records")
_BLANKS = " \t\r\n"


class NoRows(ValueError):
    """The document holds no list of rows; the message says what was seen."""


@dataclass(frozen=True)
class Row:
    """`value` is an object, or `problem` says why there is none. `line` is where it begins."""

    line: int
    value: dict[str, Any] | None = None
    problem: str = ""


def json_rows(text: TextIO) -> Iterator[Row]:
    """Yield the rows of a JSON document; raises NoRows before the first where it has none."""
    scan = _Scan(text)
    if scan.peek() == "[":
        yield from _elements(scan)
        return
    document, line = scan.value(LARGEST_DOCUMENT), scan.line
    if scan.peek():
        # Lines of JSON under the name of a document.
        yield _row(document, line)
        while scan.peek():
            line = scan.line
            yield _row(scan.value(LONGEST_ROW), line)
        return
    yield from _numbered(rows_in(document))


def yaml_rows(data: bytes) -> Iterator[Row]:
    """Yield the rows of a YAML document, numbered from 1; raises NoRows."""
    try:
        document = read_yaml(data)
    except InvalidPromptFile as error:
        raise NoRows(str(error)) from error
    yield from _numbered(rows_in(document))


def rows_in(document: Any) -> list[Any]:
    """Return the list that the document is or holds; raises NoRows."""
    if isinstance(document, list):
        return document
    if not isinstance(document, Mapping):
        raise NoRows("the file holds neither a list of rows nor an object with one")
    name = next((one for one in LISTS if one in document), "")
    found = document.get(name)
    if isinstance(found, str):
        raise NoRows(f"{name!r} stands in another file, {found[:80]}: upload that one")
    if not isinstance(found, list):
        known = ", ".join(str(key) for key in list(document)[:10])
        raise NoRows(f"the file holds no list of rows; it has: {known}")
    shared = document.get("defaultTest") if name == "tests" else None
    return [_with_shared(row, shared) for row in found] if isinstance(shared, Mapping) else found


def _with_shared(row: Any, shared: Mapping[str, Any]) -> Any:
    """A promptfoo file says once what all of its tests have in common."""
    if not isinstance(row, Mapping):
        return row
    given = {**(shared.get("vars") or {}), **(row.get("vars") or {})}
    return {**row, "vars": given, "assert": row.get("assert") or shared.get("assert")}


def _numbered(rows: list[Any]) -> Iterator[Row]:
    return (_row(value, number) for number, value in enumerate(rows, start=1))


def _row(value: Any, line: int) -> Row:
    if isinstance(value, dict):
        return Row(line, value)
    return Row(line, problem=f"not an object but {json.dumps(value)[:40]}")


def _elements(scan: "_Scan") -> Iterator[Row]:
    scan.step()
    if scan.peek() == "]":
        return
    while True:
        scan.peek()
        line = scan.line
        try:
            yield _row(scan.value(LONGEST_ROW), line)
        except NoRows as error:
            yield Row(line, problem=f"{error}; nothing after it was read")
            return
        mark = scan.peek()
        if mark != ",":
            if mark != "]":
                yield Row(scan.line, problem="the list does not end; nothing after this was read")
            return
        scan.step()


class _Scan:
    """JSON values one after the other, with no more in memory than the longest of them."""

    def __init__(self, text: TextIO) -> None:
        self._text, self._buffer, self._place = text, "", 0
        self._decoder = json.JSONDecoder(parse_constant=_refuse_constant)
        self._is_over = False
        self.line = 1

    def peek(self) -> str:
        """Return the next character that is no blank, or nothing at the end."""
        while True:
            while self._place < len(self._buffer):
                character = self._buffer[self._place]
                if character not in _BLANKS:
                    return character
                self.step()
            if not self._more():
                return ""

    def step(self) -> None:
        self.line += self._buffer[self._place] == "\n"
        self._place += 1

    def value(self, longest: int) -> Any:
        """Return the next value; raises NoRows where there is none that can be read."""
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._place)
            except (ValueError, RecursionError) as error:
                is_long = len(self._buffer) - self._place > longest
                if is_long or not self._more():
                    raise NoRows(_in_words(error, is_long, longest)) from error
                continue
            self.line += self._buffer.count("\n", self._place, end)
            self._place = end
            return value

    def _more(self) -> bool:
        """Read as much again as waits already, so that a long value is tried a few times only."""
        waiting = self._buffer[self._place :]
        read = "" if self._is_over else self._text.read(max(CHUNK, len(waiting)))
        self._is_over = not read
        self._buffer, self._place = waiting + read, 0
        return bool(read)


def _in_words(error: Exception, is_long: bool, longest: int) -> str:
    if is_long:
        return f"a row is longer than {longest // 1024**2} MiB, or does not end"
    if isinstance(error, RecursionError):
        return "it nests too deep"
    return f"not JSON: {getattr(error, 'msg', error)}"


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON value")
