"""From an outcome to a draft: each step happens once, whoever gets to it first.

1. The outcome is frozen as a step in the transaction that moves the job to `publishing`; the same
   transaction counts the look at the rows, of hold-out and dev, whose figures are stored.
2. The draft is a step in the transaction that creates the version.
3. The job ends. A worker that takes over begins with the first of these that is not there yet.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q

from feedback_app.services.examples import examples_mark_looked
from kaizen_engine.optimize.outcome import JobOutcome
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import STOPS_THAT_KEEP_THE_BEST, JobState, StopReason, Verdict
from optimization_app.evidence import best_artifact, evidence_of
from optimization_app.models import Job, Step
from optimization_app.queue import analyse_on_commit
from optimization_app.services.finish import job_end_cancelled, job_fail, job_finish
from optimization_app.services.job_gates import measured_gates
from optimization_app.services.lease import fence_require, spent_changes
from optimization_app.services.moves import held_by, job_move
from optimization_app.services.prepare import Prepared
from projects_app.actors import Actor
from prompts_app.models import PromptVersion
from prompts_app.services.gates import evidence_add
from prompts_app.services.versions import version_create

OUTCOME = "outcome"
DRAFT = "draft"
WORTH_A_VERSION = frozenset(
    {
        Verdict.CONFIRMED,
        Verdict.LIKELY,
        Verdict.BETTER_ON_REPORTED,
        Verdict.NOT_ENOUGH_EVIDENCE,
    }
)


def outcome_close(job: Job, fence: int, prepared: Prepared, outcome: JobOutcome) -> None:
    """Do with an outcome what its stop reason asks for; a lost job is left as it is."""
    with transaction.atomic():
        is_published = _store(job, fence, prepared, outcome)
    if is_published:
        job_publish(job, fence)


def _store(job: Job, fence: int, prepared: Prepared, outcome: JobOutcome) -> bool:
    """End the job or begin to publish, and say which; the figures are stored either way."""
    best = best_artifact(outcome)
    facts = _facts(job, prepared, outcome, best)
    where = held_by(fence)
    is_published = False
    if outcome.stop_reason is StopReason.CANCELLED and not (best and _is_kept(job)):
        is_stored = job_end_cancelled(job=job, where=where, **facts)
    elif best is None or not _keeps_the_best(outcome.stop_reason):
        error = outcome.stop_detail
        is_stored = job_fail(
            job=job, stop_reason=outcome.stop_reason, where=where, error=error, **facts
        )
    else:
        is_published = _begin_publishing(job, fence, outcome, facts)
        asked_to_stop = where & Q(cancel_requested=True)
        is_stored = is_published or job_end_cancelled(job=job, where=asked_to_stop, **facts)
    if is_stored:
        examples_mark_looked(task=job.task, example_ids=_looked_at(prepared, outcome))
    return is_published


def _looked_at(prepared: Prepared, outcome: JobOutcome) -> list[int]:
    """Return the rows that something was concluded from, in the hold-out and in dev."""
    held_out = prepared.looked_at if outcome.comparison else ()
    return [*held_out, *map(int, outcome.dev_looked_ids)]


def _is_kept(job: Job) -> bool:
    return Job.objects.filter(pk=job.pk, keep_best=True).exists()


def _keeps_the_best(reason: StopReason) -> bool:
    return reason in STOPS_THAT_KEEP_THE_BEST or reason is StopReason.CANCELLED


def job_publish(job: Job, fence: int) -> None:
    """Draft the version and end the job, from wherever an earlier attempt came to."""
    frozen = Step.objects.get(job=job, name=OUTCOME).data
    _draft(job, fence, frozen)
    with transaction.atomic():
        if job_finish(
            job=job,
            to=JobState.SUCCEEDED,
            stop_reason=StopReason(frozen["stop_reason"]),
            where=held_by(fence),
            verdict=frozen["evidence"]["verdict"],
            progress=100,
            phase="",
        ):
            analyse_on_commit(job.pk)


def _facts(
    job: Job, prepared: Prepared, outcome: JobOutcome, best: PromptArtifact | None
) -> dict[str, Any]:
    result = {
        "evidence": evidence_of(job, prepared, outcome),
        "artifact": best.to_dict() if best else None,
        "stop_detail": outcome.stop_detail,
    }
    after = outcome.dev_after
    best_score = {"current_best_metric": after.mean} if outcome.winner and after else {}
    return {"result": result, **best_score, **spent_changes(outcome.spent)}


def _begin_publishing(job: Job, fence: int, outcome: JobOutcome, facts: Mapping[str, Any]) -> bool:
    moved = job_move(
        actor=Actor.system(job.task.project_id),
        job=job,
        to=JobState.PUBLISHING,
        where=held_by(fence) & (Q(cancel_requested=False) | Q(keep_best=True)),
        phase="publishing",
        progress=95,
        **facts,
    )
    if moved:
        frozen = {
            "stop_reason": outcome.stop_reason.value,
            "artifact": outcome.winner.to_dict() if outcome.winner else None,
            "evidence": facts["result"]["evidence"],
            "dspy_state": dict(outcome.dspy_state),
        }
        Step.objects.create(job=job, name=OUTCOME, data=frozen)
    return moved


@transaction.atomic
def _draft(job: Job, fence: int, frozen: Mapping[str, Any]) -> None:
    fence_require(job.pk, fence)
    if Step.objects.filter(job=job, name=DRAFT).exists():
        return
    version = None
    if frozen["artifact"] and Verdict(frozen["evidence"]["verdict"]) in WORTH_A_VERSION:
        version = _create_version(job, frozen)
        Job.objects.filter(pk=job.pk).update(result_version=version)
    Step.objects.create(
        job=job, name=DRAFT, data={"version": str(version.public_id) if version else None}
    )


def _create_version(job: Job, frozen: Mapping[str, Any]) -> PromptVersion:
    """Make the draft; its author is who started the job, whom the two-person rule is about."""
    evidence = frozen["evidence"]
    checks = measured_gates(job, evidence)
    version, is_new = version_create(
        actor=Actor.system(job.task.project_id),
        task=job.task,
        artifact=PromptArtifact.from_dict(frozen["artifact"]),
        parents=[job.seed_version],
        author=job.started_by,
        author_label=job.started_by_label,
        evidence=evidence,
        verdict=Verdict(evidence["verdict"]),
        origin_job=job.public_id,
        dspy_state=frozen["dspy_state"],
        change_reason=_reason(evidence),
        checks=checks,
    )
    if not is_new and version.pk != job.seed_version_id:
        evidence_add(
            version=version,
            verdict=Verdict(evidence["verdict"]),
            summary=evidence,
            job=job.public_id,
            checks=checks,
        )
    return version


def _reason(evidence: Mapping[str, Any]) -> str:
    found, dev = evidence["holdout"], evidence["dev"].get("corrected")
    by = f"Found by {evidence['optimizer']}"
    if found is None and dev is None:
        return f"{by}; there were no hold-out rows to check it on."
    figures = found or dev
    rows = "the hold-out" if found else "dev, corrected for choosing there"
    return (
        f"{by}: {100 * figures['gain']:+.1f} points on {rows}, "
        f"from {100 * figures['low']:+.1f} to {100 * figures['high']:+.1f}, {figures['n']} rows."
    )
