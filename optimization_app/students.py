"""Several models beside each other: what each made of the same prompts, at what cost and pace."""

from statistics import fmean, median
from typing import Any

from kaizen_engine.llm.roles import STUDENT
from kaizen_engine.optimize.outcome import JobOutcome, StudentScore
from llm_app.models import CallRecord
from optimization_app.models import Job


def students_of(job: Job, outcome: JobOutcome) -> list[dict[str, Any]]:
    """Return a line for each model and prompt; none where the job had one student."""
    return [_line(found, _calls(job, found)) for found in outcome.students]


def _calls(job: Job, found: StudentScore) -> list[tuple[float, int]]:
    rows = CallRecord.objects.filter(
        subject=job.public_id, role=STUDENT, model=found.model
    ).values_list("messages_hash", "cost_usd", "latency_ms")
    return [
        (float(cost), latency)
        for messages, cost, latency in rows.iterator()
        if messages in found.messages
    ]


def _line(found: StudentScore, calls: list[tuple[float, int]]) -> dict[str, Any]:
    return {
        "model": found.model,
        "prompt": found.prompt,
        "artifact_hash": found.artifact_hash,
        "score": found.score.mean,
        "n": found.score.n,
        "cost_usd": fmean(cost for cost, _ in calls) if calls else None,
        "latency_ms": float(median(latency for _, latency in calls)) if calls else None,
    }
