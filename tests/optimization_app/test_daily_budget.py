"""What a project may spend in a day: a cap for people, keys, thresholds and schedules alike."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connections
from django.utils import timezone

from feedback_app.models import Feedback
from llm_app.models import LedgerEntry
from optimization_app.models import Job
from optimization_app.services.start import job_start, job_start_automatic
from optimization_app.worker import sweep_schedules
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed
from projects_app.models import AuditEntry, Project
from projects_app.services.projects import project_update
from prompts_app.models import PromptVersion
from tasks_app.models import Task
from tests.factories.feedback import TaskCounterFactory
from tests.factories.llm import LedgerEntryFactory, ModelPriceFactory
from tests.factories.optimization import JobFactory
from tests.factories.prompts import PromptVersionFactory, TagFactory
from tests.factories.tasks import TaskFactory


@pytest.fixture
def capped(project: Project, ready_task: Task) -> Task:
    """A task whose jobs may spend 5 dollars, in a project that may spend 10 a day."""
    project.daily_budget_usd = Decimal(10)
    project.save()
    assert ready_task.budget_usd == 5
    return ready_task


def another_live_job(project: Project, **state: object) -> Job:
    version = PromptVersionFactory(task=TaskFactory(project=project))
    return JobFactory(seed_version=version, **state)


@pytest.mark.django_db
def test_what_just_fits_is_started(capped: Task, project: Project, editor_actor: Actor) -> None:
    LedgerEntryFactory(project=project, cost_usd=Decimal(5))
    _, created = job_start(actor=editor_actor, task=capped, trigger="api")
    assert created


@pytest.mark.django_db
def test_a_job_that_could_pass_the_cap_is_refused_with_the_figures(
    capped: Task, project: Project, editor_actor: Actor
) -> None:
    LedgerEntryFactory(project=project, cost_usd=Decimal("1.25"))
    another_live_job(project)
    with pytest.raises(Conflict) as refused:
        job_start(actor=editor_actor, task=capped, trigger="api")
    assert refused.value.code == "daily_budget"
    for figure in ("$10.00 a day", "$1.25 is spent", "$5.00 is promised", "may spend $5.00"):
        assert figure in str(refused.value)
    assert Job.objects.count() == 1
    assert not Feedback.objects.exclude(consumed_by=None).exists()


@pytest.mark.django_db
def test_what_a_live_job_has_spent_counts_once(
    capped: Task, project: Project, editor_actor: Actor
) -> None:
    live = another_live_job(project, running=True)
    LedgerEntryFactory(project=project, subject=live.public_id, cost_usd=Decimal(4))
    _, created = job_start(actor=editor_actor, task=capped, trigger="api")
    assert created


@pytest.mark.django_db
def test_yesterday_ended_jobs_and_other_projects_do_not_count(
    capped: Task, project: Project, editor_actor: Actor
) -> None:
    LedgerEntryFactory(project=project, cost_usd=Decimal(9))
    LedgerEntry.objects.update(at=timezone.now() - timedelta(days=1))
    LedgerEntryFactory(cost_usd=Decimal(9))
    another_live_job(project, succeeded=True)
    _, created = job_start(actor=editor_actor, task=capped, trigger="api")
    assert created


@pytest.mark.django_db
def test_the_same_tasks_live_job_is_given_and_not_refused(
    capped: Task, project: Project, live_version: PromptVersion, editor_actor: Actor
) -> None:
    live = JobFactory(seed_version=live_version)
    LedgerEntryFactory(project=project, cost_usd=Decimal(9))
    assert job_start(actor=editor_actor, task=capped, trigger="api") == (live, False)


@pytest.mark.django_db
def test_thresholds_and_schedules_are_held_to_it_too(capped: Task, project: Project) -> None:
    LedgerEntryFactory(project=project, cost_usd=Decimal(6))
    due = timezone.now() - timedelta(minutes=1)
    Task.objects.filter(pk=capped.pk).update(cron="0 * * * *", next_run_at=due)
    assert sweep_schedules() == 0
    assert job_start_automatic(capped.pk) is None
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_the_api_answers_409(capped: Task, project: Project, api_client) -> None:
    LedgerEntryFactory(project=project, cost_usd=Decimal(6))
    answer = api_client.post("/api/v1/optimization/start", {"prompt_id": str(capped.public_id)})
    assert (answer.status_code, answer.json()["code"]) == (409, "daily_budget")


@pytest.mark.django_db
def test_an_admin_sets_the_cap_and_nobody_else(
    project: Project, admin_actor: Actor, approver_actor: Actor
) -> None:
    project_update(actor=admin_actor, project=project, daily_budget_usd=Decimal("7.5"))
    project.refresh_from_db()
    assert project.daily_budget_usd == Decimal("7.5")
    assert AuditEntry.objects.get().data == {
        "daily_budget_usd": "7.5",
        "before": {"daily_budget_usd": None},
    }
    with pytest.raises(NotAllowed):
        project_update(actor=approver_actor, project=project, daily_budget_usd=None)
    with pytest.raises(InvalidInput) as refused:
        project_update(actor=admin_actor, project=project, daily_budget_usd=Decimal(-1))
    assert list(refused.value.errors) == ["daily_budget_usd"]


@pytest.mark.parametrize(
    "live_database",
    ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)],
    indirect=True,
)
def test_of_two_starts_at_once_one_fits(live_database: str) -> None:
    first = _ready()
    second = _ready(first.project)
    Project.objects.update(daily_budget_usd=Decimal(8))
    both = Barrier(2)

    def start(task: Task) -> str:
        try:
            both.wait(30)
            job_start(actor=Actor.system(task.project_id), task=task, trigger="api")
        except Conflict as refused:
            return refused.code
        finally:
            connections.close_all()
        return "started"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(start, (first, second))) == ["daily_budget", "started"]
    assert Job.objects.count() == 1


def _ready(project: Project | None = None) -> Task:
    task = TaskFactory(project=project) if project else TaskFactory()
    TagFactory(version=PromptVersionFactory(task=task))
    ModelPriceFactory(connection=task.student_connection, model=task.student_model)
    TaskCounterFactory(task=task)
    return task
