"""Jobs by a task's own cron: once a period, whoever looks and however often."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connections
from django.utils import timezone
from django_q.models import Schedule

from feedback_app.models import TaskCounter
from kaizen_engine.states import JobState
from optimization_app.models import Job
from optimization_app.services.schedule import job_start_scheduled, tasks_due
from optimization_app.worker import sweep_schedules
from prompts_app.models import Tag
from tasks_app.models import Task
from tests.factories.feedback import TaskCounterFactory
from tests.factories.llm import ModelPriceFactory
from tests.factories.optimization import JobFactory
from tests.factories.prompts import TagFactory

HOURLY = "0 * * * *"


@pytest.fixture
def due_task(ready_task: Task) -> Task:
    ready_task.auto_trigger = False
    ready_task.cron, ready_task.next_run_at = HOURLY, timezone.now() - timedelta(days=3)
    ready_task.save()
    return ready_task


@pytest.mark.django_db
def test_a_due_task_gets_one_job_and_its_next_time(due_task: Task) -> None:
    assert sweep_schedules() == 1
    job = Job.objects.get()
    assert (job.task, job.trigger, job.started_by_label) == (due_task, "schedule", "system")
    due_task.refresh_from_db()
    assert timezone.now() < due_task.next_run_at <= timezone.now() + timedelta(hours=1)


@pytest.mark.django_db
def test_three_days_of_downtime_are_one_run(due_task: Task) -> None:
    sweep_schedules()
    Job.objects.update(state=JobState.SUCCEEDED.value)
    assert sweep_schedules() == 0
    assert Job.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"next_run_at": timezone.now() + timedelta(days=400)},
        {"cron": "", "next_run_at": None},
        {"archived_at": timezone.now()},
        {"student_model": ""},
    ],
)
def test_a_task_that_is_not_due_gets_no_job(due_task: Task, change: dict[str, object]) -> None:
    Task.objects.filter(pk=due_task.pk).update(**change)
    assert sweep_schedules() == 0
    assert not Job.objects.exists()


@pytest.mark.django_db
def test_a_task_in_setup_waits_for_its_next_time(due_task: Task) -> None:
    Tag.objects.all().delete()
    assert sweep_schedules() == 0
    due_task.refresh_from_db()
    assert due_task.next_run_at > timezone.now()


@pytest.mark.django_db
def test_a_cool_down_holds_the_run_back_until_it_is_over(due_task: Task) -> None:
    counter = TaskCounter.objects.filter(task=due_task)
    counter.update(not_before=timezone.now() + timedelta(hours=5))
    assert sweep_schedules() == 0
    counter.update(not_before=timezone.now() - timedelta(seconds=1))
    assert sweep_schedules() == 1


@pytest.mark.django_db
def test_a_job_under_way_is_as_good_as_a_new_one(due_task: Task) -> None:
    JobFactory(seed_version=due_task.versions.get())
    assert sweep_schedules() == 0
    due_task.refresh_from_db()
    assert due_task.next_run_at > timezone.now()


@pytest.mark.django_db
def test_a_refused_run_waits_for_its_next_time(due_task: Task) -> None:
    due_task.student_connection.prices.all().delete()
    assert sweep_schedules() == 0
    due_task.refresh_from_db()
    assert due_task.next_run_at > timezone.now()


@pytest.mark.django_db
def test_the_second_of_two_schedulers_that_saw_the_same_time_starts_nothing(
    due_task: Task,
) -> None:
    seen = list(tasks_due(timezone.now())) + list(tasks_due(timezone.now()))
    Job.objects.all().delete()
    assert job_start_scheduled(seen[0]) is not None
    Job.objects.update(state=JobState.SUCCEEDED.value)
    assert job_start_scheduled(seen[1]) is None


@pytest.mark.django_db
def test_the_queue_looks_each_minute_too() -> None:
    schedule = Schedule.objects.get(func="optimization_app.worker.sweep_schedules")
    assert schedule.minutes == 1


@pytest.mark.parametrize(
    "live_database",
    ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)],
    indirect=True,
)
def test_two_schedulers_at_once_start_one_job(live_database: str) -> None:
    version = TagFactory().version
    task = version.task
    ModelPriceFactory(connection=task.student_connection, model=task.student_model)
    TaskCounterFactory(task=task)
    due = timezone.now() - timedelta(minutes=1)
    Task.objects.filter(pk=task.pk).update(cron=HOURLY, next_run_at=due)
    both = Barrier(2)

    def look(_: int) -> bool:
        try:
            seen = tasks_due(timezone.now()).get()
            both.wait(30)
            return job_start_scheduled(seen) is not None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(look, range(2))) == [False, True]
    assert Job.objects.count() == 1
