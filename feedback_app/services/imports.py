"""Feedback from a file: read, mapped and stored in batches, as if each row had been posted."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec
from rest_framework.exceptions import ParseError

from feedback_app.column_mapping import ColumnMapping, Unmappable
from feedback_app.exceptions import TooLarge
from feedback_app.file_rows import FileRow, RowFile
from feedback_app.models import Dataset
from feedback_app.selectors import FEEDBACK_IMPORT
from feedback_app.services.datasets import dataset_create, dataset_declare
from feedback_app.services.feedback import ItemAnswer, feedback_log_batch
from feedback_app.wire import MAX_BATCH_ITEMS, FeedbackItem, decode_item
from kaizen_engine.states import Origin
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput
from tasks_app.models import Task

MOST_PROBLEMS = 1000
STORED, KNOWN = 201, 200


@dataclass(frozen=True)
class Problem:
    line: int
    message: str


@dataclass
class ImportReport:
    """`problems` are the first of the rows that `failed`."""

    stored: int = 0
    known: int = 0
    failed: int = 0
    problems: list[Problem] = field(default_factory=list)


OnProblem = Callable[[Problem], None]


def feedback_import(
    *,
    actor: Actor,
    task: Task,
    file: RowFile,
    mapping: ColumnMapping,
    origin: Origin,
    on_problem: OnProblem = lambda _: None,
    on_batch: Callable[[ImportReport], None] = lambda _: None,
) -> ImportReport:
    """Store every row that can be feedback; a row of a former run of this is not stored again."""
    report = ImportReport()
    items = _Items(actor, task, mapping, origin, report, on_problem)
    rows = items.of(file.rows)
    while batch := list(islice(rows, MAX_BATCH_ITEMS)):
        answers = feedback_log_batch(actor=actor, items=[item for _, item in batch])
        for (line, _), answer in zip(batch, answers, strict=True):
            items.count(line, answer)
        on_batch(report)
    return report


def imports_declare_representative(*, actor: Actor, task: Task) -> Dataset:
    """Say that the imported rows of the task are a random sample of its traffic."""
    known = Dataset.objects.filter(task=task, name=FEEDBACK_IMPORT).first()
    if known is not None:
        return dataset_declare(actor=actor, dataset=known, is_representative=True)
    return dataset_create(
        actor=actor,
        project=task.project,
        task=task,
        name=FEEDBACK_IMPORT,
        is_representative=True,
    )


@dataclass
class _Items:
    actor: Actor
    task: Task
    mapping: ColumnMapping
    origin: Origin
    report: ImportReport
    on_problem: OnProblem
    seen: Counter[bytes] = field(default_factory=Counter)

    def of(self, rows: Iterator[FileRow]) -> Iterator[tuple[int, FeedbackItem]]:
        for row in rows:
            if row.problem:
                self._fail(row.line, row.problem)
                continue
            try:
                yield row.line, self._item(row)
            except (Unmappable, InvalidInput, TooLarge, ParseError) as error:
                self._fail(row.line, str(error))
            except UnicodeEncodeError:
                self._fail(row.line, "not UTF-8")

    def count(self, line: int, answer: ItemAnswer) -> None:
        if answer.status == STORED:
            self.report.stored += 1
        elif answer.status == KNOWN:
            self.report.known += 1
        else:
            self._fail(line, f"refused: {answer.code}")

    def _item(self, row: FileRow) -> FeedbackItem:
        fields = self.mapping.item(row.cells, self.task)
        fields.setdefault("event_id", self._event_id(row.cells))
        whole = {**fields, "task": self.task.slug, "origin": self.origin.value}
        return decode_item(msgspec.json.encode(whole))

    def _event_id(self, cells: Mapping[str, Any]) -> str:
        """Name a row by its content, and equal rows by their order.

        The number of the line would name a row anew in a longer export of the same data.
        """
        content = msgspec.json.encode([str(self.task.public_id), cells], order="sorted")
        digest = hashlib.sha256(content).digest()[:20]
        self.seen[digest] += 1
        return f"file-{digest.hex()}-{self.seen[digest]}"

    def _fail(self, line: int, message: str) -> None:
        problem = Problem(line, message)
        self.report.failed += 1
        if len(self.report.problems) < MOST_PROBLEMS:
            self.report.problems.append(problem)
        self.on_problem(problem)
