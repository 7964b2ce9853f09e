"""Who did what, and why: the list, and the same rows as a file."""

import json
from collections.abc import Iterator
from typing import Any

from django import forms
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from projects_app.audit_page import (
    AuditFilter,
    audit_entries,
    changes_of,
    entry_json,
    latest_actions,
)
from projects_app.csv_export import csv_response
from projects_app.lists import Shown, show
from projects_app.models import AuditEntry, Project
from projects_app.pages import Visit, project_page

CHUNK = 1000
COLUMNS = (
    *("at", "actor", "action", "object_type", "object_id"),
    *("reason", "data", "request_id"),
)


class AuditForm(forms.Form):
    action = forms.ChoiceField(required=False, label=_("Action"))
    actor = forms.CharField(required=False, max_length=200, label=_("Person or key"))
    object_id = forms.CharField(required=False, max_length=40, label=_("Object id"))
    first = forms.DateField(
        required=False, label=_("From"), widget=forms.DateInput({"type": "date"})
    )
    last = forms.DateField(required=False, label=_("To"), widget=forms.DateInput({"type": "date"}))

    def __init__(self, project: Project, data: Any) -> None:
        super().__init__(data)
        known = {*latest_actions(project), *filter(None, [data.get("action")])}
        field = self.fields["action"]
        field.choices = [("", _("any")), *((one, one) for one in sorted(known))]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("first"), data.get("last")
        if first and last and first > last:
            self.add_error("last", _("The last day is before the first."))
        return data

    @property
    def wanted(self) -> AuditFilter:
        """Return the filter; what is not valid counts as not given."""
        self.is_valid()
        data = self.cleaned_data
        words = {name: data.get(name) or "" for name in ("action", "actor", "object_id")}
        return AuditFilter(**words, first=data.get("first"), last=data.get("last"))


@require_safe
@project_page
def audit_page(visit: Visit) -> HttpResponse:
    query = visit.request.GET
    form = AuditForm(visit.project, query)
    page: Shown[AuditEntry] = show(audit_entries(visit.project, form.wanted), query.get("page"))
    context = {
        "project": visit.project,
        "form": form,
        "page": page,
        "rows": [(entry, changes_of(entry.data)) for entry in page],
    }
    return render(visit.request, "projects_app/audit.html", context)


@require_safe
@project_page
def audit_csv(visit: Visit) -> HttpResponseBase:
    rows = (
        [
            json.dumps(line[name], ensure_ascii=False) if name == "data" else line[name]
            for name in COLUMNS
        ]
        for line in _lines(visit)
    )
    return csv_response(f"audit-{visit.project.slug}", COLUMNS, rows)


@require_safe
@project_page
def audit_jsonl(visit: Visit) -> HttpResponseBase:
    lines = (f"{json.dumps(line, ensure_ascii=False)}\n" for line in _lines(visit))
    response = StreamingHttpResponse(lines, content_type="application/x-ndjson; charset=utf-8")
    name = f"audit-{visit.project.slug}.jsonl"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _lines(visit: Visit) -> Iterator[dict[str, Any]]:
    wanted = AuditForm(visit.project, visit.request.GET).wanted
    for entry in audit_entries(visit.project, wanted).iterator(chunk_size=CHUNK):
        yield entry_json(entry)
