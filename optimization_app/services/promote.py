"""What became of a job that has ended, and its version approved on that evidence."""

from typing import Any

from kaizen_engine.states import LIVE_JOB_STATES
from optimization_app.models import Job
from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from prompts_app.models import PromptVersion
from prompts_app.selectors import live_version
from prompts_app.services.checks import gate_checks
from prompts_app.services.review import version_approve


def job_result(job: Job) -> dict[str, Any]:
    """Return what the job found, its version with its gates; raises Conflict (not_finished)."""
    if job.state in LIVE_JOB_STATES:
        raise Conflict(f"the job is {job.state}; ask again later", code="not_finished")
    winner = job.result_version
    return {
        "job_id": job.public_id,
        "status": job.state,
        "stop_reason": job.stop_reason,
        "verdict": job.verdict,
        "winner": winner,
        "evidence": job.result.get("evidence", {}),
        "gates": gate_checks(winner, live_version(job.task)) if winner else [],
        "artifact": winner.artifact if winner else job.result.get("artifact"),
        "files": [],
    }


def job_promote(*, actor: Actor, job: Job, reason: str = "") -> PromptVersion:
    """Approve the version that the job made.

    Raises Conflict (no_version) where it made none, and what `version_approve` raises.
    """
    if job.result_version is None:
        raise Conflict("the job made no version", code="no_version")
    return version_approve(actor=actor, version=job.result_version, reason=reason)
