"""The first page of a project: what needs a person, is quality rising, what does it cost?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.core.cache import cache
from django.db.models import F, QuerySet
from django.utils import timezone

from kaizen_engine.states import LIVE_JOB_STATES, JobKind
from kaizen_site.health import Trouble, worker_trouble
from kaizen_site.overview_links import link
from kaizen_site.overview_needs import Need, needs_of
from kaizen_site.overview_trends import DAYS, Strip, strips_of
from llm_app.spend import SpendFilter, spend_total
from optimization_app.models import Job
from optimization_app.selectors import job_sentence
from optimization_app.services.daily_budget import spent_today
from projects_app.models import Project
from projects_app.pages import Visit
from tasks_app.models import Task

MOST_PROMPTS = 8
MOST_JOBS = 5
AN_HOUR_S = 3600


@dataclass(frozen=True)
class Spending:
    """US dollars of the last 30 days and of today, both of UTC, and today's limit."""

    month: Decimal
    today: Decimal
    limit: Decimal | None

    @property
    def share(self) -> int:
        """Return how much of the day's limit is used, in whole percent and at most 100."""
        return min(100, int(self.today / self.limit * 100)) if self.limit else 0

    @property
    def left(self) -> Decimal:
        return max((self.limit or Decimal(0)) - self.today, Decimal(0))


@dataclass(frozen=True)
class PromptLine:
    """A prompt: how good the live version is, and how far the next job is away."""

    task: Task
    url: str
    strip: Strip | None
    feedback: int
    job: Job | None

    @property
    def share(self) -> int:
        return min(100, self.feedback * 100 // self.task.threshold)


@dataclass(frozen=True)
class Overview:
    needs: Sequence[Need]
    prompts: Sequence[PromptLine]
    more_prompts: str
    jobs: Sequence[tuple[Job, str]]
    spending: Spending
    trouble: Trouble | None


def overview(visit: Visit) -> Overview:
    now, project = timezone.now(), visit.project
    jobs = jobs_under_way(project)
    tasks = list(_busiest(project)[: MOST_PROMPTS + 1])
    return Overview(
        needs=needs_of(visit),
        prompts=_lines(project, tasks[:MOST_PROMPTS], [job for job, _ in jobs], now),
        more_prompts=link("prompts:list", project) if len(tasks) > MOST_PROMPTS else "",
        jobs=jobs,
        spending=_spending(project, now),
        trouble=worker_trouble(now),
    )


def _busiest(project: Project) -> QuerySet[Task]:
    tasks = Task.objects.filter(project=project, archived_at=None).select_related("counter")
    return tasks.order_by(F("counter__total").desc(nulls_last=True), "slug")


def jobs_under_way(project: Project) -> list[tuple[Job, str]]:
    """Return the live jobs, each with where it stands in words."""
    live = sorted(state.value for state in LIVE_JOB_STATES)
    jobs = Job.objects.filter(task__project=project, state__in=live)
    newest = jobs.select_related("task", "result_version").order_by("-pk")[:MOST_JOBS]
    return [(job, job_sentence(job)) for job in newest]


def _lines(
    project: Project, tasks: Sequence[Task], jobs: Sequence[Job], now: datetime
) -> list[PromptLine]:
    strips = strips_of((task.pk for task in tasks), now)
    searching = {job.task_id: job for job in jobs if job.kind == JobKind.OPTIMIZE}
    return [
        PromptLine(
            task=task,
            url=link("prompts:prompt", project, task=task.slug),
            strip=strips.get(task.pk),
            feedback=_unconsumed(task),
            job=searching.get(task.pk),
        )
        for task in tasks
    ]


def _unconsumed(task: Task) -> int:
    counter = getattr(task, "counter", None)
    return counter.unconsumed if counter else 0


def _spending(project: Project, now: datetime) -> Spending:
    today = spent_today(project, now)
    return Spending(_spent_before_today(project, now) + today, today, project.daily_budget_usd)


def _spent_before_today(project: Project, now: datetime) -> Decimal:
    """Add up the days that are over, once an hour: nothing is added to them any more."""
    last = now.astimezone(UTC).date() - timedelta(days=1)
    wanted = SpendFilter(last - timedelta(days=DAYS - 2), last)
    name = f"home-spent:{project.pk}:{last}"
    found = cache.get_or_set(name, lambda: spend_total(project, wanted).usd, AN_HOUR_S)
    return Decimal(found or 0)
