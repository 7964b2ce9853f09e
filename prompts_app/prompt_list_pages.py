"""The list of prompts: which version is live, how good it is, and what waits."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from projects_app.csv_export import csv_response
from projects_app.lists import Shown, show
from projects_app.models import Role
from projects_app.pages import Visit, project_page
from prompts_app.prompt_rows import STATUSES, PromptRow, all_rows, prompt_list, prompt_rows
from prompts_app.sparkline import sparkline
from tasks_app.models import Task

WORDS = {
    "live": _("Something is live"),
    "setup": _("Nothing is live yet"),
    "waiting": _("A draft waits"),
    "behind": _("A client has another version"),
}
COLUMNS = (
    "prompt", "name", "live_version", "live_since", "score", "gain", "feedback",
    "threshold", "waiting_draft", "last_fetched", "keys", "keys_on_another_version",
)  # fmt: skip


class PromptFilter(forms.Form):
    search = forms.CharField(
        required=False, label=_("Search"), widget=forms.TextInput({"type": "search"})
    )
    status = forms.ChoiceField(
        required=False,
        label=_("Status"),
        choices=[("", _("any")), *((name, WORDS[name]) for name in STATUSES)],
    )


@require_safe
@project_page
def prompt_list_page(visit: Visit) -> HttpResponse:
    form, wanted = _wanted(visit)
    tasks = prompt_list(visit.project, **wanted)
    shown: Shown[Task] = show(tasks, visit.request.GET.get("page"))
    context = {
        "project": visit.project,
        "form": form,
        "page": shown,
        "rows": [(row, sparkline(row.trend)) for row in prompt_rows(shown.rows)],
        "may_write": visit.allows(Role.EDITOR),
        "is_filtered": any(wanted.values()),
    }
    return render(visit.request, "prompts_app/prompts.html", context)


@require_safe
@project_page
def prompt_list_csv(visit: Visit) -> HttpResponseBase:
    _form, wanted = _wanted(visit)
    lines = _lines(all_rows(prompt_list(visit.project, **wanted)))
    return csv_response(f"prompts-{visit.project.slug}", COLUMNS, lines)


def _wanted(visit: Visit) -> tuple[PromptFilter, dict[str, str]]:
    """Return the form and its filters; what is not valid counts as not given."""
    form = PromptFilter(visit.request.GET)
    form.is_valid()
    return form, {name: form.cleaned_data.get(name, "") for name in ("search", "status")}


def _lines(rows: Iterator[PromptRow]) -> Iterator[list[Any]]:
    for row in rows:
        live, fetched = row.live, row.fetched
        yield [
            row.task.slug,
            row.task.name,
            live.number if live else "",
            live.since.isoformat() if live else "",
            _figure(live.score if live else None),
            _figure(live.gain if live else None),
            row.feedback,
            row.task.threshold,
            row.draft or "",
            fetched.at.isoformat() if fetched else "",
            fetched.keys if fetched else 0,
            fetched.behind if fetched else 0,
        ]


def _figure(share: float | None) -> str:
    return "" if share is None else f"{share:.4f}"
