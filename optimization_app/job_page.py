"""One job in the words and points of its page; reads rows and decides nothing."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from feedback_app.row_words import Usage, usage_of
from kaizen_engine.states import LIVE_JOB_STATES, JobKind, JobState, Verdict
from optimization_app.evaluation_words import (
    Failure,
    SplitLine,
    evaluation_facts,
    failures,
    split_lines,
)
from optimization_app.models import BudgetEvent, Job, Trial
from optimization_app.selectors import job_sentence, search_report
from optimization_app.services.prepare import PREPARED
from prompts_app.models import PromptVersion
from prompts_app.review_page import Score, evidence_facts, money, score_of

TONES = {Verdict.CONFIRMED.value: "is-good", Verdict.WORSE.value: "is-bad"}


@dataclass(frozen=True)
class JobPage:
    """`curve` is what the chart draws: scores from 0 to 1, None where a trial has no such point."""

    job: Job
    sentence: str
    tone: str
    is_live: bool
    score: Score | None
    facts: list[tuple[str, str]]
    usage: Usage | None
    spent_percent: int
    spent: str
    budget: str
    time_left: str
    budget_events: list[BudgetEvent]
    trials: list[Trial]
    curve: dict[str, Any]
    search: dict[str, Any] | None
    students: list[dict[str, Any]]
    is_evaluation: bool
    compared_with: PromptVersion | None
    splits: list[SplitLine]
    how: list[tuple[str, str]]
    failures: list[Failure]


def job_page_of(job: Job) -> JobPage:
    evidence = job.result.get("evidence", {})
    trials = list(job.trials.order_by("number").defer("artifact"))
    return JobPage(
        job=job,
        sentence=job_sentence(job),
        tone=_tone(job),
        is_live=job.state in LIVE_JOB_STATES,
        score=score_of(evidence),
        facts=evidence_facts(evidence),
        usage=usage_of(evidence) or usage_of(_prepared(job)),
        spent_percent=_share(job),
        spent=money(job.spent_usd),
        budget=money(job.budget_usd),
        time_left=_time_left(job),
        budget_events=list(job.budget_events.all()),
        trials=trials,
        curve=_curve(job, trials),
        search=search_report(job),
        students=evidence.get("students", []),
        is_evaluation=job.kind == JobKind.EVALUATE,
        compared_with=_compared_with(job),
        splits=split_lines(job),
        how=evaluation_facts(job),
        failures=failures(job),
    )


def _prepared(job: Job) -> dict[str, Any]:
    """Return what the job froze at its beginning, while it has no evidence yet."""
    steps = job.steps.filter(name=PREPARED)
    usage, leakage = steps.values_list("data__usage", "data__leakage").first() or (None, None)
    return {"usage": usage, "leakage": leakage}


def _compared_with(job: Job) -> PromptVersion | None:
    is_pair = job.kind == JobKind.EVALUATE and job.seed_version_id != job.result_version_id
    return job.seed_version if is_pair else None


def _tone(job: Job) -> str:
    if job.state == JobState.FAILED:
        return "is-bad"
    return TONES.get(job.verdict, "")


def _share(job: Job) -> int:
    if not job.budget_usd:
        return 0
    return min(100, round(100 * job.spent_usd / job.budget_usd))


def _time_left(job: Job) -> str:
    """Extrapolate from the progress so far; nothing until there is something to go by."""
    if job.state not in LIVE_JOB_STATES or job.started_at is None or job.progress < 10:
        return ""
    spent = timezone.now() - job.started_at
    left = spent * (100 - job.progress) / job.progress
    if left < timedelta(seconds=60):
        return "less than a minute left"
    return f"about {round(left.total_seconds() / 60)} min left"


def _curve(job: Job, trials: list[Trial]) -> dict[str, Any]:
    best, so_far = [], 0.0
    for trial in trials:
        so_far = max(so_far, trial.score) if trial.is_full else so_far
        best.append(so_far or None)
    return {
        "trial": [trial.number for trial in trials],
        "full": [trial.score if trial.is_full else None for trial in trials],
        "minibatch": [None if trial.is_full else trial.score for trial in trials],
        "best": best,
        "baseline": [job.baseline_metric for _ in trials],
    }
