"""Handing feedback to a job and back, and the wait after failures."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from feedback_app.models import Feedback, TaskCounter
from feedback_app.services.cooldown import trigger_cool_down
from feedback_app.services.feedback import feedback_consume, feedback_release
from tests.factories.feedback import FeedbackFactory, TaskCounterFactory
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def task():
    counter = TaskCounterFactory(unconsumed=3)
    FeedbackFactory.create_batch(3, task=counter.task)
    return counter.task


def unconsumed(task):
    return TaskCounter.objects.get(task=task).unconsumed


def test_a_job_takes_all_rows_nobody_has(task):
    taken_before = FeedbackFactory(task=task, consumed=True)
    foreign = FeedbackFactory()
    job = uuid4()
    assert feedback_consume(task=task, job_id=job) == 3
    assert Feedback.objects.filter(consumed_by=job).count() == 3
    assert unconsumed(task) == 0
    for row in (taken_before, foreign):
        before = row.consumed_by
        row.refresh_from_db()
        assert row.consumed_by == before


def test_a_job_that_asks_again_keeps_what_it_took_and_no_more(task):
    job = uuid4()
    feedback_consume(task=task, job_id=job)
    FeedbackFactory(task=task)
    TaskCounter.objects.filter(task=task).update(unconsumed=1)
    assert feedback_consume(task=task, job_id=job) == 3
    assert unconsumed(task) == 1


def test_the_next_job_gets_the_rows_that_came_since(task):
    feedback_consume(task=task, job_id=uuid4())
    FeedbackFactory(task=task)
    assert feedback_consume(task=task, job_id=uuid4()) == 1


def test_a_counter_never_falls_below_nothing(task):
    TaskCounter.objects.filter(task=task).update(unconsumed=1)
    feedback_consume(task=task, job_id=uuid4())
    assert unconsumed(task) == 0


def test_release_returns_the_rows_and_the_count(task):
    job, other = uuid4(), uuid4()
    feedback_consume(task=task, job_id=job)
    FeedbackFactory(task=task, consumed_by=other)
    assert feedback_release(job_id=job) == 3
    assert (unconsumed(task), TaskCounter.objects.get(task=task).total) == (3, 3)
    assert Feedback.objects.filter(consumed_by=None).count() == 3
    assert feedback_release(job_id=job) == 0
    assert unconsumed(task) == 3


def test_a_job_without_rows_has_nothing_to_give_back():
    assert feedback_release(job_id=uuid4()) == 0


@pytest.mark.parametrize(
    ("failures", "hours"), [(1, 1), (2, 2), (3, 4), (5, 16), (6, 24), (40, 24)]
)
def test_the_wait_doubles_from_an_hour_to_a_day(failures, hours):
    now = timezone.now()
    counter = TaskCounterFactory(failures_in_a_row=failures - 1)
    counter = trigger_cool_down(task=counter.task, failed=True, now=now)
    assert counter.not_before - now == timedelta(hours=hours)
    assert counter.failures_in_a_row == failures


def test_a_good_end_forgets_the_failures():
    counter = TaskCounterFactory(failures_in_a_row=4, not_before=timezone.now())
    counter = trigger_cool_down(task=counter.task, failed=False)
    assert (counter.failures_in_a_row, counter.not_before) == (0, None)


def test_a_task_without_feedback_can_cool_down_too():
    assert trigger_cool_down(task=TaskFactory(), failed=True).failures_in_a_row == 1
