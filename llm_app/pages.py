"""What a project spent: one page, its filters in the address, and the same as a file."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from llm_app.spend import (
    GROUPINGS,
    Spend,
    SpendFilter,
    choices_of,
    spend_by,
    spend_rows,
    spend_total,
)
from projects_app.csv_export import csv_response
from projects_app.models import Project
from projects_app.pages import Visit, project_page

DAYS = 30
SHOWN = 50
TITLES = {"day": "By day", "role": "By role", "model": "By model", "job": "By job"}
COLUMNS = ("day", "purpose", "job", "role", "model", "calls")
PLACES = {"optimize": "jobs:job", "evaluate": "jobs:job", "playground": "playground:run"}
FIGURES = ("input_tokens", "output_tokens", "cost_usd", "maybe_not_billed_usd")


class SpendForm(forms.Form):
    first = forms.DateField(required=False, label="From", widget=forms.DateInput({"type": "date"}))
    last = forms.DateField(required=False, label="To", widget=forms.DateInput({"type": "date"}))
    role = forms.ChoiceField(required=False, label="Role")
    model = forms.ChoiceField(required=False, label="Model")
    job = forms.UUIDField(required=False, label="Job", widget=forms.HiddenInput)

    def __init__(self, project: Project, data: Any) -> None:
        super().__init__(data)
        for name in ("role", "model"):
            field = self.fields[name]
            values = choices_of(project, name)
            field.choices = [("", "any"), *((one, one) for one in values)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("first"), data.get("last")
        if first and last and first > last:
            self.add_error("last", "The last day is before the first.")
        return data

    @property
    def wanted(self) -> SpendFilter:
        """Return the filter; what is not valid counts as not given."""
        data = self.cleaned_data
        last = data.get("last") or timezone.now().date()
        return SpendFilter(
            first=data.get("first") or last - timedelta(days=DAYS - 1),
            last=last,
            role=data.get("role", ""),
            model=data.get("model", ""),
            job=str(data.get("job") or ""),
        )


@require_safe
@project_page
def spend_page(visit: Visit) -> HttpResponse:
    form = SpendForm(visit.project, visit.request.GET)
    form.is_valid()
    wanted = form.wanted
    context = {
        "project": visit.project,
        "form": form,
        "wanted": wanted,
        "total": spend_total(visit.project, wanted),
        "tables": [_table(name, visit.project, wanted) for name in GROUPINGS],
    }
    return render(visit.request, "llm_app/spend.html", context)


@require_safe
@project_page
def spend_csv(visit: Visit) -> HttpResponseBase:
    form = SpendForm(visit.project, visit.request.GET)
    form.is_valid()
    name = f"spend-{visit.project.slug}-{form.wanted.first}-{form.wanted.last}"
    return csv_response(name, (*COLUMNS, *FIGURES), _lines(visit.project, form.wanted))


def _lines(project: Project, wanted: SpendFilter) -> Iterator[list[Any]]:
    for row in spend_rows(project, wanted):
        yield [
            *(row[name] for name in ("day", "purpose", "subject", "role", "model", "calls")),
            *(row["sent"], row["answered"], f"{row['usd']:f}", f"{row['uncertain'] or 0:f}"),
        ]


def _table(grouping: str, project: Project, wanted: SpendFilter) -> dict[str, Any]:
    rows = spend_by(grouping, project, wanted)
    return {
        "name": grouping,
        "title": TITLES[grouping],
        "rows": [(row, _link(grouping, project, row)) for row in rows[:SHOWN]],
        "hidden": max(0, len(rows) - SHOWN),
    }


def _link(grouping: str, project: Project, row: Spend) -> str:
    """Lead to what was paid for, where it has a page."""
    if grouping != "job" or row.purpose not in PLACES:
        return ""
    return reverse(PLACES[row.purpose], args=[project.slug, row.key])
