"""The frozen summary that a version carries: plain JSON, made once, true for one exact text."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from feedback_app.models import Example
from kaizen_engine.evaluate.spec import evaluator_hash
from kaizen_engine.optimize.outcome import JobOutcome, Score
from kaizen_engine.optimize.strategy import SearchReport
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import Split
from llm_app.selectors import kind_behind
from optimization_app.config import JobConfig
from optimization_app.models import Job
from optimization_app.services.job_gates import guards_of
from optimization_app.services.prepare import Prepared
from optimization_app.services.row_usage import usage_of_winner
from optimization_app.students import students_of


def evidence_of(job: Job, prepared: Prepared, outcome: JobOutcome) -> dict[str, Any]:
    """Return the summary of `outcome`, whose winner, or else its baseline, it is about."""
    config = JobConfig.from_json(job.config)
    return {
        **figures_of(outcome),
        "parent": str(job.seed_version.public_id),
        "job": str(job.public_id),
        "student": config.student,
        # A slug may be given to another connection: this is the one that answered.
        "student_kind": kind_behind(job.task.project_id, config.student),
        "teacher": config.teacher,
        "evaluator": config.evaluator,
        "evaluator_hash": evaluator_hash(config.evaluator),
        "judge": prepared.judge,
        "optimizer": config.optimizer_type,
        "guards": guards_of(job, outcome),
        "students": students_of(job, outcome),
        "search": _search(outcome.search),
        "fixed": _public_ids(outcome.fixed_ids),
        "broken": _public_ids(outcome.broken_ids),
        "calls": outcome.spent.calls,
        "tokens": outcome.spent.tokens,
        "cost_usd": f"{outcome.spent.usd:f}",
        "rows": _rows(prepared),
        "rows_left_out": dict(prepared.left_out),
        "usage": usage_of_winner(prepared.usage, outcome.winner, prepared.spec.examples),
        "leakage": dict(prepared.leakage),
        "dataset_hash": prepared.dataset_hash,
        "split_seed": job.task.split_seed,
        "versions": dict(outcome.versions),
    }


def _search(report: SearchReport) -> dict[str, Any]:
    """Say how many instructions were written, what became of them, and what failures share."""
    return {
        "proposed": report.proposed,
        "dropped": dict(Counter(report.dropped)),
        "diagnoses": [
            {"cluster": found.cluster, "failures": len(found.example_ids), "text": found.text}
            for found in report.diagnoses
        ],
    }


def figures_of(outcome: JobOutcome) -> dict[str, Any]:
    """Return what follows from rows and answers alone: a replay has to find the same."""
    return {
        "artifact_hash": outcome.winner.hash if outcome.winner else outcome.baseline_hash,
        "parent_hash": outcome.baseline_hash,
        "verdict": outcome.verdict.value,
        "stop_reason": outcome.stop_reason.value,
        "dev": {
            "before": _score(outcome.dev_before),
            "after": _score(outcome.dev_after),
            "corrected": _corrected(outcome),
        },
        "holdout": _holdout(outcome),
        "rows_needed": list(outcome.rows_needed) if outcome.rows_needed else None,
        "reported": asdict(outcome.reported),
        "seeds": dict(outcome.seeds),
    }


def _holdout(outcome: JobOutcome) -> dict[str, Any] | None:
    if outcome.comparison is None:
        return None
    return {
        "before": _score(outcome.test_before),
        "after": _score(outcome.test_after),
        **asdict(outcome.comparison),
        "level": outcome.comparison.level,
        "look": outcome.look,
        "rows_needed": list(outcome.rows_needed) if outcome.rows_needed else None,
    }


def _corrected(outcome: JobOutcome) -> dict[str, Any] | None:
    """Return the gain on the deciding rows of dev, freed of the luck in choosing the winner."""
    if outcome.dev_gain is None:
        return None
    found = outcome.dev_gain
    return {**asdict(found), "level": found.level, "look": outcome.dev_look}


def _score(score: Score | None) -> dict[str, Any] | None:
    return asdict(score) if score else None


def _public_ids(example_ids: tuple[str, ...]) -> list[str]:
    """Name the examples a page may show; the counts are in the rows themselves."""
    wanted = [int(example_id) for example_id in example_ids]
    known = dict(Example.objects.filter(pk__in=wanted).values_list("pk", "public_id"))
    return [str(known[pk]) for pk in wanted if pk in known]


def _rows(prepared: Prepared) -> dict[str, int]:
    splits = [example.split for example in prepared.spec.examples]
    return {split.value: splits.count(split) for split in (Split.TRAIN, Split.DEV, Split.TEST)}


def best_artifact(outcome: JobOutcome) -> PromptArtifact | None:
    """Return the winner, or what led the search when it was stopped before it could be one."""
    if outcome.winner is not None:
        return outcome.winner
    leaders = [trial for trial in outcome.trials if trial.is_full and trial.is_best]
    return leaders[-1].artifact if leaders else None
