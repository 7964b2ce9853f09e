from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from feedback_app.models import Feedback
from kaizen_engine.states import JobState, StopReason
from optimization_app.models import Job
from optimization_app.services.reap import Reaped, jobs_reap
from optimization_app.services.start import job_start
from projects_app.actors import Actor
from tasks_app.models import Task

pytestmark = pytest.mark.django_db


@pytest.fixture
def stale_job(ready_task: Task, editor_actor: Actor) -> Job:
    job, _ = job_start(actor=editor_actor, task=ready_task, trigger="api")
    over = timezone.now() - timedelta(seconds=1)
    Job.objects.update(state=JobState.RUNNING.value, attempts=1, fence=1, lease_until=over)
    return job


def test_a_lost_job_goes_back_to_the_queue_and_a_worker_is_woken(
    stale_job: Job, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert jobs_reap().requeued == 1
    stale_job.refresh_from_db()
    assert (stale_job.state, stale_job.lease_until) == (JobState.QUEUED, None)
    assert OrmQ.objects.filter(key="long").count() == 1


def test_a_job_whose_worker_is_alive_is_left_alone(stale_job: Job) -> None:
    Job.objects.update(lease_until=timezone.now() + timedelta(seconds=30))
    assert jobs_reap() == Reaped()


def test_a_job_lost_too_often_fails_and_frees_its_rows_and_its_task(
    stale_job: Job, editor_actor: Actor
) -> None:
    Job.objects.update(attempts=5)
    assert jobs_reap().ended == 1
    stale_job.refresh_from_db()
    assert (stale_job.state, stale_job.stop_reason) == (JobState.FAILED, StopReason.WORKER_LOST)
    assert not Feedback.objects.exclude(consumed_by=None).exists()
    _, created = job_start(actor=editor_actor, task=stale_job.task, trigger="api")
    assert created


def test_a_lost_job_somebody_cancelled_ends_cancelled(stale_job: Job) -> None:
    Job.objects.update(cancel_requested=True)
    assert jobs_reap().ended == 1
    stale_job.refresh_from_db()
    assert stale_job.state == JobState.CANCELLED


def test_a_waiting_job_without_a_message_gets_a_new_one_once(stale_job: Job) -> None:
    Job.objects.update(state=JobState.QUEUED.value, lease_until=None)
    assert jobs_reap().woken == 0
    later = timezone.now() + timedelta(seconds=61)
    assert jobs_reap(now=later).woken == 1
    assert jobs_reap(now=later).woken == 0
    assert OrmQ.objects.count() == 1


def test_a_waiting_job_without_attempts_left_fails(stale_job: Job) -> None:
    Job.objects.update(state=JobState.QUEUED.value, lease_until=None, attempts=5)
    assert jobs_reap().ended == 1
