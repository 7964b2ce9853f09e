"""How a task's answers are scored: what there is to choose, and what a choice would say."""

import json
from typing import Any

import msgspec
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from feedback_app.evaluator_preview import Preview, evaluator_preview
from kaizen_engine.evaluate.evaluator import InvalidEvaluator
from kaizen_engine.evaluate.spec import describe_kinds, evaluator_from_spec, short_name
from projects_app.exceptions import InvalidInput, NotHere
from projects_app.models import Role
from projects_app.pages import Visit, project_page
from projects_app.payload import PayloadRefused, check_payload
from tasks_app.models import Task
from tasks_app.selectors import task_get
from tasks_app.services import task_update

PAGE = "feedback_app/evaluator.html"


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def evaluator_page(visit: Visit, task: str) -> HttpResponse:
    """Show and preview; a POST previews what was typed, and stores it where `save` is in it."""
    found = _task(visit, task)
    if visit.request.method != "POST":
        return _render(visit, found, _written(found.evaluator), found.evaluator)
    if not visit.allows(Role.EDITOR):
        raise PermissionDenied
    written = visit.request.POST.get("evaluator", "")
    try:
        spec = _read(written)
        evaluator_from_spec(spec)
        if "save" in visit.request.POST:
            return _save(visit, found, spec)
        return _render(visit, found, written, spec)
    except InvalidEvaluator as error:
        return _render(visit, found, written, None, error.errors)
    except InvalidInput as error:
        return _render(visit, found, written, None, error.errors or {"": str(error)})


def _task(visit: Visit, slug: str) -> Task:
    try:
        return task_get(visit.project, slug)
    except NotHere as error:
        raise Http404 from error


def _read(written: str) -> Any:
    """Read JSON, or the bare name of a kind."""
    if written.strip().replace("_", "").isalnum():
        return written.strip()
    try:
        spec = msgspec.json.decode(written)
        check_payload(spec)
    except (msgspec.DecodeError, UnicodeError, RecursionError, PayloadRefused) as error:
        raise InvalidEvaluator({"": f"this is not acceptable JSON: {error}"}) from error
    return spec


def _save(visit: Visit, task: Task, spec: Any) -> HttpResponse:
    changed = task_update(actor=visit.actor, task=task, evaluator=spec)
    messages.success(visit.request, f"Answers are scored by {changed.metric} from now on.")
    return redirect("evaluator:task", project=visit.project.slug, task=task.slug)


def _render(
    visit: Visit, task: Task, written: str, spec: Any, errors: dict[str, str] | None = None
) -> HttpResponse:
    preview: Preview | None = None
    if spec is not None:
        preview = evaluator_preview(task, spec)
    context = {
        "project": visit.project,
        "task": task,
        "written": written,
        "errors": errors or {},
        "preview": preview,
        "name": short_name(spec) if spec is not None else "",
        "kinds": describe_kinds(),
        "may_write": visit.allows(Role.EDITOR),
    }
    return render(visit.request, PAGE, context, status=400 if errors else 200)


def _written(spec: Any) -> str:
    return json.dumps(spec, indent=2, ensure_ascii=False)
