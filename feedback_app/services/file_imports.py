"""A file's way to a dataset, step by step: kept, looked at, mapped, checked, saved.

The file waits in the data folder, so that nobody chooses it twice; what is not saved within a day
goes with the next one that comes.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.utils import timezone

from feedback_app.dataset_columns import DatasetColumns
from feedback_app.exceptions import TooLarge
from feedback_app.file_rows import FileRow, check_ending, read_rows
from feedback_app.models import Dataset, FileImport
from feedback_app.rows_ahead import RowsAhead
from feedback_app.selectors import FEEDBACK_IMPORT
from feedback_app.services.uploads import LARGEST_FILE, Upload, dataset_upload, rows_check
from kaizen_engine.states import Split
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput
from projects_app.models import Role, Scope
from tasks_app.models import Task

KEPT_FOR = timedelta(days=1)
LONGEST_NAME = 200


@dataclass(frozen=True)
class Looked:
    """The beginning of a file: whose rows they are, their columns, and the first of them."""

    format: str
    columns: tuple[str, ...]
    rows: tuple[FileRow, ...]
    guess: DatasetColumns


@dataclass(frozen=True)
class Choice:
    """What each column becomes; `split` is of the rows that name none."""

    columns: DatasetColumns
    split: Split | None = None
    is_representative: bool = False


def import_begin(
    *,
    actor: Actor,
    task: Task,
    file: BinaryIO,
    file_name: str,
    size: int,
    name: str,
) -> FileImport:
    """Keep the file; raises InvalidInput for one that no dataset can come of, and TooLarge."""
    actor.require(role=Role.EDITOR, scope=Scope.DATASET_WRITE, project_id=task.project_id)
    _refuse(file_name, size, name)
    _forget_old()
    found = FileImport(
        project=task.project,
        task=task,
        name=name.strip()[:LONGEST_NAME],
        file_name=file_name[:LONGEST_NAME],
        size=size,
    )
    place = place_of(found)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with place.open("wb") as kept:
        file.seek(0)
        shutil.copyfileobj(file, kept)
    try:
        found.mapping = import_look(found).guess.to_json()
        found.save()
    except BaseException:
        place.unlink(missing_ok=True)
        raise
    return found


def import_look(found: FileImport) -> Looked:
    """Read the first rows; raises InvalidInput where the file has none that can be read."""
    with _opened(found) as raw, read_rows(raw, found.file_name, found.size) as file:
        ahead = RowsAhead(file)
    if not ahead.columns:
        why = next((row.problem for row in ahead.first if row.problem), "it has no rows")
        message = f"nothing in {found.file_name} can be read as a row: {why}"
        raise InvalidInput(message, errors={"file": message})
    guess = DatasetColumns.guess(found.task, ahead.columns)
    return Looked(ahead.format, ahead.columns, ahead.first, guess)


def import_check(*, actor: Actor, found: FileImport, choice: Choice) -> FileImport:
    """Read the whole file as it would be stored, and keep what was found. Nothing is stored."""
    actor.require(role=Role.EDITOR, scope=Scope.DATASET_WRITE, project_id=found.project_id)
    with _opened(found) as raw:
        report = rows_check(task=found.task, upload=_upload(found, raw, choice))
    open_import = FileImport.objects.filter(pk=found.pk, dataset=None)
    if not open_import.update(
        mapping=choice.columns.to_json(),
        split=choice.split.value if choice.split else "",
        is_representative=choice.is_representative,
        report=report,
    ):
        raise _saved()
    found.refresh_from_db()
    return found


def import_save(*, actor: Actor, found: FileImport) -> tuple[Dataset, bool]:
    """Store the rows that the check found good; a second time gives the same dataset."""
    if found.dataset is not None:
        return found.dataset, False
    if not found.report:
        raise Conflict("check the columns first", code="not_checked")
    with _opened(found) as raw:
        upload = _upload(found, raw, choice_of(found))
        dataset, is_new = dataset_upload(actor=actor, task=found.task, upload=upload)
    FileImport.objects.filter(pk=found.pk).update(dataset=dataset)
    place_of(found).unlink(missing_ok=True)
    return dataset, is_new


def import_drop(*, actor: Actor, found: FileImport) -> None:
    """Forget the file; what was saved of it stays."""
    actor.require(role=Role.EDITOR, scope=Scope.DATASET_WRITE, project_id=found.project_id)
    place_of(found).unlink(missing_ok=True)
    FileImport.objects.filter(pk=found.pk).delete()


def choice_of(found: FileImport) -> Choice:
    split = Split(found.split) if found.split else None
    return Choice(DatasetColumns.from_json(found.mapping), split, found.is_representative)


def place_of(found: FileImport) -> Path:
    """The name is ours: nothing of what the uploader called the file becomes a path."""
    return Path(settings.CONFIG.data_dir) / "imports" / found.public_id.hex


@contextmanager
def _opened(found: FileImport) -> Iterator[BinaryIO]:
    if found.dataset_id:
        raise _saved()
    try:
        raw = place_of(found).open("rb")
    except FileNotFoundError:
        message = f"{found.file_name} is kept here no longer: choose it again"
        raise Conflict(message, code="file_gone") from None
    with raw:
        yield raw


def _upload(found: FileImport, raw: BinaryIO, choice: Choice) -> Upload:
    return Upload(
        file=raw,
        file_name=found.file_name,
        size=found.size,
        name=found.name,
        split=choice.split,
        is_representative=choice.is_representative,
        columns=choice.columns,
    )


def _refuse(file_name: str, size: int, name: str) -> None:
    if size > LARGEST_FILE:
        raise TooLarge(f"The file has {size} bytes; at most {LARGEST_FILE} are taken.")
    problems = {"file": "the file is empty"} if not size else {}
    if not name.strip() or name.strip() == FEEDBACK_IMPORT:
        problems["name"] = "give the dataset a name of its own"
    if problems:
        raise InvalidInput("; ".join(problems.values()), errors=problems)
    check_ending(file_name)


def _forget_old() -> None:
    for old in FileImport.objects.filter(created_at__lt=timezone.now() - KEPT_FOR):
        place_of(old).unlink(missing_ok=True)
        old.delete()


def _saved() -> Conflict:
    return Conflict("this file was saved as a dataset already", code="already_saved")
