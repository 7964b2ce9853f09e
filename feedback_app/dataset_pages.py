"""Datasets by page: the list, one dataset with its rows, and its files."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from feedback_app.dataset_list import dataset_list_context
from feedback_app.dataset_rows import (
    RowsForm,
    csv_header,
    csv_lines,
    jsonl_lines,
    repeats_of,
    shown_row,
)
from feedback_app.models import Dataset
from feedback_app.row_words import SPLIT_WORDS, leaks_in_words
from feedback_app.selectors import dataset_by_public_id, dataset_uses
from feedback_app.services.datasets import dataset_compare, dataset_declare
from kaizen_engine.states import Split
from projects_app.csv_export import csv_response
from projects_app.exceptions import InvalidInput, NotHere
from projects_app.lists import show
from projects_app.models import Role
from projects_app.pages import Visit, project_page


@require_safe
@project_page
def dataset_list_page(visit: Visit) -> HttpResponse:
    context = dataset_list_context(visit, written={}, errors={})
    return render(visit.request, "feedback_app/datasets.html", context)


@require_safe
@project_page
def dataset_page(visit: Visit, dataset_id: str) -> HttpResponse:
    dataset = _dataset(visit, dataset_id)
    form = RowsForm(visit.request.GET)
    shown = show(form.rows_of(dataset), visit.request.GET.get("page"))
    uses = dataset_uses(dataset)
    leakage = dataset.report.get("leakage")
    context = {
        "project": visit.project,
        "dataset": dataset,
        "form": form,
        "page": shown,
        "rows": [shown_row(one) for one in shown],
        "hidden": sum(rows for split, _use, rows in uses if split == Split.TEST.value),
        "uses": [(SPLIT_WORDS.get(one, one), *rest) for one, *rest in uses],
        "stored": dataset.report.get("stored", 0),
        "failed": dataset.report.get("failed", 0),
        "problems": dataset.report.get("problems", [])[:20],
        "repeats": repeats_of(dataset),
        "leaks": leaks_in_words(leakage or {}),
        "shared": [words for _train, _other, words in (leakage or {}).get("examples", ())],
        "is_compared": leakage is not None,
        "may_write": visit.allows(Role.EDITOR),
    }
    return render(visit.request, "feedback_app/dataset.html", context)


@require_safe
@project_page
def dataset_errors(visit: Visit, dataset_id: str) -> HttpResponseBase:
    """Download the lines that were refused."""
    dataset = _dataset(visit, dataset_id)
    return csv_response("errors", ("line", "message"), dataset.report.get("problems", ()))


@require_safe
@project_page
def dataset_csv(visit: Visit, dataset_id: str) -> HttpResponseBase:
    dataset = _dataset(visit, dataset_id)
    rows = RowsForm(visit.request.GET).rows_of(dataset)
    return csv_response(_file_name(dataset), csv_header(dataset), csv_lines(dataset, rows))


@require_safe
@project_page
def dataset_jsonl(visit: Visit, dataset_id: str) -> HttpResponseBase:
    dataset = _dataset(visit, dataset_id)
    lines = jsonl_lines(RowsForm(visit.request.GET).rows_of(dataset))
    headers = {"Content-Disposition": f'attachment; filename="{_file_name(dataset)}.jsonl"'}
    return StreamingHttpResponse(lines, content_type="application/x-ndjson", headers=headers)


@require_POST
@project_page
def dataset_declare_page(visit: Visit, dataset_id: str) -> HttpResponse:
    _require_editor(visit)
    dataset = _dataset(visit, dataset_id)
    says = visit.request.POST.get("is_representative") == "yes"
    dataset_declare(actor=visit.actor, dataset=dataset, is_representative=says)
    word = _("may decide verdicts") if says else _("inform and do not decide")
    said = _("From the next job on its rows %(word)s.") % {"word": word}
    messages.success(visit.request, said)
    return _to(dataset, visit)


@require_POST
@project_page
def dataset_compare_page(visit: Visit, dataset_id: str) -> HttpResponse:
    """Look for what its splits share, for a dataset whose rows got their splits later."""
    _require_editor(visit)
    dataset = _dataset(visit, dataset_id)
    try:
        dataset_compare(actor=visit.actor, dataset=dataset)
    except InvalidInput as error:
        messages.error(visit.request, str(error))
    else:
        messages.success(visit.request, _("The splits are compared."))
    return _to(dataset, visit)


def _file_name(dataset: Dataset) -> str:
    """A name of ours: what a person called the dataset may be anything."""
    return f"dataset-{dataset.public_id}"


def _to(dataset: Dataset, visit: Visit) -> HttpResponse:
    return redirect("datasets:dataset", project=visit.project.slug, dataset_id=dataset.public_id)


def _dataset(visit: Visit, dataset_id: str) -> Dataset:
    try:
        return dataset_by_public_id(visit.project, dataset_id)
    except NotHere as error:
        raise Http404(str(error)) from error


def _require_editor(visit: Visit) -> None:
    if not visit.allows(Role.EDITOR):
        raise PermissionDenied
