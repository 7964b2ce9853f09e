"""The pages that start a job: choose a prompt, see what it takes, start; or start one again."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from kaizen_engine.errors import KaizenError
from kaizen_engine.states import JobKind
from optimization_app.models import Job
from optimization_app.selectors import job_by_public_id
from optimization_app.services.rerun import job_rerun
from optimization_app.services.start import job_start, live_job
from optimization_app.start_form import StartForm, settings_of, settings_of_job
from optimization_app.start_page import forecast, models_known
from projects_app.exceptions import NotHere
from projects_app.models import Role
from projects_app.pages import Visit, project_page
from prompts_app.selectors import PRODUCTION
from tasks_app.models import Task
from tasks_app.selectors import task_get

MOST_PROMPTS = 500
# What is asked for on every start, and what is rarely changed.
GROUPS = (
    ("dataset_id", "student", "teacher", "num_trials", "budget_usd", "minutes"),
    ("students", "num_fewshot_examples", "budget_tokens", "reasoning"),
)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def start_page(visit: Visit) -> HttpResponse:
    """Show the form with its estimate on GET, start the job on POST; editors and up."""
    _must_start(visit)
    asked = visit.request.POST if visit.request.method == "POST" else visit.request.GET
    if not asked.get("task"):
        return _choose_prompt(visit)
    task = _task(visit, asked["task"])
    if visit.request.method == "POST":
        return _start(visit, task, StartForm(task, visit.request.POST))
    return _show(visit, task, StartForm(task, _prefilled(visit, task, asked)))


@require_safe
@project_page
def estimate_fragment(visit: Visit) -> HttpResponse:
    """Answer every change of the form with what the job would take now."""
    _must_start(visit)
    task = _task(visit, visit.request.GET.get("task", ""))
    form = StartForm(task, visit.request.GET)
    context = {"forecast": forecast(task, form), "form": form, "task": task, "is_swapped": True}
    return render(visit.request, "optimization_app/_start_estimate.html", context)


@require_POST
@project_page
def rerun(visit: Visit, job_id: str) -> HttpResponse:
    """Start the same job again; what is refused can be changed on the page that starts one."""
    job = _job(visit, job_id)
    _must_start(visit)
    try:
        started, is_new = job_rerun(actor=visit.actor, job=job)
    except KaizenError as error:
        messages.error(visit.request, str(error))
        return redirect(_where_to_change(visit, job))
    return _go_to(visit, started, is_new=is_new)


def _start(visit: Visit, task: Task, form: StartForm) -> HttpResponse:
    if "only" in visit.request.POST:
        return _show(visit, task, form)
    if form.is_valid():
        try:
            job, is_new = job_start(
                actor=visit.actor,
                task=task,
                trigger="page",
                config=form.changes,
                confirm="confirm" in visit.request.POST,
            )
        except KaizenError as error:
            form.refuse(error)
        else:
            return _go_to(visit, job, is_new=is_new)
    return _show(visit, task, form, is_refused=True)


def _go_to(visit: Visit, job: Job, *, is_new: bool) -> HttpResponse:
    if is_new:
        messages.success(visit.request, _("Job %s is queued.") % job.pk)
    else:
        said = _("Job %s is under way already, so no other was started.") % job.pk
        messages.warning(visit.request, said)
    return redirect("jobs:job", project=visit.project.slug, job_id=job.public_id)


def _show(visit: Visit, task: Task, form: StartForm, *, is_refused: bool = False) -> HttpResponse:
    # What the start refused is on the form already: the forecast asks a copy of it.
    found = forecast(task, StartForm(task, form.data) if is_refused else form)
    context = {
        "project": visit.project,
        "task": task,
        "form": form,
        "forecast": found,
        "is_refused": is_refused,
        "live": live_job(task),
        "models": models_known(visit.project),
        "groups": [[form[name] for name in names] for names in GROUPS],
    }
    return render(visit.request, "optimization_app/start.html", context)


def _choose_prompt(visit: Visit) -> HttpResponse:
    live = Task.objects.filter(project=visit.project, archived_at=None, tags__name=PRODUCTION)
    tasks = list(live.only("slug", "name").order_by("slug")[:MOST_PROMPTS])
    if len(tasks) == 1:
        place = reverse("jobs:new", kwargs={"project": visit.project.slug})
        more = visit.request.GET.copy()
        more["task"] = tasks[0].slug
        return redirect(f"{place}?{more.urlencode()}")
    context = {"project": visit.project, "tasks": tasks, "more": visit.request.GET.items()}
    return render(visit.request, "optimization_app/start_choose.html", context)


def _prefilled(visit: Visit, task: Task, asked: QueryDict) -> dict[str, Any]:
    """Return the task's settings, over them those of an earlier job, then what the address says."""
    data = settings_of(task)
    if asked.get("from"):
        job = _job(visit, str(asked["from"]))
        if job.task_id == task.pk and job.kind == JobKind.OPTIMIZE:
            data |= settings_of_job(job)
    if "dataset" in asked:
        data["dataset_id"] = asked["dataset"]
    return data | {name: asked[name] for name in data if name in asked}


def _where_to_change(visit: Visit, job: Job) -> str:
    place = {"project": visit.project.slug}
    if job.kind == JobKind.OPTIMIZE or job.result_version is None:
        query = urlencode({"task": job.task.slug, "from": str(job.public_id)})
        return f"{reverse('jobs:new', kwargs=place)}?{query}"
    version = {"task": job.task.slug, "number": job.result_version.number}
    return reverse("jobs:evaluate", kwargs=place | version)


def _must_start(visit: Visit) -> None:
    if not visit.allows(Role.EDITOR):
        raise PermissionDenied(_("starting a job needs the editor role"))


def _task(visit: Visit, slug: str) -> Task:
    try:
        return task_get(visit.project, slug)
    except NotHere as error:
        raise Http404(str(error)) from error


def _job(visit: Visit, job_id: str) -> Job:
    try:
        return job_by_public_id(visit.project, job_id)
    except NotHere as error:
        raise Http404(str(error)) from error
