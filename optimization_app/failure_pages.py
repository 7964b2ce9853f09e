"""The gallery of a job's failures, and what people do with them."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from feedback_app.models import Dataset, Example
from feedback_app.selectors import FEEDBACK_IMPORT
from feedback_app.services.collecting import examples_collect
from feedback_app.services.mislabelled import example_mislabel, example_reinstate
from feedback_app.services.red_team import example_to_red_team
from optimization_app.failure_page import cards_of, lines_of, small_numbers
from optimization_app.failure_rows import KINDS, FailureCluster, Failures, clusters_of, failures_of
from optimization_app.models import EvaluationRow, Job
from optimization_app.selectors import job_by_public_id
from projects_app.exceptions import NotHere, ServiceError
from projects_app.lists import Shown, show
from projects_app.models import Role
from projects_app.pages import Visit, project_page

MOST_COLLECTIONS = 50


@require_safe
@project_page
def failures_page(visit: Visit, job_id: str) -> HttpResponse:
    job, query = _job(visit, job_id), visit.request.GET
    failures = failures_of(job)
    clusters = clusters_of(failures)
    chosen = _chosen(clusters, query.get("cluster", ""))
    kind = query.get("kind", "") if query.get("kind", "") in KINDS else ""
    rows = failures.rows(kind).select_related("example__dataset")
    if chosen is not None:
        rows = rows.filter(example__in=chosen.example_ids)
    shown: Shown[EvaluationRow] = show(rows, query.get("page"))
    context = {
        "project": visit.project,
        "job": job,
        "failures": failures,
        "cards": cards_of(job, clusters),
        "chosen": chosen,
        "kind": kind,
        "page": shown,
        "lines": lines_of(failures, shown),
        "few": small_numbers(failures),
        "may_act": visit.allows(Role.EDITOR),
        "collections": _collections(job),
        "collection": _("Failures of %s") % job.task.slug,
    }
    return render(visit.request, "optimization_app/failures.html", context)


@require_POST
@project_page
def act(visit: Visit, job_id: str, example: UUID) -> HttpResponse:
    """Do with one row what the pressed button says."""
    job = _job(visit, job_id)
    _must_write(visit)
    row = _row(failures_of(job), example)
    actions: dict[str, Callable[[], str]] = {
        "wrong": lambda: _mislabel(visit, row),
        "right": lambda: _reinstate(visit, row),
        "red_team": lambda: _to_red_team(visit, row),
        "collect": lambda: _collect(visit, job, [row]),
    }
    wanted = actions.get(visit.request.POST.get("action", ""))
    if wanted is None:
        messages.error(visit.request, _("Press one of the buttons below the row."))
    else:
        _say(visit, wanted)
    return redirect(_back(visit, job, f"row-{row.public_id}"))


@require_POST
@project_page
def collect_cluster(visit: Visit, job_id: str) -> HttpResponse:
    """Put all rows of a cluster into a collection."""
    job = _job(visit, job_id)
    _must_write(visit)
    clusters = clusters_of(failures_of(job))
    chosen = _chosen(clusters, visit.request.POST.get("cluster", ""))
    if chosen is None:
        raise Http404
    rows = Example.objects.filter(pk__in=chosen.example_ids).select_related("task")
    _say(visit, lambda: _collect(visit, job, list(rows)))
    return redirect(_back(visit, job, "rows"))


def _mislabel(visit: Visit, row: Example) -> str:
    reason = visit.request.POST.get("reason", "").strip()
    if example_mislabel(actor=visit.actor, example=row, reason=reason):
        return _("The row is left out of every later job.")
    return _("The row was left out before.")


def _reinstate(visit: Visit, row: Example) -> str:
    if example_reinstate(actor=visit.actor, example=row):
        return _("Jobs use the row again.")
    return _("The row stays out: its feedback was dismissed, or it is in use already.")


def _to_red_team(visit: Visit, row: Example) -> str:
    moved = example_to_red_team(actor=visit.actor, example=row)
    said = ngettext("%s row is a red-team case now.", "%s rows are red-team cases now.", moved)
    return said % moved if moved else _("The row is a red-team case already.")


def _collect(visit: Visit, job: Job, rows: list[Example]) -> str:
    name = visit.request.POST.get("name", "")
    dataset, come = examples_collect(actor=visit.actor, task=job.task, name=name, examples=rows)
    if not come:
        return _("Nothing was added: a row is in one dataset, and these are in one already.")
    said = ngettext("%(come)s row was added", "%(come)s rows were added", come) % {"come": come}
    return _("%(said)s to the dataset %(name)s.") % {"said": said, "name": dataset.name}


def _say(visit: Visit, run: Callable[[], str]) -> None:
    try:
        messages.success(visit.request, run())
    except ServiceError as error:
        messages.error(visit.request, str(error))


def _chosen(clusters: list[FailureCluster], number: str) -> FailureCluster | None:
    return next((one for one in clusters if str(one.number) == number), None)


def _row(failures: Failures, public_id: UUID) -> Example:
    """Return the failed row of this job; hold-out rows are none."""
    found = failures.rows().filter(example__public_id=public_id).select_related("example__task")
    row = found.first()
    if row is None:
        raise Http404
    return row.example


def _collections(job: Job) -> list[str]:
    """Return the names of the prompt's collections; the dataset of a file takes no row."""
    mine = Dataset.objects.filter(task=job.task, file_name="").exclude(name=FEEDBACK_IMPORT)
    return list(mine.order_by("-pk").values_list("name", flat=True)[:MOST_COLLECTIONS])


def _back(visit: Visit, job: Job, anchor: str) -> str:
    """Return to the same rows; what is no filter of the page is dropped."""
    place = {"project": visit.project.slug, "job_id": job.public_id}
    said: dict[str, Any] = {
        name: visit.request.POST[name]
        for name in ("cluster", "kind", "page")
        if visit.request.POST.get(name)
    }
    query = f"?{urlencode(said)}" if said else ""
    return f"{reverse('jobs:failures', kwargs=place)}{query}#{anchor}"


def _must_write(visit: Visit) -> None:
    if not visit.allows(Role.EDITOR):
        raise PermissionDenied


def _job(visit: Visit, job_id: str) -> Job:
    try:
        job = job_by_public_id(visit.project, job_id)
    except NotHere as error:
        raise Http404(str(error)) from error
    job.task.project = visit.project
    return job
