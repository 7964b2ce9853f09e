"""Reading jobs: always within one project, and in words a person can use."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from kaizen_engine.states import JobKind, JobState, StopReason, Verdict
from optimization_app.models import Job
from projects_app.exceptions import NotHere
from projects_app.models import Project

INSIGHTS_AFTER = timedelta(minutes=2)
INSIGHTS_UNTIL = timedelta(minutes=30)
MOST_SWEPT = 10
PHASES: Mapping[str, str] = {
    "prepare": "Preparing the examples",
    "baseline": "Scoring the current prompt",
    "score": "Scoring the rows",
    "search": "Searching for a better prompt",
    "prove": "Proving the best candidate",
    "publishing": "Saving the result",
}
STOPS: Mapping[str, str] = {
    StopReason.FINISHED: "",
    StopReason.BUDGET_USD: "the money cap was reached",
    StopReason.BUDGET_TOKENS: "the token cap was reached",
    StopReason.CALLS: "the cap on calls was reached",
    StopReason.TIMEOUT: "the time was up",
    StopReason.CANCELLED: "somebody cancelled it",
    StopReason.OVERFIT: "the search began to overfit",
    StopReason.PROVIDER_DOWN: "the model's provider was down",
    StopReason.WORKER_LOST: "its worker was lost too often",
    StopReason.ERROR: "something went wrong",
}
VERDICTS: Mapping[str, str] = {
    Verdict.CONFIRMED: "A better prompt, confirmed on the hold-out",
    Verdict.LIKELY: "A prompt that is likely better",
    Verdict.BETTER_ON_REPORTED: "A prompt that is better on reported cases",
    Verdict.NOT_ENOUGH_EVIDENCE: "A candidate, and not enough evidence that it is better",
    Verdict.EQUAL: "No better prompt: the best candidate is equal",
    Verdict.WORSE: "No better prompt: the best candidate is worse",
    Verdict.NONE: "No better prompt was found",
}


def job_list(project: Project | int, *, before: Job | None = None, limit: int = 100) -> list[Job]:
    """Return the project's jobs, the newest first; `before` is the last one of the page before."""
    jobs = _jobs(project)
    if before is not None:
        jobs = jobs.filter(pk__lt=before.pk)
    return list(jobs.order_by("-pk")[:limit])


def job_rows(project: Project) -> QuerySet[Job]:
    """Return the project's jobs for a list, the newest first, without their versions."""
    jobs = Job.objects.select_related("task").filter(task__project=project)
    return jobs.order_by("-pk")


def job_by_public_id(project: Project | int, public_id: uuid.UUID | str) -> Job:
    """Return the project's job, or raise NotHere with the code `unknown_job`."""
    try:
        job = _jobs(project).filter(public_id=uuid.UUID(str(public_id))).first()
    except ValueError:
        job = None
    if job is None:
        raise NotHere("there is no such job for this key", code="unknown_job")
    return job


def job_sentence(job: Job) -> str:
    """Say in one sentence where the job stands."""
    state = JobState(job.state)
    if state is JobState.QUEUED:
        return "Waiting for a worker." if not job.attempts else "Waiting for another worker."
    if state in {JobState.RUNNING, JobState.PUBLISHING}:
        doing = PHASES.get(job.phase, "Under way")
        if not job.cancel_requested:
            return f"{doing}."
        return f"{doing}; it was asked to stop{' and keep its best' if job.keep_best else ''}."
    why = STOPS.get(job.stop_reason, "")
    if state is JobState.SUCCEEDED:
        return _found(job) + (f" ({why})." if why else ".")
    return f"{state.value.capitalize()}: {job.error or why}"


def _found(job: Job) -> str:
    # Imported here: these words read jobs as well.
    from optimization_app.evaluation_words import evaluation_sentence

    return evaluation_sentence(job) if job.kind == JobKind.EVALUATE else VERDICTS[job.verdict]


def search_report(job: Job) -> dict[str, Any] | None:
    """Return what the search said beside its trials; None where it wrote and diagnosed nothing."""
    found = job.result.get("evidence", {}).get("search") or {}
    if not any(found.get(name) for name in ("proposed", "dropped", "diagnoses")):
        return None
    dropped = [
        {"reason": reason, "count": count}
        for reason, count in sorted(found.get("dropped", {}).items())
    ]
    return {
        "proposed": found.get("proposed", 0),
        "dropped": dropped,
        "dropped_count": sum(line["count"] for line in dropped),
        "diagnoses": found.get("diagnoses", []),
    }


def _jobs(project: Project | int) -> QuerySet[Job]:
    project_id = project if isinstance(project, int) else project.pk
    related = "task", "seed_version", "result_version"
    return Job.objects.select_related(*related).filter(task__project_id=project_id)


def jobs_without_insights(now: datetime) -> list[int]:
    """Return jobs that ended a while ago, and not too long ago to be of interest."""
    ended = Q(finished_at__lt=now - INSIGHTS_AFTER, finished_at__gt=now - INSIGHTS_UNTIL)
    jobs = Job.objects.filter(
        ended, kind=JobKind.OPTIMIZE.value, state=JobState.SUCCEEDED.value, analysed_at=None
    )
    return list(jobs.order_by("id").values_list("pk", flat=True)[:MOST_SWEPT])
