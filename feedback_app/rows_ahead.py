"""A file's rows with the first of them looked at early: for the columns, and for whose they are."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from feedback_app.file_rows import FileRow, RowFile
from kaizen_engine.data.formats.detect import reader_of
from kaizen_engine.data.formats.reading import Unreadable

LOOKED_AT = 20


class RowsAhead:
    """Iterates over all rows, in our words where another tool wrote them.

    `format` names that tool, or is empty; `columns` are those of the rows that were looked at.
    """

    def __init__(self, file: RowFile) -> None:
        self._rows = file.rows
        self._first: list[FileRow] = []
        readable = 0
        for row in file.rows:
            self._first.append(row)
            readable += bool(row.cells)
            if readable == LOOKED_AT:
                break
        self._reader = next((reader_of(row.cells) for row in self._first if row.cells), None)
        self.format = self._reader.NAME if self._reader else ""
        self._first = [self._read(row) for row in self._first]
        self.columns = self._columns(file.columns)
        # A CSV has the same columns in every row; what a reader makes of them may differ.
        self.is_complete = bool(file.columns) and not self.format

    def __iter__(self) -> Iterator[FileRow]:
        yield from self._first
        yield from (self._read(row) for row in self._rows)

    @property
    def first(self) -> tuple[FileRow, ...]:
        return tuple(self._first)

    def _read(self, row: FileRow) -> FileRow:
        if self._reader is None or row.problem:
            return row
        try:
            read = self._reader.read(row.cells)
        except Unreadable as error:
            return FileRow(row.line, problem=str(error))
        # Whoever names the columns of the file itself finds them as well.
        return replace(row, cells={**row.cells, **read}, said=read)

    def _columns(self, header: tuple[str, ...]) -> tuple[str, ...]:
        if header and not self.format:
            return header
        found: dict[str, None] = {}
        for row in self._first:
            found.update(dict.fromkeys(_paths(row.said or row.cells)))
        return tuple(found)


def _paths(cells: Mapping[str, Any]) -> Iterator[str]:
    """Name the cells of a row; of an object also its fields."""
    for name, value in cells.items():
        if isinstance(value, Mapping) and value:
            yield from (f"{name}.{path}" for path in value)
        else:
            yield name
