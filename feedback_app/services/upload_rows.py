"""A file's rows as examples: read, checked against the task, counted, a batch at a time."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from rest_framework.exceptions import ParseError

from feedback_app.column_mapping import Unmappable
from feedback_app.dataset_columns import DatasetColumns
from feedback_app.exceptions import TooLarge
from feedback_app.file_rows import FileRow
from feedback_app.models import Dataset, Example
from feedback_app.rows_ahead import RowsAhead
from feedback_app.services.imports import MOST_PROBLEMS, Problem
from feedback_app.wire import decode_item
from kaizen_engine.data.groups import links_of
from kaizen_engine.data.split import group_key
from kaizen_engine.states import Origin, RowKind, Split
from projects_app.exceptions import InvalidInput
from tasks_app.fit import as_label, check_inputs
from tasks_app.models import Task

BATCH_ROWS = 500
BATCH_BYTES = 4 * 1024 * 1024
# Of a longer file, repeats of its later rows are not counted.
MOST_COMPARED = 100_000


@dataclass
class UploadReport:
    """What became of the rows; `problems` are the first of those that `failed`."""

    stored: int = 0
    failed: int = 0
    problems: list[Problem] = field(default_factory=list)

    def fail(self, line: int, message: str) -> None:
        self.failed += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(line, message))

    def to_json(self) -> dict[str, Any]:
        problems = [[one.line, one.message] for one in self.problems]
        return {"stored": self.stored, "failed": self.failed, "problems": problems}


@dataclass
class UploadRows:
    """The examples of a file, read once; without a dataset they are counted only.

    `split` is for rows that name none, `is_deciding` for all. `hash` is over inputs, outputs and
    splits of all that were kept, in their order; `repeated` counts inputs that came before in the
    same file.
    """

    task: Task
    dataset: Dataset | None
    columns: DatasetColumns
    rows: RowsAhead
    split: Split | None = None
    is_deciding: bool = False
    report: UploadReport = field(default_factory=UploadReport)
    splits: Counter[Split] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    repeated: int = 0
    hash: Any = field(default_factory=hashlib.sha256)

    def batches(self) -> Iterator[list[Example]]:
        """Yield examples to store, as many as memory may hold; the report grows meanwhile."""
        batch: list[tuple[int, Example]] = []
        size = 0
        for row in self.rows:
            made = self._read(row)
            if made is None:
                continue
            example, length = made
            batch.append((row.line, example))
            size += length
            if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
                yield self._kept(batch)
                batch, size = [], 0
        if batch:
            yield self._kept(batch)

    def _read(self, row: FileRow) -> tuple[Example, int] | None:
        if row.problem:
            self.report.fail(row.line, row.problem)
            return None
        try:
            return self._example(row)
        except (Unmappable, InvalidInput, TooLarge, ParseError, ValueError) as error:
            self.report.fail(row.line, _in_words(error))
            return None

    def _example(self, row: FileRow) -> tuple[Example, int]:
        cells = row.cells
        item = self.columns.row(cells, self.task)
        beside = self.columns.metadata_of(cells)
        whole = {**item, "task": self.task.slug, "event_id": "row", "metadata": beside}
        encoded = msgspec.json.encode(whole)
        decoded = decode_item(encoded)
        check_inputs(self.task, decoded.inputs)
        label = as_label(self.task, decoded.corrected_output)
        if label is None and self.columns.outputs:
            raise Unmappable("the expected output is empty")
        split = self.columns.split_of(cells) or self.split
        example = Example(
            task=self.task,
            dataset=self.dataset,
            inputs=decoded.inputs,
            outputs=label or {},
            kind=(RowKind.LABEL if label else RowKind.CALL).value,
            group=group_key(decoded.inputs),
            links=list(links_of({**(row.said.get("metadata") or {}), **cells})),
            metadata=decoded.metadata or {},
            split=split.value if split else "",
            origin=Origin.IMPORT.value,
            is_deciding=self.is_deciding,
        )
        return example, len(encoded)

    def _kept(self, batch: list[tuple[int, Example]]) -> list[Example]:
        """Leave out rows whose inputs are in another split already, of this file or before it."""
        keys = {row.group for _, row in batch if row.split}
        placed = Example.objects.filter(task=self.task, group__in=keys).exclude(split="")
        split_of = dict(placed.values_list("group", "split"))
        kept = []
        for line, row in batch:
            known = split_of.setdefault(row.group, row.split) if row.split else row.split
            if known != row.split:
                message = f"the same inputs are in {known} already and cannot be in {row.split} too"
                self.report.fail(line, message)
                continue
            self._count(row)
            kept.append(row)
        return kept

    def _count(self, row: Example) -> None:
        self.report.stored += 1
        if row.split:
            self.splits[Split(row.split)] += 1
        self.repeated += row.group in self.seen
        if len(self.seen) < MOST_COMPARED:
            self.seen.add(row.group)
        facts = [row.inputs, row.outputs, row.split]
        self.hash.update(msgspec.json.encode(facts, order="sorted"))


def _in_words(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "not UTF-8"
    return str(error).replace("corrected_output", "output")
