"""What is told of a job: it failed, it nears its budget, its draft waits, a topic fails again."""

from typing import Any

from django.urls import reverse

from kaizen_engine.states import ReviewState, TopicLife
from optimization_app.models import InsightSighting, Job
from projects_app.models import AuditEntry, Event
from projects_app.services.notifications import Fact, notification_record
from prompts_app.places import version_place
from prompts_app.selectors import live_version

WAITING = (ReviewState.DRAFT.value, ReviewState.IN_REVIEW.value)


def tell_failed(job: Job, entry: AuditEntry) -> None:
    facts = _facts(job) | {"stop_reason": entry.data["stop_reason"]}
    _tell(job, Event.JOB_FAILED, str(job.public_id), facts, _place(job))


def tell_budget(job: Job, entry: AuditEntry) -> None:
    percent = entry.data["percent"]
    if percent == 80:
        spent = {"percent": percent, "spent_usd": float(entry.data["spent_usd"])}
        _tell(job, Event.BUDGET_80, str(job.public_id), _facts(job) | spent, _place(job))


def tell_draft(job: Job, entry: AuditEntry) -> None:
    """Tell once that a version waits for a decision, with the figures that are there for it."""
    version = job.result_version
    if version is None or version.review_state not in WAITING:
        return
    live = live_version(job.task)
    facts = _facts(job) | {"version": version.number, **_scores(job.result.get("evidence") or {})}
    place = version_place(version, live.number if live else None)
    _tell(job, Event.DRAFT_READY, str(job.public_id), facts, place)


def tell_regression(sighting: InsightSighting) -> None:
    """Tell that a topic fails again which a job before had found solved."""
    if sighting.life != TopicLife.REGRESSED.value:
        return
    task = sighting.insight.task
    where = {"project": task.project.slug, "insight": sighting.insight.public_id}
    notification_record(
        project_id=task.project_id,
        event=Event.REGRESSED,
        key=f"{sighting.insight.public_id}:{sighting.job}",
        facts={
            "prompt": task.slug,
            "failures": sighting.failures,
            "scored": sighting.scored,
            "job": str(sighting.job),
        },
        path=reverse("insights:insight", kwargs=where),
    )


def _facts(job: Job) -> dict[str, Fact]:
    return {
        "prompt": job.task.slug,
        "job": str(job.public_id),
        "spent_usd": float(job.spent_usd),
        "budget_usd": float(job.budget_usd),
    }


def _scores(evidence: dict[str, Any]) -> dict[str, Fact]:
    """Return the figures of the hold-out, or else of dev."""
    found = evidence.get("holdout") or evidence.get("dev") or {}
    sides = {f"score_{side}": (found.get(side) or {}).get("mean") for side in ("before", "after")}
    interval = {name: found.get(name) for name in ("low", "high")}
    return {"verdict": evidence.get("verdict"), "rows": found.get("n"), **sides, **interval}


def _place(job: Job) -> str:
    where = {"project": job.task.project.slug, "job_id": job.public_id}
    return reverse("jobs:job", kwargs=where)


def _tell(job: Job, event: Event, key: str, facts: dict[str, Fact], path: str) -> None:
    project_id = job.task.project_id
    notification_record(project_id=project_id, event=event, key=key, facts=facts, path=path)
