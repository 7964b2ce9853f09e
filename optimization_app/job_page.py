"""One job in the words and points of its page; reads rows and decides nothing."""

import hashlib
import time
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from feedback_app.row_words import Usage, usage_of
from kaizen_engine.states import LIVE_JOB_STATES, JobKind, JobState, ReviewState, Verdict
from optimization_app.config import JobConfig
from optimization_app.evaluation_words import (
    Failure,
    SplitLine,
    evaluation_facts,
    failures,
    split_lines,
)
from optimization_app.job_learned import Learned, learned_of
from optimization_app.job_log import LogLine, log_of
from optimization_app.job_state import live_warnings, state_sentence, time_left, trials_planned
from optimization_app.job_trouble import Trouble, trouble_of
from optimization_app.models import BudgetEvent, Job, Trial
from optimization_app.selectors import search_report
from optimization_app.services.prepare import PREPARED
from prompts_app.models import PromptVersion
from prompts_app.review_page import Score, evidence_facts, money, score_of
from prompts_app.selectors import live_version

TONES = {Verdict.CONFIRMED.value: "is-good", Verdict.WORSE.value: "is-bad"}
# Without any news the page is drawn again so often, for the time that is left.
REDRAWN_S = 15


@dataclass(frozen=True)
class TrialLine:
    """`length` is that of a bar of 100."""

    trial: Trial
    percent: str
    length: str
    cost: str


@dataclass(frozen=True)
class Draft:
    """The version that a job made, and the number of the one it would replace."""

    version: PromptVersion
    against: int
    is_open: bool


@dataclass(frozen=True)
class JobPage:
    """`curve` is what the chart draws: scores from 0 to 1, None where a trial has no such point.

    `mark` names what is shown: a poll that finds the same mark has nothing to send.
    """

    job: Job
    mark: str
    sentence: str
    tone: str
    is_live: bool
    warnings: list[str]
    trouble: Trouble | None
    plan: list[tuple[str, str]]
    wishes: list[str]
    draft: Draft | None
    learned: Learned | None
    log: list[LogLine]
    score: Score | None
    facts: list[tuple[str, str]]
    usage: Usage | None
    spent_percent: int
    spent: str
    budget: str
    calls: str
    time_left: str
    budget_events: list[BudgetEvent]
    baseline: str
    trials: list[TrialLine]
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
    is_live = job.state in LIVE_JOB_STATES
    return JobPage(
        job=job,
        mark=mark_of(job),
        sentence=state_sentence(job, trials),
        tone=_tone(job),
        is_live=is_live,
        warnings=live_warnings(job),
        trouble=trouble_of(job, trials),
        plan=plan_of(job),
        wishes=list(job.config.get("notes", [])),
        draft=_draft(job),
        learned=None if is_live else learned_of(job),
        log=log_of(job, trials),
        score=score_of(evidence),
        facts=evidence_facts(evidence),
        usage=usage_of(evidence) or usage_of(_prepared(job)),
        spent_percent=_share(job),
        spent=money(job.spent_usd),
        budget=money(job.budget_usd),
        calls=f"{job.calls:,}",
        time_left=time_left(job),
        budget_events=list(job.budget_events.all()),
        baseline="" if job.baseline_metric is None else f"{job.baseline_metric:.1%}",
        trials=[_trial_line(trial) for trial in trials],
        curve=_curve(job, trials),
        search=search_report(job),
        students=evidence.get("students", []),
        is_evaluation=job.kind == JobKind.EVALUATE,
        compared_with=_compared_with(job),
        splits=split_lines(job),
        how=evaluation_facts(job),
        failures=failures(job),
    )


def mark_of(job: Job) -> str:
    """Return the same as long as the page would say the same, from the job's row alone."""
    facts = (
        job.state, job.phase, job.progress, job.attempts, job.calls, job.spent_usd,
        job.current_best_metric, job.cancel_requested, int(time.time() / REDRAWN_S),
    )  # fmt: skip
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def plan_of(job: Job) -> list[tuple[str, str]]:
    """Return what the job is to do and may cost, as it was estimated before its start."""
    config, estimate = JobConfig.from_json(job.config), job.estimate
    plan = [(_("Strategy"), job.optimizer)] if job.optimizer else []
    if config.student:
        plan.append((_("Student"), ", ".join([config.student, *config.students])))
    if config.teacher and config.teacher != config.student:
        plan.append((_("Teacher"), config.teacher))
    if planned := trials_planned(job):
        plan.append((_("Trials, at most"), f"{planned}"))
    if rows := estimate.get("rows"):
        named = {"train": _("train"), "dev": _("dev"), "test": _("hold-out")}
        counts = [f"{count:,} {named.get(name, name)}" for name, count in rows.items() if count]
        plan.append((_("Rows, about"), ", ".join(counts) or _("none yet")))
    plan += estimate_facts(estimate)
    return [*plan, (_("At most"), _caps(job))]


def estimate_facts(estimate: dict[str, Any]) -> list[tuple[str, str]]:
    facts = []
    for name, title in (("calls", _("Calls, about")), ("tokens", _("Tokens, about"))):
        if name in estimate:
            facts.append((title, _range(*(f"{count:,}" for count in estimate[name]))))
    if estimate.get("usd") and None not in estimate["usd"]:
        facts.append((_("Cost, about"), _range(*(money(usd) for usd in estimate["usd"]))))
    return facts


def _range(low: str, high: str) -> str:
    return low if low == high else _("%(low)s to %(high)s") % {"low": low, "high": high}


def _caps(job: Job) -> str:
    caps = [money(job.budget_usd), _("%s min") % job.minutes]
    if job.budget_tokens is not None:
        caps.insert(1, _("%s tokens") % f"{job.budget_tokens:,}")
    return ", ".join(caps)


def _draft(job: Job) -> Draft | None:
    version = job.result_version
    if version is None or job.state in LIVE_JOB_STATES:
        return None
    live = live_version(job.task) or job.seed_version
    is_open = version.review_state in {ReviewState.DRAFT, ReviewState.IN_REVIEW}
    # A version that went live meanwhile replaces nothing: it is compared with what was before.
    against = job.seed_version if live.pk == version.pk else live
    return Draft(version, against.number, is_open) if against.pk != version.pk else None


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


def _trial_line(trial: Trial) -> TrialLine:
    cost = "–" if trial.cost_usd is None else money(trial.cost_usd)
    return TrialLine(trial, f"{trial.score:.1%}", f"{trial.score * 100:.1f}", cost)


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
        "baseline": [job.baseline_metric for _trial in trials],
    }
