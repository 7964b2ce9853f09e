"""What jobs learnt about a project's prompts, and the queue of examples they lack."""

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from kaizen_engine.states import InsightState, TopicLife
from optimization_app.insight_page import card_of, cards_of, insight_rows, suggestions_of
from optimization_app.models import Insight, SuggestedExample
from optimization_app.services.insight_moves import insight_move
from optimization_app.services.suggestions import suggestion_accept, suggestion_reject
from projects_app.exceptions import Conflict, InvalidInput
from projects_app.lists import show
from projects_app.models import Role
from projects_app.pages import Visit, project_page
from tasks_app.written import outputs_written

MOVES = {
    InsightState.APPLIED.value: "The insight is marked as applied.",
    InsightState.DISMISSED.value: "The insight is dismissed.",
    InsightState.OPEN.value: "The insight is open again.",
}


@require_safe
@project_page
def insight_list_page(visit: Visit) -> HttpResponse:
    query = visit.request.GET
    rows = insight_rows(
        visit.project,
        task=query.get("task", ""),
        state=query.get("state", InsightState.OPEN.value),
        life=query.get("life", ""),
    )
    shown = show(rows, query.get("page"))
    context = {
        "project": visit.project,
        "page": shown,
        "cards": cards_of(shown.rows),
        "states": [state.value for state in InsightState],
        "lives": [life.value for life in TopicLife],
        "state": query.get("state", InsightState.OPEN.value),
        "query": query,
    }
    return render(visit.request, "optimization_app/insights.html", context)


@require_safe
@project_page
def insight_page(visit: Visit, insight: uuid.UUID) -> HttpResponse:
    found = _insight(visit, insight)
    context = {
        "project": visit.project,
        "card": card_of(found),
        "suggestions": suggestions_of(found),
        "may_decide": visit.allows(Role.EDITOR),
    }
    return render(visit.request, "optimization_app/insight.html", context)


@require_POST
@project_page
def move(visit: Visit, insight: uuid.UUID) -> HttpResponse:
    """Apply, dismiss or open the insight again, as the pressed button says."""
    found = _insight(visit, insight)
    _must_write(visit)
    to = visit.request.POST.get("to", "")
    if to not in MOVES:
        messages.error(visit.request, "Press one of the buttons: apply, dismiss or open again.")
    else:
        _say(visit, MOVES[to], lambda: _move(visit, found, InsightState(to)))
    return redirect("insights:insight", project=visit.project.slug, insight=found.public_id)


@require_POST
@project_page
def decide(visit: Visit, insight: uuid.UUID, suggestion: uuid.UUID) -> HttpResponse:
    """Accept the suggested example with the answer of the form, or reject it."""
    found = _insight(visit, insight)
    _must_write(visit)
    one = found.suggestions.select_related("insight__task", "feedback")
    row = one.filter(public_id=suggestion).first()
    if row is None:
        raise Http404
    if visit.request.POST.get("decision") == "accept":
        said = "The example is accepted: the next job learns from it."
        _say(visit, said, lambda: _accept(visit, row))
    else:
        said = "The suggestion is rejected."
        _say(visit, said, lambda: suggestion_reject(actor=visit.actor, suggestion=row))
    return redirect("insights:insight", project=visit.project.slug, insight=found.public_id)


def _insight(visit: Visit, public_id: uuid.UUID) -> Insight:
    rows = insight_rows(visit.project)
    found = rows.filter(public_id=public_id).first()
    if found is None:
        raise Http404
    return found


def _must_write(visit: Visit) -> None:
    if not visit.allows(Role.EDITOR):
        raise PermissionDenied


def _move(visit: Visit, insight: Insight, to: InsightState) -> None:
    reason = visit.request.POST.get("reason", "").strip()
    insight_move(actor=visit.actor, insight=insight, to=to, reason=reason)


def _accept(visit: Visit, row: SuggestedExample) -> None:
    given = visit.request.POST
    outputs = outputs_written(row.insight.task, given)
    suggestion_accept(actor=visit.actor, suggestion=row, outputs=outputs)


def _say(visit: Visit, said: str, act: Any) -> None:
    try:
        act()
    except (Conflict, InvalidInput) as error:
        messages.error(visit.request, str(error))
    else:
        messages.success(visit.request, said)
