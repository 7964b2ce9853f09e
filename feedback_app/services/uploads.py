"""A dataset from a file: read row by row, stored in batches, frozen once it is whole.

No job reads a dataset before it is frozen, so that a batch at a time may be committed: feedback is
logged meanwhile, and memory holds one batch. What an upload that died left behind goes with the
next one.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, BinaryIO

import msgspec
from django.db import transaction
from django.utils import timezone
from rest_framework.exceptions import ParseError

from feedback_app.column_mapping import Unmappable
from feedback_app.dataset_columns import DatasetColumns
from feedback_app.exceptions import TooLarge
from feedback_app.file_rows import FileRow, read_rows
from feedback_app.models import Dataset, Example
from feedback_app.rows_ahead import RowsAhead
from feedback_app.selectors import FEEDBACK_IMPORT, examples_known
from feedback_app.services.datasets import dataset_create
from feedback_app.services.examples import leakage_of
from feedback_app.services.imports import MOST_PROBLEMS, Problem
from feedback_app.wire import decode_item
from kaizen_engine.data.groups import links_of
from kaizen_engine.data.split import group_key
from kaizen_engine.states import Origin, RowKind, Split
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput
from projects_app.services.audit import audit_record
from tasks_app.fit import as_label, check_inputs
from tasks_app.models import Task

LARGEST_FILE = 256 * 1024 * 1024
LARGEST_COMPARED = 8 * 1024 * 1024
BATCH_ROWS = 500
BATCH_BYTES = 4 * 1024 * 1024
# Of a longer file, repeats of its later rows are not counted.
MOST_COMPARED = 100_000
ABANDONED_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class Upload:
    """A file and what its uploader says of it; `split` is for rows that name none."""

    file: BinaryIO
    file_name: str
    size: int
    name: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    split: Split | None = None
    is_representative: bool = False
    columns: DatasetColumns | None = None


@dataclass
class _Report:
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


def dataset_upload(*, actor: Actor, task: Task, upload: Upload) -> tuple[Dataset, bool]:
    """Store every row that fits the task and freeze the dataset; the same rows again are known.

    Rows that cannot be stored are in the dataset's report, by their lines. Raises InvalidInput
    where the file cannot be read, a column is missing, or no row is left, and TooLarge.
    """
    _check(upload)
    with read_rows(upload.file, upload.file_name, upload.size) as file:
        rows = RowsAhead(file)
        columns = columns_of(task, upload, rows)
        dataset = _begin(actor, task, upload, columns)
        try:
            return _fill(actor, task, dataset, upload, _Rows(task, dataset, columns, upload, rows))
        except BaseException:
            Dataset.objects.filter(pk=dataset.pk, frozen_at=None).delete()
            raise


def rows_check(*, task: Task, upload: Upload) -> dict[str, Any]:
    """Return the report that storing the file would give, and store nothing."""
    _check(upload)
    with read_rows(upload.file, upload.file_name, upload.size) as file:
        ahead = RowsAhead(file)
        rows = _Rows(task, None, columns_of(task, upload, ahead), upload, ahead)
        for _batch in rows.batches():
            pass
        return rows.report.to_json() | {"splits": dict(rows.splits), "repeated": rows.repeated}


def columns_of(task: Task, upload: Upload, rows: RowsAhead) -> DatasetColumns:
    """Return what was chosen by hand, or by names, or is guessed; raises InvalidInput."""
    if upload.columns is not None:
        upload.columns.check(task, rows.columns, is_complete=rows.is_complete)
        return upload.columns
    return DatasetColumns.choose(
        task, rows.columns, upload.inputs, upload.outputs, is_complete=rows.is_complete
    )


def dataset_freeze(*, actor: Actor, dataset: Dataset, content_hash: str) -> None:
    """Let jobs read the dataset from here on; nothing is added to it any more."""
    Dataset.objects.filter(pk=dataset.pk, frozen_at=None).update(
        frozen_at=timezone.now(), content_hash=content_hash, report=dataset.report
    )
    dataset.refresh_from_db()
    audit_record(
        actor=actor,
        action="kaizen.dataset.frozen",
        subject=dataset,
        hash=content_hash,
        stored=dataset.report["stored"],
        failed=dataset.report["failed"],
    )


def _check(upload: Upload) -> None:
    if upload.size > LARGEST_FILE:
        raise TooLarge(f"The file has {upload.size} bytes; at most {LARGEST_FILE} are taken.")
    if not upload.size:
        raise InvalidInput("the file is empty", errors={"file": "is empty"})
    if upload.name.strip() == FEEDBACK_IMPORT:
        message = f"the name {FEEDBACK_IMPORT!r} stands for imported feedback"
        raise InvalidInput(message, errors={"name": message})


def _begin(actor: Actor, task: Task, upload: Upload, columns: DatasetColumns) -> Dataset:
    abandoned = timezone.now() - ABANDONED_AFTER
    left_behind = Dataset.objects.filter(
        project=task.project, frozen_at=None, created_at__lt=abandoned
    )
    left_behind.exclude(file_name="").delete()
    dataset = dataset_create(
        actor=actor,
        project=task.project,
        task=task,
        name=upload.name.strip(),
        is_representative=upload.is_representative,
    )
    dataset.file_name, dataset.mapping = upload.file_name[:200], columns.to_json()
    dataset.save(update_fields=["file_name", "mapping"])
    return dataset


def _fill(
    actor: Actor, task: Task, dataset: Dataset, upload: Upload, rows: "_Rows"
) -> tuple[Dataset, bool]:
    for batch in rows.batches():
        Example.objects.bulk_create(batch)
    if not rows.report.stored:
        first = {f"line {one.line}": one.message for one in rows.report.problems[:20]}
        why = next(iter(first.values()), "the file has no rows")
        raise InvalidInput(f"no row could be stored; the first: {why}", errors=first)
    content_hash = rows.hash.hexdigest()
    known = _same(task, dataset, content_hash)
    if known is not None:
        dataset.delete()
        return known, False
    dataset.report = rows.report.to_json()
    if rows.splits.keys() & {Split.DEV, Split.TEST} and upload.size <= LARGEST_COMPARED:
        mine = examples_known(task).filter(dataset=dataset)
        placed = Example.objects.filter(dataset=dataset).exclude(split="") | mine
        dataset.report["leakage"] = leakage_of(placed)
    with transaction.atomic():
        dataset_freeze(actor=actor, dataset=dataset, content_hash=content_hash)
    return dataset, True


def _same(task: Task, dataset: Dataset, content_hash: str) -> Dataset | None:
    frozen = Dataset.objects.filter(task=task, frozen_at__isnull=False, content_hash=content_hash)
    return frozen.exclude(pk=dataset.pk).first()


@dataclass
class _Rows:
    task: Task
    dataset: Dataset | None
    columns: DatasetColumns
    upload: Upload
    rows: RowsAhead
    report: _Report = field(default_factory=_Report)
    splits: Counter[Split] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    repeated: int = 0
    hash: Any = field(default_factory=hashlib.sha256)

    def batches(self) -> Iterator[list[Example]]:
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
        split = self.columns.split_of(cells) or self.upload.split
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
            is_deciding=self.upload.is_representative,
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
