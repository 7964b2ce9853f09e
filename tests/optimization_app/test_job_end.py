from datetime import timedelta

import pytest
from django.db.models import Q
from django.utils import timezone

from feedback_app.models import Feedback, TaskCounter
from kaizen_engine.states import JOB_TRANSITIONS, JobState, StopReason
from optimization_app.models import Job
from optimization_app.services.cancel import job_cancel
from optimization_app.services.finish import job_fail, job_finish
from optimization_app.services.moves import held_by, job_move
from optimization_app.services.start import job_start
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, NotAllowed
from tasks_app.models import Task

pytestmark = pytest.mark.django_db

LEGAL = {
    ("queued", "running"),
    ("queued", "failed"),
    ("queued", "cancelled"),
    ("running", "queued"),
    ("running", "publishing"),
    ("running", "failed"),
    ("running", "cancelled"),
    ("publishing", "queued"),
    ("publishing", "succeeded"),
    ("publishing", "failed"),
    ("publishing", "cancelled"),
}


@pytest.fixture
def started_job(ready_task: Task, editor_actor: Actor) -> Job:
    return job_start(actor=editor_actor, task=ready_task, trigger="api")[0]


@pytest.mark.parametrize("origin", [state.value for state in JobState])
@pytest.mark.parametrize("target", [state.value for state in JobState])
def test_only_legal_moves_move_a_job(queued_job: Job, origin: str, target: str) -> None:
    Job.objects.update(state=origin)
    actor = Actor.system(queued_job.task.project_id)
    moved = job_move(actor=actor, job=queued_job, to=JobState(target))
    assert moved is ((origin, target) in LEGAL)
    assert len(LEGAL) == sum(len(follow) for follow in JOB_TRANSITIONS.values())


def test_a_failed_job_gives_its_rows_back_and_the_task_cools_down(started_job: Job) -> None:
    assert job_fail(job=started_job, stop_reason=StopReason.PROVIDER_DOWN, where=Q(), error="down")
    started_job.refresh_from_db()
    counter = TaskCounter.objects.get()
    assert (started_job.state, started_job.error) == (JobState.FAILED, "down")
    assert not Feedback.objects.exclude(consumed_by=None).exists()
    assert (counter.unconsumed, counter.failures_in_a_row) == (5, 1)
    assert counter.not_before > timezone.now() + timedelta(minutes=59)


def test_a_good_end_keeps_the_rows_and_forgets_earlier_failures(started_job: Job) -> None:
    Job.objects.update(state=JobState.PUBLISHING.value, fence=3)
    TaskCounter.objects.update(failures_in_a_row=4, not_before=timezone.now())
    assert job_finish(
        job=started_job, to=JobState.SUCCEEDED, stop_reason=StopReason.FINISHED, where=held_by(3)
    )
    counter = TaskCounter.objects.get()
    assert (counter.unconsumed, counter.failures_in_a_row, counter.not_before) == (0, 0, None)


def test_who_lost_the_fence_cannot_end_the_job(started_job: Job) -> None:
    Job.objects.update(state=JobState.RUNNING.value, fence=3)
    assert not job_fail(job=started_job, stop_reason=StopReason.ERROR, where=held_by(2))
    assert Job.objects.get().state == JobState.RUNNING


def test_a_waiting_job_is_cancelled_at_once(started_job: Job, editor_actor: Actor) -> None:
    job = job_cancel(actor=editor_actor, job=started_job, reason="a mistake")
    assert (job.state, job.stop_reason) == (JobState.CANCELLED, StopReason.CANCELLED)
    assert TaskCounter.objects.get().unconsumed == 5


def test_a_running_job_is_asked_to_stop_and_asking_twice_is_no_error(
    started_job: Job, editor_actor: Actor
) -> None:
    Job.objects.update(state=JobState.RUNNING.value)
    for _ in range(2):
        job = job_cancel(actor=editor_actor, job=started_job)
        assert (job.state, job.cancel_requested) == (JobState.RUNNING, True)


def test_a_job_that_has_ended_cannot_be_cancelled(started_job: Job, editor_actor: Actor) -> None:
    Job.objects.update(state=JobState.SUCCEEDED.value)
    with pytest.raises(Conflict, match="succeeded") as refused:
        job_cancel(actor=editor_actor, job=started_job)
    assert refused.value.code == "stale"


def test_a_viewer_may_not_cancel(started_job: Job, viewer_actor: Actor) -> None:
    with pytest.raises(NotAllowed):
        job_cancel(actor=viewer_actor, job=started_job)
