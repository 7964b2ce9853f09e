from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from kaizen_engine.states import JobState
from optimization_app.models import Job
from optimization_app.services.lease import (
    fence_holds,
    job_claim,
    lease_extend,
    lease_release,
)

pytestmark = pytest.mark.django_db


def test_a_claim_takes_a_queued_job_and_raises_its_fence(queued_job: Job) -> None:
    claim = job_claim(queued_job.pk, "me")
    queued_job.refresh_from_db()
    assert claim is not None
    assert (claim.fence, claim.attempts) == (queued_job.fence, queued_job.attempts) == (1, 1)
    assert queued_job.state == JobState.RUNNING
    assert queued_job.started_at is not None


def test_the_loser_of_a_race_for_a_job_gets_nothing(queued_job: Job) -> None:
    assert job_claim(queued_job.pk, "me") is not None
    assert job_claim(queued_job.pk, "you") is None


def test_a_job_whose_lease_ran_out_may_be_claimed_by_another(running_job: Job) -> None:
    later = running_job.lease_until + timedelta(seconds=1)
    assert job_claim(running_job.pk, "you", now=later - timedelta(minutes=1)) is None
    claim = job_claim(running_job.pk, "you", now=later)
    assert claim is not None
    assert claim.fence == running_job.fence + 1


def test_the_first_claim_fixes_the_deadline_for_all_later_ones(queued_job: Job) -> None:
    first = job_claim(queued_job.pk, "me")
    later = timezone.now() + timedelta(minutes=10)
    second = job_claim(queued_job.pk, "you", now=later)
    assert first is not None
    assert second is not None
    assert second.deadline_at == first.deadline_at


def test_a_job_lost_while_publishing_is_claimed_as_publishing(running_job: Job) -> None:
    Job.objects.update(state=JobState.PUBLISHING.value, lease_until=timezone.now())
    assert job_claim(running_job.pk, "you") is not None
    running_job.refresh_from_db()
    assert running_job.state == JobState.PUBLISHING


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED])
def test_a_job_that_has_ended_cannot_be_claimed(queued_job: Job, state: JobState) -> None:
    Job.objects.update(state=state.value)
    assert job_claim(queued_job.pk, "me") is None


def test_attempts_are_bounded_at_the_claim(queued_job: Job) -> None:
    Job.objects.update(attempts=5, max_attempts=5)
    assert job_claim(queued_job.pk, "me") is None


def test_a_job_that_is_not_there_cannot_be_claimed(db: None) -> None:
    assert job_claim(4711, "me") is None


def test_a_heartbeat_pushes_the_lease_forward(running_job: Job) -> None:
    now = timezone.now()
    assert lease_extend(running_job.pk, running_job.fence, now=now)
    running_job.refresh_from_db()
    assert running_job.lease_until == now + timedelta(seconds=settings.CONFIG.lease_s)


def test_who_slept_through_a_lease_can_write_nothing_any_more(running_job: Job) -> None:
    later = running_job.lease_until + timedelta(seconds=1)
    assert job_claim(running_job.pk, "you", now=later) is not None
    assert not lease_extend(running_job.pk, running_job.fence)
    assert not fence_holds(running_job.pk, running_job.fence)
    assert not lease_release(running_job, running_job.fence)


def test_a_job_given_back_waits_again_and_may_keep_its_attempt(running_job: Job) -> None:
    assert lease_release(running_job, running_job.fence, counts_as_attempt=False)
    running_job.refresh_from_db()
    assert (running_job.state, running_job.attempts) == (JobState.QUEUED, 0)
    assert running_job.lease_until is None
