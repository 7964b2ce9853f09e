"""The page of one version, and its file."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from projects_app.pages import Visit, project_page
from prompts_app.compare_pages import version_of
from prompts_app.prompt_files import file_of
from prompts_app.prompt_pages import frame
from prompts_app.version_page import version_page_of


@require_safe
@project_page
def version_page(visit: Visit, task: str, number: int) -> HttpResponse:
    version = version_of(visit, task, number)
    context = {**frame(visit, version.task, "version"), "page": version_page_of(version)}
    return render(visit.request, "prompts_app/version.html", context)


@require_safe
@project_page
def version_file(visit: Visit, task: str, number: int) -> HttpResponse:
    """Download the version as a prompt file."""
    version = version_of(visit, task, number)
    name = f"{version.task.slug}-v{number}.prompt.yml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(file_of(version), content_type="application/yaml", headers=headers)
