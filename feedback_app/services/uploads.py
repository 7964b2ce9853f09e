"""A dataset from a file: read row by row, stored in batches, frozen once it is whole.

No job reads a dataset before it is frozen, so that a batch at a time may be committed: feedback is
logged meanwhile, and memory holds one batch. What an upload that died left behind goes with the
next one.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, BinaryIO

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from feedback_app.dataset_columns import DatasetColumns
from feedback_app.exceptions import TooLarge
from feedback_app.file_rows import read_rows
from feedback_app.models import Dataset, Example
from feedback_app.rows_ahead import RowsAhead
from feedback_app.selectors import FEEDBACK_IMPORT, examples_known
from feedback_app.services.datasets import dataset_create
from feedback_app.services.examples import leakage_of
from feedback_app.services.upload_rows import UploadReport, UploadRows
from kaizen_engine.states import Split
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput
from projects_app.services.audit import audit_record
from tasks_app.models import Task

LARGEST_FILE = 256 * 1024 * 1024
LARGEST_COMPARED = 8 * 1024 * 1024
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


def dataset_upload(*, actor: Actor, task: Task, upload: Upload) -> tuple[Dataset, bool]:
    """Store every row that fits the task and freeze the dataset; the same rows again are known.

    Rows that cannot be stored are in the dataset's report, by their lines. Raises InvalidInput
    where the file cannot be read, a column is missing, or no row is left, and TooLarge.
    """
    _check(upload)
    with read_rows(upload.file, upload.file_name, upload.size) as file:
        ahead = RowsAhead(file)
        columns = columns_of(task, upload, ahead)
        dataset = _begin(actor, task, upload, columns)
        rows = _rows_of(task, dataset, columns, upload, ahead)
        try:
            return _fill(actor, task, dataset, upload, rows)
        except BaseException:
            Dataset.objects.filter(pk=dataset.pk, frozen_at=None).delete()
            raise


def rows_check(*, task: Task, upload: Upload) -> dict[str, Any]:
    """Return the report that storing the file would give, and store nothing."""
    _check(upload)
    with read_rows(upload.file, upload.file_name, upload.size) as file:
        ahead = RowsAhead(file)
        rows = _rows_of(task, None, columns_of(task, upload, ahead), upload, ahead)
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


def _rows_of(
    task: Task, dataset: Dataset | None, columns: DatasetColumns, upload: Upload, ahead: RowsAhead
) -> UploadRows:
    return UploadRows(task, dataset, columns, ahead, upload.split, upload.is_representative)


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
    actor: Actor, task: Task, dataset: Dataset, upload: Upload, rows: UploadRows
) -> tuple[Dataset, bool]:
    for batch in rows.batches():
        Example.objects.bulk_create(batch)
    _refuse_empty(rows.report)
    content_hash = rows.hash.hexdigest()
    known = _same(task, dataset, content_hash)
    if known is not None:
        dataset.delete()
        return known, False
    dataset.report = rows.report.to_json()
    if rows.splits.keys() & {Split.DEV, Split.TEST} and upload.size <= LARGEST_COMPARED:
        dataset.report["leakage"] = leakage_of(_placed(task, dataset))
    with transaction.atomic():
        dataset_freeze(actor=actor, dataset=dataset, content_hash=content_hash)
    return dataset, True


def _refuse_empty(report: UploadReport) -> None:
    if not report.stored:
        first = {f"line {one.line}": one.message for one in report.problems[:20]}
        why = next(iter(first.values()), "the file has no rows")
        raise InvalidInput(f"no row could be stored; the first: {why}", errors=first)


def _placed(task: Task, dataset: Dataset) -> QuerySet[Example]:
    mine = examples_known(task).filter(dataset=dataset)
    return Example.objects.filter(dataset=dataset).exclude(split="") | mine


def _same(task: Task, dataset: Dataset, content_hash: str) -> Dataset | None:
    frozen = Dataset.objects.filter(task=task, frozen_at__isnull=False, content_hash=content_hash)
    return frozen.exclude(pk=dataset.pk).first()
