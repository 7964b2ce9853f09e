"""How an evaluation ends: its figures, the look that it was, and the evidence that it is.

All of it is one transaction, so that there is nothing to take up again after a crash. An evaluation
that was stopped tells nothing of the hold-out, and so has not looked at it.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from django.db import transaction
from django.db.models import Q

from feedback_app.services.examples import examples_mark_looked
from kaizen_engine.evaluate.runner import RowScore
from kaizen_engine.optimize.evaluation import EvaluationOutcome
from kaizen_engine.optimize.outcome import EvaluationEvent
from kaizen_engine.states import STOPS_THAT_KEEP_THE_BEST, JobState, Split, StopReason, Verdict
from optimization_app.evidence import evidence_of
from optimization_app.models import Job
from optimization_app.services.evaluate_rows import PLACE
from optimization_app.services.finish import job_end_cancelled, job_fail, job_finish
from optimization_app.services.job_gates import measured_gates
from optimization_app.services.lease import spent_changes
from optimization_app.services.moves import held_by, job_move
from optimization_app.services.prepare import Prepared
from projects_app.actors import Actor
from prompts_app.models import PromptVersion
from prompts_app.queue import follow_on_commit
from prompts_app.services.checks import measured
from prompts_app.services.gates import evidence_add

MOST_FAILURES = 20


@transaction.atomic
def evaluation_close(
    job: Job, fence: int, prepared: Prepared, outcome: EvaluationOutcome, *, cached: int
) -> None:
    """End the job with what it found; a job that somebody else holds is left as it is."""
    facts = _facts(job, prepared, outcome, cached)
    where, reason = held_by(fence), outcome.job.stop_reason
    if reason is StopReason.CANCELLED:
        job_end_cancelled(job=job, where=where, **facts)
    elif reason not in STOPS_THAT_KEEP_THE_BEST or not facts["result"][PLACE]["splits"]:
        error = outcome.job.stop_detail
        job_fail(job=job, stop_reason=reason, where=where, error=error, **facts)
    elif _succeed(job, where, outcome, facts):
        _count_look(job, prepared, outcome)
        _attach(job, outcome, facts["result"]["evidence"])
    else:
        job_end_cancelled(job=job, where=where & Q(cancel_requested=True), **facts)


def _succeed(job: Job, where: Q, outcome: EvaluationOutcome, facts: Mapping[str, Any]) -> bool:
    actor = Actor.system(job.task.project_id)
    open_job = where & Q(cancel_requested=False)
    return job_move(actor=actor, job=job, to=JobState.PUBLISHING, where=open_job) and job_finish(
        job=job,
        to=JobState.SUCCEEDED,
        stop_reason=outcome.job.stop_reason,
        where=where,
        verdict=outcome.job.verdict.value,
        progress=100,
        phase="",
        **facts,
    )


def _count_look(job: Job, prepared: Prepared, outcome: EvaluationOutcome) -> None:
    if outcome.is_complete and prepared.looked_at:
        examples_mark_looked(task=job.task, example_ids=prepared.looked_at)


def _attach(job: Job, outcome: EvaluationOutcome, evidence: Mapping[str, Any]) -> None:
    """Make it the version's evidence, unless a stronger one against the same text is there."""
    version = job.result_version
    if version is None or not outcome.is_complete or outcome.job.winner is None:
        return
    if _is_weaker(version, evidence):
        return
    evidence_add(
        version=version,
        verdict=Verdict(evidence["verdict"]),
        summary=evidence,
        job=job.public_id,
        checks=measured_gates(job, evidence),
    )
    follow_on_commit(version)


def _is_weaker(version: PromptVersion, evidence: Mapping[str, Any]) -> bool:
    """Rows of dev do not take back what the hold-out said of the same two texts and model."""
    known = measured(version).summary
    same = ("artifact_hash", "parent_hash", "student", "evaluator_hash")
    is_same = all(known.get(name) == evidence.get(name) for name in same)
    return is_same and bool(known.get("holdout")) and not evidence.get("holdout")


def _facts(job: Job, prepared: Prepared, outcome: EvaluationOutcome, cached: int) -> dict[str, Any]:
    evidence = evidence_of(job, prepared, outcome.job)
    summary = {
        "splits": _splits(outcome),
        "is_complete": outcome.is_complete,
        "is_compared": outcome.job.winner is not None,
        "cached": cached,
        "look": outcome.job.look if _has_look(outcome) else None,
        "looked_at": len(prepared.looked_at) if _has_look(outcome) else 0,
        "failures": _failures(outcome),
    }
    result = {
        "evidence": {**evidence, "optimizer": ""},
        PLACE: summary,
        "stop_detail": outcome.job.stop_detail,
    }
    return {"result": result, **spent_changes(outcome.job.spent)}


def _has_look(outcome: EvaluationOutcome) -> bool:
    return outcome.is_complete and Split.TEST.value in outcome.rows


def _splits(outcome: EvaluationOutcome) -> dict[str, Any]:
    """Return the figures of each split: of the version, and of what it is compared with."""
    events = {event.label: event for event in outcome.job.evaluations}
    found = {}
    for split, rows in outcome.rows.items():
        sides = {side: _side(events.get(f"{side}_{split}")) for side in ("baseline", "winner")}
        is_open = split != Split.TEST or outcome.is_complete
        if is_open and any(sides.values()):
            found[split] = {"rows": rows, **_named(sides, is_pair=outcome.job.winner is not None)}
    return found


def _named(sides: Mapping[str, Any], *, is_pair: bool) -> dict[str, Any]:
    """A version on its own is what was scored, and is compared with nothing."""
    if is_pair:
        return {"before": sides["baseline"], "after": sides["winner"]}
    return {"before": None, "after": sides["baseline"]}


def _side(event: EvaluationEvent | None) -> dict[str, Any] | None:
    if event is None or event.score is None:
        return None
    scored = [row for row in event.rows if row.parts]
    names = sorted({name for row in scored for name in row.parts})
    parts = {name: fmean(row.parts.get(name, 0.0) for row in scored) for name in names}
    broken = sum(bool(row.parse_error) for row in event.rows)
    return {"mean": event.score.mean, "n": event.score.n, "parts": parts, "unreadable": broken}


def _failures(outcome: EvaluationOutcome) -> list[int]:
    """Return the worst rows of the version by their ids, of those that a person may see."""
    side = "winner" if outcome.job.winner else "baseline"
    labels = {f"{side}_{split.value}" for split in (Split.DEV, Split.TRAIN)}
    rows = [row for event in outcome.job.evaluations if event.label in labels for row in event.rows]
    return [int(row.example_id) for row in _worst(rows)]


def _worst(rows: Iterable[RowScore]) -> Sequence[RowScore]:
    failed = [row for row in rows if row.score < 1]
    return sorted(failed, key=lambda row: row.score)[:MOST_FAILURES]
