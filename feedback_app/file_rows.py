"""Rows of a CSV, JSON or YAML file, one at a time, each with the number of its first line.

A row that cannot be read is a problem of its own, and the rows after it are read all the same.
"""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import msgspec

from kaizen_engine.data.documents import NoRows, Row, json_rows, yaml_rows
from kaizen_engine.prompts.plain_yaml import LARGEST_BYTES as LARGEST_YAML
from projects_app.exceptions import InvalidInput

LONGEST_CELL = 1024 * 1024
LONGEST_LINE = 4 * 1024 * 1024
LOOK = 1024
BYTE_ORDER_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
DELIMITERS = ",;\t"
CSV = (".csv", ".tsv")
JSONL = (".jsonl", ".ndjson")
JSON = (".json",)
YAML = (".yaml", ".yml")
ENDINGS = CSV + JSONL + JSON + YAML


@dataclass(frozen=True)
class FileRow:
    """The cells by column; `problem` says why there are none.

    `said` are those of another tool's row that a reader put into our words.
    """

    line: int
    cells: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    said: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RowFile:
    """An open file. `columns` is empty for all but CSV, since each row names its own there."""

    rows: Iterator[FileRow]
    columns: tuple[str, ...]
    raw: BinaryIO
    size: int

    @property
    def share_read(self) -> float:
        return self.raw.tell() / self.size if self.size else 1.0


@contextmanager
def open_rows(path: Path) -> Iterator[RowFile]:
    """Open a file by the ending of its name; raises InvalidInput.

    UTF-8 and UTF-16 are told by their first bytes; any line ending will do.
    """
    check_ending(path.name)
    try:
        raw = path.open("rb")
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}") from error
    with raw, read_rows(raw, path.name, path.stat().st_size) as file:
        yield file


@contextmanager
def read_rows(raw: BinaryIO, name: str, size: int) -> Iterator[RowFile]:
    """Read an open file, from its beginning and without closing it; raises InvalidInput."""
    ending = check_ending(name)
    if ending in YAML:
        raw.seek(0)
        yield RowFile(_of_document(yaml_rows(raw.read(LARGEST_YAML + 1))), (), raw, size)
        return
    text = _text(raw)
    try:
        columns, rows = _csv(text) if ending in CSV else ((), _json(text, ending))
        yield RowFile(_until_undecodable(rows), columns, raw, size)
    finally:
        text.detach()


def check_ending(name: str) -> str:
    ending = Path(name).suffix.lower()
    if ending not in ENDINGS:
        raise InvalidInput(f"{name}: the name must end in {', '.join(ENDINGS)}")
    return ending


def _json(text: TextIO, ending: str) -> Iterator[FileRow]:
    return _jsonl(text) if ending in JSONL else _of_document(json_rows(text))


def _of_document(rows: Iterator[Row]) -> Iterator[FileRow]:
    try:
        for row in rows:
            yield FileRow(row.line, row.value or {}, row.problem)
    except NoRows as error:
        raise InvalidInput(str(error), errors={"file": str(error)}) from error


def _text(raw: BinaryIO) -> TextIOWrapper:
    """Read broken UTF-8 as surrogates, so that its own row alone is refused."""
    raw.seek(0)
    start = raw.read(LOOK)
    raw.seek(0)
    encoding = _encoding(start)
    errors = "surrogateescape" if encoding.startswith("utf-8") else "strict"
    return TextIOWrapper(raw, encoding, errors=errors, newline="")


def _encoding(start: bytes) -> str:
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            return encoding
    zeros = [position % 2 for position, byte in enumerate(start) if byte == 0]
    if not zeros:
        return "utf-8"
    if len(zeros) < len(start) / 4 or len(set(zeros)) > 1:
        raise InvalidInput("the file is not text; save a spreadsheet as CSV first")
    return "utf-16-le" if zeros[0] else "utf-16-be"


def _until_undecodable(rows: Iterator[FileRow]) -> Iterator[FileRow]:
    """Nothing after a broken unit of UTF-16 can be trusted."""
    line = 0
    try:
        for row in rows:
            line = row.line
            yield row
    except UnicodeDecodeError as error:
        problem = f"not readable as {error.encoding} from here on"
        yield FileRow(line + 1, problem=problem)


def _lines(text: TextIO) -> Iterator[str]:
    """Return the lines; of one that has no end in sight only its beginning is kept in memory."""
    while line := text.readline(LONGEST_LINE):
        yield line
        while len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
            line = text.readline(LONGEST_LINE)


def _jsonl(text: TextIO) -> Iterator[FileRow]:
    for number, line in enumerate(_lines(text), start=1):
        if not line.strip():
            continue
        if len(line) == LONGEST_LINE:
            yield FileRow(number, problem=f"is longer than {LONGEST_LINE // 1024**2} MiB")
            continue
        try:
            yield FileRow(number, msgspec.json.decode(line, type=dict[str, Any]))
        except UnicodeEncodeError:
            yield FileRow(number, problem="not UTF-8")
        except (msgspec.DecodeError, RecursionError) as error:
            yield FileRow(number, problem=f"not a JSON object: {error}")


def _csv(text: TextIO) -> tuple[tuple[str, ...], Iterator[FileRow]]:
    csv.field_size_limit(LONGEST_CELL)
    try:
        first = text.readline(LONGEST_LINE)
        delimiter = max(DELIMITERS, key=first.count)
        header = tuple(name.strip() for name in next(csv.reader([first], delimiter=delimiter), ()))
    except UnicodeDecodeError as error:
        raise InvalidInput(f"line 1: not readable as {error.encoding}") from error
    if not first.strip():
        raise InvalidInput("the file is empty")
    if not header or not all(header) or len(set(header)) < len(header):
        raise InvalidInput("line 1: expected the names of the columns, each one once")
    return header, _csv_rows(csv.reader(_lines(text), delimiter=delimiter, strict=True), header)


def _csv_rows(reader: Any, header: tuple[str, ...]) -> Iterator[FileRow]:
    while True:
        line = reader.line_num + 2
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            last = reader.line_num + 1
            yield FileRow(line, problem=f"not readable as CSV up to line {last}: {error}")
            continue
        if not cells:
            continue
        if len(cells) != len(header):
            yield FileRow(line, problem=f"has {len(cells)} cells, the header has {len(header)}")
        else:
            yield FileRow(line, dict(zip(header, cells, strict=True)))
