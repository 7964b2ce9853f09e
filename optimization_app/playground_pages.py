"""The playground: two variants side by side, what a run costs, and what came back."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseStopPolling

from kaizen_engine.errors import KaizenError
from optimization_app.models import PlaygroundRun
from optimization_app.playground_choice import Choice, choice_of, choice_of_run
from optimization_app.playground_form import (
    NAMES,
    Asked,
    RowsForm,
    VariantForm,
    fields_of,
    models_to_choose,
)
from optimization_app.playground_page import run_page
from optimization_app.services.playground import (
    PlaygroundPlan,
    playground_plan,
    playground_save,
    playground_start,
)
from projects_app.exceptions import Conflict, InvalidInput
from projects_app.models import Role
from projects_app.pages import Visit, project_page

PAGE = "optimization_app/playground.html"
LATEST = 8


@require_safe
@project_page
def playground_page(visit: Visit) -> HttpResponse:
    choice = choice_of(visit.project, visit.request.GET)
    if choice is None:
        return render(visit.request, PAGE, {"project": visit.project, "choice": None})
    return _render(visit, choice, _asked(choice, None), estimate=_estimate(choice, None))


@require_safe
@project_page
def playground_run_page(visit: Visit, run_id: str) -> HttpResponse:
    """Show a run below the form that would start it again."""
    run = _run(visit, run_id)
    choice = choice_of_run(run)
    if choice is None:
        raise Http404
    typed = choice.typed
    estimate = _estimate(choice, typed)
    return _render(visit, choice, _asked(choice, typed), run=run, estimate=estimate)


@require_safe
@project_page
def playground_results_fragment(visit: Visit, run_id: str) -> HttpResponse:
    """Answer the page's poll; 286 with the last state ends the polling."""
    view = run_page(_run(visit, run_id))
    context = {"project": visit.project, "view": view}
    response = render(visit.request, "optimization_app/_playground_results.html", context)
    if not view.is_live:
        response.status_code = HttpResponseStopPolling.status_code
    return response


@require_POST
@project_page
def playground_estimate_fragment(visit: Visit) -> HttpResponse:
    choice = _posted(visit)
    context = {"project": visit.project, "estimate": _estimate(choice, visit.request.POST)}
    return render(visit.request, "optimization_app/_playground_estimate.html", context)


@require_POST
@project_page
def playground_start_page(visit: Visit) -> HttpResponse:
    choice = _posted(visit)
    asked = _asked(choice, visit.request.POST)
    plan = _plan(choice, asked)
    if plan is None:
        return _render(visit, choice, asked, status=400)
    try:
        run = playground_start(
            actor=visit.actor, plan=plan, confirm="confirm" in visit.request.POST
        )
    except Conflict as error:
        asked.rows.add_error(None, str(error))
        return _render(visit, choice, asked, estimate=Estimated(plan), status=409)
    shown = redirect("playground:run", project=visit.project.slug, run_id=run.public_id)
    # Below the form: whoever runs wants to see what comes back.
    shown["Location"] += "#results"
    return shown


@require_POST
@project_page
def playground_save_page(visit: Visit) -> HttpResponse:
    """Keep one variant as a draft; the button says which."""
    choice = _posted(visit)
    asked = _asked(choice, visit.request.POST)
    name = visit.request.POST.get("save", "")
    form = dict(zip(NAMES, asked.variants, strict=True)).get(name)
    if form is None:
        raise Http404
    found = asked.read_variants() if all(one.is_valid() for one in asked.variants) else None
    if found is None:
        return _render(visit, choice, asked, status=400)
    version, is_new = playground_save(actor=visit.actor, variant=found[NAMES.index(name)])
    said = (
        _("Version %(number)d is saved as a draft. What is live has not changed.")
        if is_new
        else _("Version %(number)d has this very text already.")
    )
    messages.success(visit.request, said % {"number": version.number})
    numbers = {key: str(one.base.number) for key, one in zip(NAMES, asked.variants, strict=True)}
    query = QueryDict(mutable=True)
    query.update({**numbers, "task": choice.task.slug, name: str(version.number)})
    address = redirect("playground:page", project=visit.project.slug)
    address["Location"] += f"?{query.urlencode()}"
    return address


class Estimated:
    """What a run would cost, or in words why it cannot be said."""

    def __init__(self, plan: PlaygroundPlan | None, refusal: str = "") -> None:
        self.plan = plan
        self.refusal = refusal


def _posted(visit: Visit) -> Choice:
    if not visit.allows(Role.EDITOR):
        raise PermissionDenied(_("Trying prompts out costs money: it needs the editor role."))
    choice = choice_of(visit.project, visit.request.POST)
    if choice is None:
        raise Http404
    return choice


def _asked(choice: Choice, data: Any) -> Asked:
    models = models_to_choose(choice.task.project, choice.task.student)
    variants = [
        VariantForm(base, models, data=data, prefix=name)
        for name, base in zip(NAMES, choice.versions, strict=True)
    ]
    return Asked(variants, RowsForm(choice.task, fields_of(choice.versions), data))


def _plan(choice: Choice, asked: Asked) -> PlaygroundPlan | None:
    """Return what may be run; what is wrong is put beside its field."""
    if not asked.is_valid():
        return None
    variants = asked.read_variants()
    if variants is None:
        return None
    rows = asked.rows
    try:
        return playground_plan(
            choice.task,
            variants,
            rows.rows(),
            is_scored=rows.cleaned_data["is_scored"],
            source=rows.source,
        )
    except InvalidInput as error:
        for name, text in (error.errors or {"": str(error)}).items():
            rows.add_error(name if name in rows.fields else None, text)
    except KaizenError as error:
        rows.add_error(None, str(error))
    return None


def _estimate(choice: Choice, data: Any) -> Estimated:
    """Count with what is in the form, the version's own texts where nothing was typed yet."""
    asked = _asked(choice, data if data is not None else _untouched(choice))
    plan = _plan(choice, asked)
    if plan is not None:
        return Estimated(plan)
    return Estimated(None, " ".join(text for _place, _label, text in asked.errors))


def _untouched(choice: Choice) -> QueryDict:
    """Return the form as it is posted by somebody who changed nothing."""
    query = QueryDict(mutable=True)
    for form in _asked(choice, None).variants:
        query.update({form.add_prefix(key): value for key, value in form.initial.items()})
    query.update({"rows_from": "one", "is_scored": "on"})
    return query


def _run(visit: Visit, run_id: str) -> PlaygroundRun:
    try:
        wanted = uuid.UUID(run_id)
    except ValueError as error:
        raise Http404 from error
    runs = PlaygroundRun.objects.select_related("task__project")
    found = runs.filter(task__project=visit.project, public_id=wanted).first()
    if found is None:
        raise Http404
    return found


def _render(
    visit: Visit,
    choice: Choice,
    asked: Asked,
    *,
    run: PlaygroundRun | None = None,
    estimate: Estimated | None = None,
    status: int = 200,
) -> HttpResponse:
    request: HttpRequest = visit.request
    runs = PlaygroundRun.objects.filter(task=choice.task).order_by("-id")
    context = {
        "project": visit.project,
        "choice": choice,
        "variants": list(zip(("A", "B"), NAMES, asked.variants, strict=True)),
        "rows": asked.rows,
        "errors": asked.errors if status != 200 else [],
        "estimate": estimate or Estimated(None),
        "view": run_page(run) if run else None,
        "latest": runs.defer("variants", "rows")[:LATEST],
        "may_run": visit.allows(Role.EDITOR),
    }
    return render(request, PAGE, context, status=status)
