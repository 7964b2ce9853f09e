"""Feedback by page: the inbox, one feedback, and what editors do with them."""

from typing import Any

from django.db.models import Prefetch
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from feedback_app.histogram import bars_of
from feedback_app.inbox import (
    MOST_READ,
    feedback_by_public_id,
    feedback_chosen,
    inbox_of,
    is_hold_out,
    spread_of,
    versions_of,
)
from feedback_app.inbox_export import COLUMNS, export_lines
from feedback_app.inbox_form import InboxForm
from feedback_app.inbox_words import fields_of, inbox_rows, origin_word, stand_of
from feedback_app.models import Example, Feedback
from feedback_app.services.example_rows import label_of
from feedback_app.services.redaction import REASONS
from projects_app.csv_export import csv_response
from projects_app.exceptions import NotHere
from projects_app.lists import show
from projects_app.models import ApiKey, Role
from projects_app.pages import Visit, project_page

UNDO = "kaizen_dismissed"
UNSHOWN = ("metadata", "metrics", "corrected_output")
# Read beside the rows: a join would have the database weigh all tasks and examples.
BESIDE = (
    "task",
    Prefetch("example", Example.objects.only("feedback", "split")),
)


@require_safe
@project_page
def feedback_list_page(visit: Visit) -> HttpResponse:
    form = InboxForm(visit.project, visit.request.GET)
    wanted = form.wanted
    inbox = inbox_of(visit.project, wanted)
    rows = inbox.rows.prefetch_related(*BESIDE).defer(*UNSHOWN)
    shown = show(rows, visit.request.GET.get("page"))
    spread = spread_of(inbox.unscored)
    context = {
        "project": visit.project,
        "form": form,
        "wanted": wanted,
        "page": shown,
        "rows": inbox_rows(shown.rows),
        "spread": spread,
        "bars": bars_of(spread),
        "most_read": MOST_READ if inbox.is_cut else 0,
        "undo": _undo(visit),
        "reasons": REASONS,
        "may_write": visit.allows(Role.EDITOR),
        "key": _own_key(visit) if not shown.rows else None,
    }
    return render(visit.request, "feedback_app/feedback.html", context)


@require_safe
@project_page
def feedback_csv(visit: Visit) -> HttpResponseBase:
    wanted = InboxForm(visit.project, visit.request.GET).wanted
    rows = inbox_of(visit.project, wanted).rows.prefetch_related(*BESIDE)
    return csv_response(f"feedback-{visit.project.slug}", COLUMNS, export_lines(rows))


@require_safe
@project_page
def feedback_item_page(visit: Visit, feedback_id: str) -> HttpResponse:
    row = feedback_or_404(visit, feedback_id)
    return render(visit.request, "feedback_app/feedback_item.html", item_context(visit, row))


def item_context(visit: Visit, row: Feedback, **more: Any) -> dict[str, Any]:
    """Return what the page of one feedback shows; of the hold-out no text."""
    task, hidden = row.task, is_hold_out(row) and not row.redacted_at
    example = getattr(row, "example", None)
    label = label_of(task, row) or row.output or {}
    wanted = fields_of(task.output_schema, dict.fromkeys(task.output_schema.get("properties", {})))
    given = {field.name: field.text for field in fields_of(task.output_schema, label)}
    return {
        "project": visit.project,
        "row": row,
        "stand": stand_of(row),
        "origin": origin_word(row.origin),
        "version": versions_of([row]).get((row.task_id, row.prompt_hash)),
        "is_hidden": hidden,
        "texts": [] if hidden else _texts(row),
        "example": example,
        "expected": fields_of(task.output_schema, example.outputs) if example else [],
        "answers": [(f.name, given.get(f.name, "")) for f in wanted] or [("output", "")],
        "reasons": REASONS,
        "errors": {},
        "may_write": visit.allows(Role.EDITOR),
        **more,
    }


def feedback_or_404(visit: Visit, feedback_id: str) -> Feedback:
    try:
        return feedback_by_public_id(visit.project, feedback_id)
    except NotHere as error:
        raise Http404(str(error)) from error


def _texts(row: Feedback) -> list[tuple[str, list[Any]]]:
    task = row.task
    sections: tuple[tuple[str, dict[str, Any], Any], ...] = (
        ("Inputs", task.input_schema, row.inputs),
        ("Answer", task.output_schema, row.output),
        ("Corrected answer", task.output_schema, row.corrected_output),
        ("Metrics", {}, row.metrics or None),
        ("Metadata", {}, row.metadata or None),
    )
    return [(title, fields_of(schema, values)) for title, schema, values in sections if values]


def _undo(visit: Visit) -> list[str]:
    """Return the rows that this visitor has just dismissed, once."""
    dismissed = visit.request.session.pop(UNDO, [])
    return [str(row.public_id) for row in feedback_chosen(visit.project, dismissed)]


def _own_key(visit: Visit) -> ApiKey | None:
    keys = ApiKey.objects.filter(project=visit.project, revoked_at=None)
    return keys.filter(created_by=visit.actor.user).order_by("-id").first()
