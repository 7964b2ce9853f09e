"""What waits for the member, read for the first page of the admin."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import HttpRequest

from feedback_app.models import TaskCounter
from kaizen_engine.states import LIVE_JOB_STATES, ReviewState
from optimization_app.models import Job
from optimization_app.selectors import job_sentence
from projects_app.admin_scope import roles_of
from prompts_app.models import PromptVersion
from prompts_app.selectors import PROMOTION
from tasks_app.models import Task

MOST = 5
OPEN = (ReviewState.DRAFT.value, ReviewState.IN_REVIEW.value)


@dataclass(frozen=True)
class Waiting:
    """How much feedback a task has, and how much starts its next job."""

    task: Task
    unconsumed: int

    @property
    def is_automatic(self) -> bool:
        return self.task.auto_trigger


@dataclass(frozen=True)
class HomePage:
    drafts: list[PromptVersion]
    jobs: list[tuple[Job, str]]
    tasks: list[Waiting]
    is_member: bool


def home_page(request: HttpRequest) -> HomePage:
    projects = list(roles_of(request))
    jobs = Job.objects.filter(task__project__in=projects, state__in=sorted(LIVE_JOB_STATES))
    return HomePage(
        drafts=list(_drafts(projects)[:MOST]),
        jobs=[(job, job_sentence(job)) for job in jobs.select_related("task")[:MOST]],
        tasks=_tasks(projects),
        is_member=bool(projects),
    )


def _drafts(projects: Collection[int]) -> QuerySet[PromptVersion]:
    """Return what nobody has decided on; what went live without a review needs no decision."""
    versions = PromptVersion.objects.filter(task__project__in=projects, review_state__in=OPEN)
    waiting = versions.exclude(gates__name=PROMOTION).select_related("task")
    return waiting.defer("artifact", "evidence", "dspy_state")


def _tasks(projects: Collection[int]) -> list[Waiting]:
    tasks = list(Task.objects.filter(project__in=projects, archived_at=None)[:MOST])
    counters = TaskCounter.objects.filter(task__in=tasks).values_list("task_id", "unconsumed")
    counts = dict(counters)
    return [Waiting(task, counts.get(task.pk, 0)) for task in tasks]
