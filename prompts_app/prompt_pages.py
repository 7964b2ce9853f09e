"""The pages of one prompt: overview, versions, lineage, and how to use it."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from kaizen_engine.states import ReviewState, Verdict
from projects_app.choices import choices_of
from projects_app.csv_export import csv_response
from projects_app.exceptions import NotHere
from projects_app.lists import Shown, show
from projects_app.models import Role
from projects_app.pages import Visit, project_page
from prompts_app.lineage_drawing import draw_lineage
from prompts_app.lineage_graph import lineage_graph
from prompts_app.lineage_tree import lineage_lines
from prompts_app.models import PromptVersion
from prompts_app.prompt_page import prompt_page_of, tags_of
from prompts_app.prompt_rows import batches
from prompts_app.selectors import PRODUCTION, live_version
from prompts_app.snippets import snippets_of
from prompts_app.tag_form import TagForm
from prompts_app.version_rows import VersionRow, version_list, version_rows, with_company
from tasks_app.models import Task
from tasks_app.selectors import task_get

COLUMNS = (
    "version", "made", "author", "state", "verdict", "score", "compared_with", "tags", "from",
    "reason", "hash",
)  # fmt: skip


class VersionFilter(forms.Form):
    search = forms.CharField(
        required=False,
        label=_("Number, reason or author"),
        widget=forms.TextInput({"type": "search"}),
    )
    verdict = forms.ChoiceField(
        required=False, label=_("Verdict"), choices=[("", _("any")), *choices_of(Verdict)]
    )
    state = forms.ChoiceField(
        required=False, label=_("Review"), choices=[("", _("any")), *choices_of(ReviewState)]
    )


@require_safe
@project_page
def prompt_page(visit: Visit, task: str) -> HttpResponse:
    found = task_of(visit, task)
    return overview(visit, found, TagForm(found))


@require_safe
@project_page
def version_list_page(visit: Visit, task: str) -> HttpResponse:
    found = task_of(visit, task)
    form, wanted = _wanted(visit)
    versions = with_company(version_list(found, **wanted))
    shown: Shown[PromptVersion] = show(versions, visit.request.GET.get("page"))
    live = tags_of(found).get(PRODUCTION)
    context = {
        **frame(visit, found, "versions"),
        "form": form,
        "page": shown,
        "rows": version_rows(shown.rows),
        "live_number": live.version.number if live else None,
        "is_filtered": any(wanted.values()),
    }
    return render(visit.request, "prompts_app/versions.html", context)


@require_safe
@project_page
def version_list_csv(visit: Visit, task: str) -> HttpResponseBase:
    found = task_of(visit, task)
    _form, wanted = _wanted(visit)
    versions = with_company(version_list(found, **wanted))
    lines = (_line(row) for batch in batches(versions) for row in version_rows(batch))
    return csv_response(f"versions-{found.slug}", COLUMNS, lines)


@require_safe
@project_page
def compare_any(visit: Visit, task: str) -> HttpResponse:
    """Go to the comparison of the two versions that the list's radio buttons name."""
    found = task_of(visit, task)
    left, right = (visit.request.GET.get(side, "") for side in ("left", "right"))
    if left.isdecimal() and right.isdecimal() and left != right:
        return redirect("prompts:compare", visit.project.slug, found.slug, left[:9], right[:9])
    messages.error(
        visit.request, _("Choose two different versions, one on the left, one on the right.")
    )
    return redirect("prompts:versions", visit.project.slug, found.slug)


@require_safe
@project_page
def lineage_page(visit: Visit, task: str) -> HttpResponse:
    found = task_of(visit, task)
    lineage = lineage_graph(found)
    context = {
        **frame(visit, found, "lineage"),
        "lineage": lineage,
        "lines": lineage_lines(lineage),
        "drawing": draw_lineage(lineage) if len(lineage.nodes) > 1 else None,
    }
    return render(visit.request, "prompts_app/lineage.html", context)


@require_safe
@project_page
def use_page(visit: Visit, task: str) -> HttpResponse:
    found = task_of(visit, task)
    live = live_version(found)
    context = {
        **frame(visit, found, "use"),
        "live": live,
        "snippets": snippets_of(found, settings.CONFIG.base_url, live.artifact if live else None),
    }
    return render(visit.request, "prompts_app/use.html", context)


def overview(visit: Visit, task: Task, tag_form: TagForm, *, status: int = 200) -> HttpResponse:
    """Show the prompt with the form for tags as it was sent."""
    context = {
        **frame(visit, task, "prompt"),
        "page": prompt_page_of(task),
        "tag_form": tag_form,
    }
    return render(visit.request, "prompts_app/prompt.html", context, status=status)


def task_of(visit: Visit, slug: str) -> Task:
    try:
        found = task_get(visit.project, slug)
    except NotHere as error:
        raise Http404(str(error)) from error
    found.project = visit.project
    return found


def frame(visit: Visit, task: Task, tab: str) -> dict[str, Any]:
    """Return what every page of a prompt shows around its own part."""
    return {
        "project": visit.project,
        "task": task,
        "tab": tab,
        "may_write": visit.allows(Role.EDITOR),
        "may_decide": visit.allows(Role.APPROVER),
    }


def _wanted(visit: Visit) -> tuple[VersionFilter, dict[str, str]]:
    """Return the form and its filters; what is not valid counts as not given."""
    form = VersionFilter(visit.request.GET)
    form.is_valid()
    return form, {name: form.cleaned_data.get(name, "") for name in form.fields}


def _line(row: VersionRow) -> list[Any]:
    version = row.version
    return [
        version.number,
        version.created_at.isoformat(),
        version.author_label,
        row.standing,
        row.verdict,
        f"{row.score.after:.4f}" if row.score else "",
        f"{row.score.before:.4f}" if row.score else "",
        " ".join(row.tags),
        " ".join(map(str, row.parents)),
        version.change_reason,
        version.hash,
    ]
