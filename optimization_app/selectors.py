"""Reading jobs: always within one project, and in words a person can use."""

import uuid
from collections.abc import Mapping

from django.db.models import QuerySet

from kaizen_engine.states import JobState, StopReason, Verdict
from optimization_app.models import Job
from projects_app.exceptions import NotHere
from projects_app.models import Project

PHASES: Mapping[str, str] = {
    "prepare": "Preparing the examples",
    "baseline": "Scoring the current prompt",
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


def job_rows(
    project: Project, *, task: str = "", state: str = "", verdict: str = ""
) -> QuerySet[Job]:
    """Return the project's jobs for a list, the newest first, filtered by what is not empty."""
    wanted = {"task__slug__icontains": task, "state": state, "verdict": verdict}
    filters = {name: value for name, value in wanted.items() if value}
    return _jobs(project).filter(**filters).order_by("-pk")


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
        doing = PHASES.get(job.phase, "Running")
        if not job.cancel_requested:
            return f"{doing}."
        return f"{doing}; it was asked to stop{' and keep its best' if job.keep_best else ''}."
    why = STOPS.get(job.stop_reason, "")
    if state is JobState.SUCCEEDED:
        return VERDICTS[job.verdict] + (f" ({why})." if why else ".")
    return f"{state.value.capitalize()}: {job.error or why}"


def _jobs(project: Project | int) -> QuerySet[Job]:
    project_id = project if isinstance(project, int) else project.pk
    related = "task", "seed_version", "result_version"
    return Job.objects.select_related(*related).filter(task__project_id=project_id)
