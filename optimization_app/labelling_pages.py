"""The labelling queue: a question at a time, answered by keys, without script by a form."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from optimization_app.labelling import item_by_public_id
from optimization_app.labelling_page import labelling_page_of, progress_and_passports
from optimization_app.models import LabelItem
from optimization_app.services.draw import items_draw
from optimization_app.services.judging import judge_ask
from optimization_app.services.labels import label_give, label_withdraw
from projects_app.exceptions import Conflict, InvalidInput, NotHere
from projects_app.lists import show
from projects_app.models import Role
from projects_app.pages import Visit, project_page
from tasks_app.models import Task
from tasks_app.selectors import task_get


@require_safe
@project_page
def labelling_list_page(visit: Visit) -> HttpResponse:
    tasks = Task.objects.filter(project=visit.project, archived_at=None).order_by("slug")
    page = show(tasks, visit.request.GET.get("page"))
    found = progress_and_passports(page.rows)
    rows = [(task, *both) for task, both in zip(page, found, strict=True)]
    context = {"project": visit.project, "page": page, "rows": rows}
    return render(visit.request, "optimization_app/labelling_tasks.html", context)


@require_safe
@project_page
def labelling_page(visit: Visit, task: str) -> HttpResponse:
    return _render(visit, _task(visit, task), "optimization_app/labelling.html")


@require_POST
@project_page
def label(visit: Visit, task: str, item: str) -> HttpResponse:
    """Store the label, and only then say what the judge thinks; ask the next question."""
    found, asked = _asked(visit, task, item)
    given = visit.request.POST
    try:
        label_give(
            actor=visit.actor,
            item=asked,
            word=given.get("label", ""),
            note=given.get("note", ""),
        )
    except (Conflict, InvalidInput) as error:
        messages.error(visit.request, str(error))
    return _next(visit, found)


@require_POST
@project_page
def undo(visit: Visit, task: str, item: str) -> HttpResponse:
    found, asked = _asked(visit, task, item)
    try:
        label_withdraw(actor=visit.actor, item=asked)
    except Conflict as error:
        messages.error(visit.request, str(error))
    return _next(visit, found)


@require_POST
@project_page
def draw(visit: Visit, task: str) -> HttpResponse:
    """Fill the queue with more answers to label."""
    _must_write(visit)
    found = _task(visit, task)
    drawn = items_draw(actor=visit.actor, task=found)
    if drawn:
        messages.success(visit.request, f"Answers drawn for labelling: {drawn}.")
    else:
        messages.error(visit.request, "There is no answer that has not been asked about already.")
    return redirect("labelling:task", project=visit.project.slug, task=found.slug)


@require_POST
@project_page
def ask(visit: Visit, task: str) -> HttpResponse:
    """Have the judge answer what it has not, and be measured by the labels there are."""
    _must_write(visit)
    found = _task(visit, task)
    try:
        judge_ask(actor=visit.actor, task=found)
    except Conflict as error:
        messages.error(visit.request, str(error))
    else:
        messages.success(visit.request, "The judge is asked; its answers arrive within minutes.")
    return redirect("labelling:task", project=visit.project.slug, task=found.slug)


def _must_write(visit: Visit) -> None:
    if not visit.allows(Role.EDITOR):
        raise PermissionDenied


def _asked(visit: Visit, task: str, item: str) -> tuple[Task, LabelItem]:
    found = _task(visit, task)
    _must_write(visit)
    try:
        return found, item_by_public_id(found, item)
    except NotHere as error:
        raise Http404(str(error)) from error


def _task(visit: Visit, slug: str) -> Task:
    try:
        return task_get(visit.project, slug)
    except NotHere as error:
        raise Http404(str(error)) from error


def _next(visit: Visit, task: Task) -> HttpResponse:
    if visit.request.headers.get("HX-Request"):
        return _render(visit, task, "optimization_app/_labelled.html")
    return redirect("labelling:task", project=visit.project.slug, task=task.slug)


def _render(visit: Visit, task: Task, template: str) -> HttpResponse:
    may_label = visit.allows(Role.EDITOR)
    view = labelling_page_of(task, visit.actor.user if may_label else None)
    context = {"project": visit.project, "view": view, "may_label": may_label}
    return render(visit.request, template, context)
