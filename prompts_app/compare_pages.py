"""The page on which a person decides whether one version replaces another."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from projects_app.exceptions import NotHere
from projects_app.models import Role
from projects_app.pages import Visit, project_page
from prompts_app.compare_page import compare_page_of
from prompts_app.models import PromptVersion
from tasks_app.selectors import task_get


@require_safe
@project_page
def compare_page(visit: Visit, task: str, a: int, b: int) -> HttpResponse:
    """Show version `b` beside version `a`, which it would replace."""
    before, after = pair_of(visit, task, a, b)
    return render(visit.request, "prompts_app/compare.html", compare_context(visit, before, after))


@require_safe
@project_page
def whole_text(visit: Visit, task: str, number: int) -> HttpResponse:
    """Download the text of a version, which a page may have to cut."""
    version = version_of(visit, task, number)
    parts = [version.artifact.get("system", ""), version.artifact["user_template"]]
    headers = {"Content-Disposition": f'attachment; filename="{task}-version-{number}.txt"'}
    return HttpResponse(
        "\n\n".join(parts), content_type="text/plain; charset=utf-8", headers=headers
    )


def pair_of(visit: Visit, task: str, a: int, b: int) -> tuple[PromptVersion, PromptVersion]:
    if a == b:
        raise Http404("a comparison needs two versions")
    return version_of(visit, task, a), version_of(visit, task, b)


def version_of(visit: Visit, slug: str, number: int) -> PromptVersion:
    try:
        task = task_get(visit.project, slug)
    except NotHere as error:
        raise Http404(str(error)) from error
    version = task.versions.filter(number=number).defer("dspy_state").first()
    if version is None:
        raise Http404("there is no such version")
    # One object each, so that no part of the page asks for them again.
    task.project = visit.project
    version.task = task
    return version


def compare_context(visit: Visit, before: PromptVersion, after: PromptVersion) -> dict[str, Any]:
    compare = compare_page_of(visit.actor, before, after)
    return {
        "project": visit.project,
        "task": after.task,
        "compare": compare,
        "page": compare.page,
        "choices": compare.choices,
        "may_evaluate": visit.allows(Role.EDITOR),
    }
