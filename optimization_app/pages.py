"""The list of jobs, and one job as it happens."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseStopPolling

from kaizen_engine.errors import KaizenError
from kaizen_engine.states import LIVE_JOB_STATES
from optimization_app.job_list import CSV_HEADER, csv_lines, filtered_jobs, line_of
from optimization_app.job_page import job_page_of, mark_of
from optimization_app.models import Job
from optimization_app.selectors import job_by_public_id
from optimization_app.services.bundle import run_export
from optimization_app.services.cancel import job_cancel
from optimization_app.services.recording import is_recorded
from projects_app.csv_export import csv_response
from projects_app.exceptions import NotAllowed, NotHere, ServiceError
from projects_app.lists import show
from projects_app.models import Role
from projects_app.pages import Visit, project_page


@require_safe
@project_page
def job_list_page(visit: Visit) -> HttpResponse:
    found = filtered_jobs(visit.project, visit.request.GET)
    shown = show(found.qs, visit.request.GET.get("page"))
    context = {
        "project": visit.project,
        "filter": found,
        "page": shown,
        "lines": [line_of(job) for job in shown],
        "may_start": visit.allows(Role.EDITOR),
    }
    return render(visit.request, "optimization_app/jobs.html", context)


@require_safe
@project_page
def job_csv(visit: Visit) -> HttpResponseBase:
    """Stream the filtered list as a file."""
    found = filtered_jobs(visit.project, visit.request.GET)
    return csv_response(f"jobs-{visit.project.slug}", CSV_HEADER, csv_lines(found.qs))


@require_safe
@project_page
def job_page(visit: Visit, job_id: str) -> HttpResponse:
    job = _job(visit, job_id)
    return render(visit.request, "optimization_app/job.html", _context(visit, job))


@require_safe
@project_page
def job_fragment(visit: Visit, job_id: str) -> HttpResponse:
    """Answer the page's poll: 204 while nothing is new, 286 with the last state ends it."""
    job = _job(visit, job_id)
    if job.state in LIVE_JOB_STATES and visit.request.GET.get("seen") == mark_of(job):
        return HttpResponse(status=204)
    response = render(visit.request, "optimization_app/_job.html", _context(visit, job))
    if job.state not in LIVE_JOB_STATES:
        response.status_code = HttpResponseStopPolling.status_code
    return response


@require_safe
@project_page
def job_bundle(visit: Visit, job_id: str) -> HttpResponse:
    """Download the run bundle; editors and up, since it holds every row and answer."""
    job = _job(visit, job_id)
    try:
        bundle = run_export(actor=visit.actor, job=job)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    except KaizenError as error:
        messages.error(visit.request, str(error))
        return redirect("jobs:job", project=visit.project.slug, job_id=job.public_id)
    return HttpResponse(bundle.content, content_type=bundle.media_type, headers=bundle.headers)


@require_POST
@project_page
def job_stop(visit: Visit, job_id: str) -> HttpResponse:
    """Stop the job, keeping the best candidate when the form says so."""
    job = _job(visit, job_id)
    keep_best = visit.request.POST.get("keep") == "best"
    try:
        job_cancel(actor=visit.actor, job=job, keep_best=keep_best)
    except ServiceError as error:
        messages.error(visit.request, str(error))
    else:
        said = "The job stops within seconds"
        messages.success(visit.request, f"{said} and keeps its best." if keep_best else f"{said}.")
    return redirect("jobs:job", project=visit.project.slug, job_id=job.public_id)


def _job(visit: Visit, job_id: str) -> Job:
    try:
        return job_by_public_id(visit.project, job_id)
    except NotHere as error:
        raise Http404(str(error)) from error


def _context(visit: Visit, job: Job) -> dict[str, Any]:
    return {
        "project": visit.project,
        "view": job_page_of(job),
        "may_start": visit.allows(Role.EDITOR),
        "may_export": visit.allows(Role.EDITOR) and is_recorded(job),
        "fragment_url": reverse(
            "jobs:fragment", kwargs={"project": visit.project.slug, "job_id": job.public_id}
        ),
    }
