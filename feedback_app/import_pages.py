"""The import of a file in three steps: choose it, say what its columns are, read the report."""

from typing import Any, BinaryIO, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feedback_app.dataset_columns import DatasetColumns
from feedback_app.dataset_list import dataset_list_context
from feedback_app.exceptions import TooLarge
from feedback_app.import_preview import preview_of, word_of
from feedback_app.models import FileImport
from feedback_app.row_words import SPLIT_WORDS
from feedback_app.selectors import import_by_public_id
from feedback_app.services.file_imports import (
    Choice,
    choice_of,
    import_begin,
    import_check,
    import_drop,
    import_look,
    import_save,
)
from kaizen_engine.states import Split
from projects_app.csv_export import csv_response
from projects_app.exceptions import Conflict, InvalidInput, NotHere
from projects_app.models import Role
from projects_app.pages import Visit, project_page
from tasks_app.selectors import task_get


@require_POST
@project_page
def upload_page(visit: Visit) -> HttpResponse:
    """Step 1: keep the file, and go on to its columns."""
    _require_editor(visit)
    post, file = visit.request.POST, visit.request.FILES.get("file")
    if file is None or file.file is None or not file.name:
        return _first_step(visit, {"file": _("Choose a file.")})
    try:
        found = import_begin(
            actor=visit.actor,
            task=task_get(visit.project, post.get("task", "")),
            file=cast(BinaryIO, file.file),
            file_name=file.name,
            size=file.size or 0,
            name=post.get("name", ""),
        )
    except InvalidInput as error:
        return _first_step(visit, error.errors or {"file": str(error)})
    except NotHere as error:
        return _first_step(visit, {"task": str(error)})
    except TooLarge as error:
        return _first_step(visit, {"file": str(error)})
    return redirect("datasets:import", project=visit.project.slug, import_id=found.public_id)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def import_page(visit: Visit, import_id: str) -> HttpResponse:
    """Step 2: what each column becomes; sent off, the whole file is read by it."""
    found = _import(visit, import_id)
    if found.dataset_id:
        return _to_dataset(visit, found)
    try:
        looked = import_look(found)
    except (Conflict, InvalidInput) as error:
        return _away(visit, str(error))
    errors: dict[str, str] = {}
    choice = choice_of(found)
    if visit.request.method == "POST":
        try:
            choice = _chosen(visit.request, looked.columns)
            import_check(actor=visit.actor, found=found, choice=choice)
            return redirect("datasets:report", project=visit.project.slug, import_id=import_id)
        except (Conflict, InvalidInput) as error:
            errors = getattr(error, "errors", {}) or {"": str(error)}
    context = {
        "project": visit.project,
        "found": found,
        "preview": preview_of(found.task, looked, choice.columns, visit.request.POST),
        "choice": choice,
        "splits": [(one.value, SPLIT_WORDS.get(one.value, one.value)) for one in Split],
        "errors": errors,
    }
    status = 400 if errors else 200
    return render(visit.request, "feedback_app/import_columns.html", context, status=status)


@require_safe
@project_page
def report_page(visit: Visit, import_id: str) -> HttpResponse:
    """Step 3: what would be stored and what not; nothing is until it is saved."""
    found = _import(visit, import_id)
    if found.dataset_id:
        return _to_dataset(visit, found)
    if not found.report:
        return redirect("datasets:import", project=visit.project.slug, import_id=import_id)
    splits = found.report.get("splits", {})
    context = {
        "project": visit.project,
        "found": found,
        "report": found.report,
        "problems": found.report["problems"][:20],
        "splits": [(SPLIT_WORDS.get(one, one), count) for one, count in splits.items()],
        "targets": [(one, word_of(to)) for one, to in choice_of(found).columns.targets.items()],
        "has_answers": bool(found.mapping.get("outputs")),
    }
    return render(visit.request, "feedback_app/import_report.html", context)


@require_safe
@project_page
def problems_csv(visit: Visit, import_id: str) -> HttpResponseBase:
    found = _import(visit, import_id)
    return csv_response("left-out", ("line", "message"), found.report.get("problems", ()))


@require_POST
@project_page
def save_page(visit: Visit, import_id: str) -> HttpResponse:
    found = _import(visit, import_id)
    try:
        dataset, is_new = import_save(actor=visit.actor, found=found)
    except (Conflict, InvalidInput) as error:
        return _away(visit, str(error))
    stored, failed = dataset.report.get("stored", 0), dataset.report.get("failed", 0)
    said = _("%(stored)s rows stored, %(failed)s left out.") % {"stored": stored, "failed": failed}
    messages.success(
        visit.request, said if is_new else _("The same rows were stored before: here they are.")
    )
    return redirect("datasets:dataset", project=visit.project.slug, dataset_id=dataset.public_id)


@require_POST
@project_page
def drop_page(visit: Visit, import_id: str) -> HttpResponse:
    found = _import(visit, import_id)
    import_drop(actor=visit.actor, found=found)
    return _away(visit, _("The file is dropped; nothing of it was stored."))


def _chosen(request: HttpRequest, columns: tuple[str, ...]) -> Choice:
    post = request.POST
    targets = [post.get(f"column-{place}", "") for place in range(len(columns))]
    word = post.get("split", "")
    return Choice(
        DatasetColumns.from_targets(columns, targets),
        Split(word) if word in set(Split) else None,
        "is_representative" in post,
    )


def _first_step(visit: Visit, errors: dict[str, Any]) -> HttpResponse:
    context = dataset_list_context(visit, written=visit.request.POST, errors=errors)
    return render(visit.request, "feedback_app/datasets.html", context, status=400)


def _import(visit: Visit, import_id: str) -> FileImport:
    _require_editor(visit)
    try:
        return import_by_public_id(visit.project, import_id)
    except NotHere as error:
        raise Http404(str(error)) from error


def _to_dataset(visit: Visit, found: FileImport) -> HttpResponse:
    dataset_id = found.dataset and found.dataset.public_id
    return redirect("datasets:dataset", project=visit.project.slug, dataset_id=dataset_id)


def _away(visit: Visit, text: str) -> HttpResponse:
    messages.warning(visit.request, text)
    return redirect("datasets:list", project=visit.project.slug)


def _require_editor(visit: Visit) -> None:
    if not visit.allows(Role.EDITOR):
        raise PermissionDenied
