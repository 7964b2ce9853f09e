"""The rows behind a comparison: a part of the compare page, and a page of its own."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from optimization_app.insight_page import card_of
from optimization_app.models import Insight, Job
from optimization_app.result_rows import KINDS, compared_job, result_lines, result_rows
from projects_app.lists import Shown, show
from projects_app.pages import Visit, project_page
from prompts_app.compare_pages import pair_of
from prompts_app.models import PromptVersion
from prompts_app.services.checks import measured

MOST_INSIGHTS = 3


@require_safe
@project_page
def results_page(visit: Visit, task: str, a: int, b: int) -> HttpResponse:
    """List the dev rows that changed, the worst first; HTMX gets the list alone."""
    before, after = pair_of(visit, task, a, b)
    context = {
        "project": visit.project,
        "task": after.task,
        "before": before,
        "after": after,
        **_results(visit, before, after),
    }
    is_part = bool(getattr(visit.request, "htmx", False))
    name = "_results" if is_part else "results"
    return render(visit.request, f"optimization_app/{name}.html", context)


def _results(visit: Visit, before: PromptVersion, after: PromptVersion) -> dict[str, Any]:
    kind = visit.request.GET.get("kind", "")
    kind = kind if kind in KINDS else ""
    job = compared_job(before, after)
    if job is None:
        return {"job": None, "kind": kind}
    page: Shown[Any] = show(result_rows(job, kind), visit.request.GET.get("page"))
    found = measured(after).summary
    return {
        "job": job,
        "kind": kind,
        "kinds": tuple(KINDS),
        "page": page,
        "query": visit.request.GET,
        "lines": list(result_lines(job, list(page))),
        "fixed": len(found.get("fixed", ())),
        "broken": len(found.get("broken", ())),
        "insights": [card_of(insight) for insight in _insights(job)],
    }


def _insights(job: Job) -> list[Insight]:
    """Return the topics that this job saw fail most."""
    seen = Insight.objects.filter(task_id=job.task_id, sightings__job=job.public_id)
    return list(seen.select_related("task").order_by("-failures", "-pk")[:MOST_INSIGHTS])
