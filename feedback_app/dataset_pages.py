"""Datasets by page: the list with its form, a preview of a file's head, and one dataset."""

import csv
import io
from itertools import islice
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from feedback_app.column_mapping import Unmappable
from feedback_app.dataset_api import DatasetUploadInput, upload_of
from feedback_app.dataset_columns import DatasetColumns
from feedback_app.exceptions import TooLarge
from feedback_app.file_rows import read_rows
from feedback_app.models import Dataset
from feedback_app.row_words import leaks_in_words
from feedback_app.selectors import dataset_by_public_id, dataset_list, dataset_splits, dataset_uses
from feedback_app.services.datasets import dataset_declare
from feedback_app.services.uploads import RowsAhead, dataset_upload
from kaizen_engine.states import Split
from projects_app.exceptions import InvalidInput, NotHere
from projects_app.lists import show
from projects_app.models import Role
from projects_app.pages import Visit, project_page
from tasks_app.models import Task
from tasks_app.selectors import task_get, task_list

PREVIEWED = 5
SPLIT_WORDS = {"": "dealt out by the next job", "test": "hold-out", "red_team": "red team"}


@require_safe
@project_page
def dataset_list_page(visit: Visit) -> HttpResponse:
    return _list(visit, {}, {})


@require_POST
@project_page
def dataset_upload_page(visit: Visit) -> HttpResponse:
    _require_editor(visit)
    written = visit.request.POST
    form = DatasetUploadInput(
        data={
            **{name: written.get(name, "") for name in ("name", "task", "split")},
            **{name: _words(written, name) for name in ("input_fields", "output_fields")},
            "is_representative": "is_representative" in written,
            "file": visit.request.FILES.get("file"),
        }
    )
    if not form.is_valid():
        errors = {name: str(found[0]) for name, found in form.errors.items()}
        return _list(visit, written, errors)
    try:
        task = task_get(visit.project, form.validated_data["task"])
        upload = upload_of(form.validated_data)
        dataset, is_new = dataset_upload(actor=visit.actor, task=task, upload=upload)
    except InvalidInput as error:
        return _list(visit, written, error.errors or {"file": str(error)})
    except (NotHere, TooLarge) as error:
        return _list(visit, written, {"task" if isinstance(error, NotHere) else "file": str(error)})
    said = (
        "The dataset is stored." if is_new else "The same rows were stored before: here they are."
    )
    messages.success(visit.request, said)
    return redirect("datasets:dataset", project=visit.project.slug, dataset_id=dataset.public_id)


@require_POST
@project_page
def dataset_preview_fragment(visit: Visit) -> HttpResponse:
    """Guess the columns from the beginning of a file, and show what its first rows become."""
    _require_editor(visit)
    head = visit.request.FILES.get("head")
    try:
        task = task_get(visit.project, visit.request.POST.get("task", ""))
        context = _preview(task, head) if head else {}
    except (InvalidInput, NotHere) as error:
        context = {"problem": str(error)}
    return render(visit.request, "feedback_app/_dataset_preview.html", context)


@require_safe
@project_page
def dataset_page(visit: Visit, dataset_id: str) -> HttpResponse:
    dataset = _dataset(visit, dataset_id)
    report = dataset.report
    context = {
        "project": visit.project,
        "dataset": dataset,
        "uses": [(SPLIT_WORDS.get(one, one), *rest) for one, *rest in dataset_uses(dataset)],
        "stored": report.get("stored", 0),
        "failed": report.get("failed", 0),
        "problems": report.get("problems", [])[:20],
        "leaks": leaks_in_words(report.get("leakage") or {}),
        "is_compared": "leakage" in report,
        "may_write": visit.allows(Role.EDITOR),
    }
    return render(visit.request, "feedback_app/dataset.html", context)


@require_safe
@project_page
def dataset_errors(visit: Visit, dataset_id: str) -> HttpResponse:
    """Download the lines that were refused."""
    dataset = _dataset(visit, dataset_id)
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["line", "message"])
    for line, message in dataset.report.get("problems", ()):
        # A spreadsheet takes a text that begins like this for a formula.
        lines.writerow([line, f"'{message}" if message[:1] in "=+-@" else message])
    headers = {"Content-Disposition": 'attachment; filename="errors.csv"'}
    return HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


@require_POST
@project_page
def dataset_declare_page(visit: Visit, dataset_id: str) -> HttpResponse:
    _require_editor(visit)
    dataset = _dataset(visit, dataset_id)
    says = visit.request.POST.get("is_representative") == "yes"
    dataset_declare(actor=visit.actor, dataset=dataset, is_representative=says)
    word = "may decide verdicts" if says else "inform and do not decide"
    messages.success(visit.request, f"From the next job on its rows {word}.")
    return redirect("datasets:dataset", project=visit.project.slug, dataset_id=dataset.public_id)


def _list(visit: Visit, written: Any, errors: dict[str, str]) -> HttpResponse:
    datasets = dataset_list(visit.project, limit=10_000)
    shown = show(datasets, visit.request.GET.get("page"))
    splits = dataset_splits(shown)
    context = {
        "project": visit.project,
        "page": shown,
        "rows": [(one, sum(splits.get(one.pk, {}).values())) for one in shown],
        "tasks": task_list(visit.project),
        "splits": [(one.value, SPLIT_WORDS.get(one.value, one.value)) for one in Split],
        "written": written,
        "errors": errors,
        "may_write": visit.allows(Role.EDITOR),
    }
    status = 400 if errors else 200
    return render(visit.request, "feedback_app/datasets.html", context, status=status)


def _words(written: Any, name: str) -> list[str]:
    return [written[name]] if written.get(name, "").strip() else []


def _preview(task: Task, head: Any) -> dict[str, Any]:
    with read_rows(head.file, head.name, head.size) as file:
        rows = RowsAhead(file.rows)
        columns = DatasetColumns.guess(task, file.columns or rows.columns)
        readable = (row for row in rows if not row.problem)
        # Rows that say they are hold-out are for nobody to read.
        shown = (row.cells for row in readable if not _is_hold_out(columns, row.cells))
        cells = list(islice(shown, PREVIEWED))
    fields = [*columns.inputs, *columns.outputs]
    return {
        "inputs": ", ".join(f"{column}={field}" for column, field in columns.inputs),
        "outputs": ", ".join(f"{column}={field}" for column, field in columns.outputs),
        "columns": ", ".join(file.columns or rows.columns),
        "fields": fields,
        "rows": [_shown(columns, task, row) for row in cells],
    }


def _is_hold_out(columns: DatasetColumns, cells: dict[str, Any]) -> bool:
    try:
        return columns.split_of(cells) is Split.TEST
    except Unmappable:
        return False


def _shown(columns: DatasetColumns, task: Task, cells: dict[str, Any]) -> list[str]:
    try:
        row = columns.row(cells, task)
    except Unmappable as error:
        return [str(error)]
    label = row.get("corrected_output") or {}
    values = [row["inputs"].get(field, "") for _, field in columns.inputs]
    values += [label.get(field, "") for _, field in columns.outputs]
    return [str(value) for value in values]


def _dataset(visit: Visit, dataset_id: str) -> Dataset:
    try:
        return dataset_by_public_id(visit.project, dataset_id)
    except NotHere as error:
        raise Http404(str(error)) from error


def _require_editor(visit: Visit) -> None:
    if not visit.allows(Role.EDITOR):
        raise PermissionDenied
