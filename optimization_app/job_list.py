"""The list of jobs: its filters, its lines, and the same lines for a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import django_filters
from django.db.models import F, Q, QuerySet
from django.db.models.fields.json import KeyTransform
from django.utils.translation import gettext_lazy as _

from kaizen_engine.optimize.strategy import STRATEGIES
from kaizen_engine.states import LIVE_JOB_STATES, JobKind, JobState, Verdict
from optimization_app.amounts import plain_usd
from optimization_app.models import Job
from optimization_app.selectors import job_rows, job_sentence
from optimization_app.services.evaluate_rows import PLACE
from projects_app.choices import choices_of
from projects_app.models import Project
from prompts_app.review_page import money

# A job carries the whole prompt several times over; a line shows none of it.
_SHOWN = (
    "public_id", "task__slug", "task__name", "kind", "optimizer", "state", "phase", "attempts",
    "stop_reason", "verdict", "error", "cancel_requested", "keep_best", "progress",
    "baseline_metric", "current_best_metric", "spent_usd", "budget_usd", "created_at",
    "started_by_label", "started_at", "finished_at",
)  # fmt: skip
CSV_HEADER = (
    "job", "id", "prompt", "kind", "strategy", "state", "verdict", "where_it_stands", "before",
    "best", "spent_usd", "budget_usd", "started_by", "created_at", "finished_at",
)  # fmt: skip


class JobFilter(django_filters.FilterSet):  # type: ignore[misc]
    task = django_filters.CharFilter(method="search", label=_("Prompt or job number"))
    state = django_filters.ChoiceFilter(choices=choices_of(JobState), empty_label=_("any"))
    verdict = django_filters.ChoiceFilter(choices=choices_of(Verdict), empty_label=_("any"))
    kind = django_filters.ChoiceFilter(choices=choices_of(JobKind), empty_label=_("any"))
    optimizer = django_filters.ChoiceFilter(
        choices=[(name, name) for name in STRATEGIES], empty_label=_("any"), label=_("Strategy")
    )

    def search(self, rows: QuerySet[Job], _name: str, text: str) -> QuerySet[Job]:
        wanted = Q(task__slug__icontains=text) | Q(task__name__icontains=text)
        # An integer column refuses a longer number.
        if text.isascii() and text.isdigit() and len(text) < 18:
            wanted |= Q(pk=int(text))
        return rows.filter(wanted)


@dataclass(frozen=True)
class JobLine:
    job: Job
    sentence: str
    tone: str
    score: str
    spent: str
    took: str
    is_live: bool


def filtered_jobs(project: Project, query: Any) -> JobFilter:
    """Return the filter; its `qs` are the jobs, the newest first."""
    jobs = job_rows(project).only(*_SHOWN)
    return JobFilter(query, jobs.annotate(evaluated=KeyTransform(PLACE, F("result"))))


def line_of(job: Any) -> JobLine:
    # Only what an evaluation's sentence is made of was read.
    job.result = {PLACE: job.evaluated}
    state = JobState(job.state)
    return JobLine(
        job=job,
        sentence=job_sentence(job),
        tone=_tone(state, job.verdict),
        score=_score(job.baseline_metric, job.current_best_metric),
        spent=money(job.spent_usd),
        took=_took(job.started_at, job.finished_at),
        is_live=state in LIVE_JOB_STATES,
    )


def csv_lines(jobs: QuerySet[Job]) -> Iterator[list[Any]]:
    for job in jobs.iterator(chunk_size=500):
        line = line_of(job)
        scores = (_percent(job.baseline_metric), _percent(job.current_best_metric))
        amounts = (plain_usd(job.spent_usd), plain_usd(job.budget_usd))
        yield [
            job.pk, str(job.public_id), job.task.slug, job.kind, job.optimizer, job.state,
            job.verdict, line.sentence, *scores, *amounts,
            job.started_by_label, *(_when(at) for at in (job.created_at, job.finished_at)),
        ]  # fmt: skip


def _tone(state: JobState, verdict: str) -> str:
    if state is JobState.FAILED:
        return "is-fail"
    return "is-pass" if verdict in {Verdict.CONFIRMED.value, Verdict.LIKELY.value} else ""


def _score(before: float | None, best: float | None) -> str:
    shares = [_percent(share) for share in (before, best) if share is not None]
    return " → ".join(shares)


def _took(started_at: datetime | None, finished_at: datetime | None) -> str:
    if not started_at or not finished_at:
        return ""
    seconds = max(0, round((finished_at - started_at).total_seconds()))
    return _("%s s") % seconds if seconds < 120 else _("%s min") % round(seconds / 60)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _when(at: Any) -> str:
    return at.isoformat(timespec="seconds") if at else ""
