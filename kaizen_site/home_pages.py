"""The pages a member lands on: their projects, and the first page of one."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseStopPolling

from kaizen_site.first_steps import start_of
from kaizen_site.overview import jobs_under_way, overview
from projects_app.lists import Shown, show
from projects_app.models import Project, Role, User
from projects_app.pages import LAST_PROJECT, Visit, project_page
from projects_app.selectors import projects_of


@require_safe
@login_required
def start_page(request: HttpRequest) -> HttpResponse:
    """Go on to the project looked at last, else to the first one; without any, say so."""
    mine = projects_of(_member(request))
    last = mine.filter(slug=request.COOKIES.get(LAST_PROJECT, "")).first()
    found = last or mine.first()
    return redirect("projects:home", project=found.slug) if found else redirect("projects:list")


@require_safe
@login_required
def project_list_page(request: HttpRequest) -> HttpResponse:
    page: Shown[Project] = show(projects_of(_member(request)), request.GET.get("page"))
    return render(request, "shell/projects.html", {"page": page})


@require_safe
@project_page
def home_page(visit: Visit) -> HttpResponse:
    context = {
        "project": visit.project,
        "home": overview(visit),
        "start": start_of(visit.project),
        "may_edit": visit.allows(Role.EDITOR),
        "may_administer": visit.allows(Role.ADMIN),
    }
    return render(visit.request, "kaizen_site/home.html", context)


@require_safe
@project_page
def under_way_fragment(visit: Visit) -> HttpResponse:
    """Answer the page's poll: 286 once no job is live any more, which ends it."""
    jobs = jobs_under_way(visit.project)
    context = {"project": visit.project, "jobs": jobs, "has_ended": not jobs}
    response = render(visit.request, "kaizen_site/_jobs.html", context)
    if not jobs:
        response.status_code = HttpResponseStopPolling.status_code
    return response


def _member(request: HttpRequest) -> User:
    user = request.user
    assert isinstance(user, User)  # noqa: S101 - login_required lets nobody else in
    return user
