"""Dismissed feedback leaves queue and jobs, and comes back as it was."""

import uuid

import pytest

from feedback_app.models import Feedback, TaskCounter
from feedback_app.selectors import examples_known, feedback_to_review
from feedback_app.services.dismissal import feedback_dismiss, feedback_restore
from feedback_app.services.examples import examples_prepare
from feedback_app.services.feedback import feedback_consume, feedback_release
from kaizen_engine.states import Origin
from projects_app.exceptions import NotAllowed, NotHere
from projects_app.models import AuditEntry
from tests.factories.feedback import ExampleFactory, FeedbackFactory, TaskCounterFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows(task):
    TaskCounterFactory(task=task, unconsumed=3)
    return FeedbackFactory.create_batch(3, task=task)


def unconsumed(task):
    return TaskCounter.objects.get(task=task).unconsumed


def test_a_dismissed_row_is_taken_by_no_job_and_counts_for_none(task, rows, editor_actor):
    assert feedback_dismiss(actor=editor_actor, rows=rows[:1]) == 1
    assert unconsumed(task) == 2
    job = uuid.uuid4()
    assert feedback_consume(task=task, job_id=job) == 2
    made = examples_prepare(task=task, job_id=job)
    assert {row.feedback_id for row in made} == {row.pk for row in rows[1:]}


def test_an_example_made_of_it_is_used_no_more_until_it_is_put_back(task, editor_actor):
    example = ExampleFactory(task=task, from_feedback=True)
    feedback_dismiss(actor=editor_actor, rows=[example.feedback])
    assert not examples_known(task)
    feedback_restore(actor=editor_actor, rows=[example.feedback])
    assert list(examples_known(task)) == [example]


def test_an_unjudged_call_leaves_the_queue_of_those_who_review(task, editor_actor):
    call = FeedbackFactory(task=task, score=None, origin=Origin.RANDOM.value)
    feedback_dismiss(actor=editor_actor, rows=[call])
    assert not feedback_to_review(task)
    assert not TaskCounter.objects.filter(task=task, unconsumed__gt=0)


def test_put_back_it_counts_again_and_may_fill_the_threshold(
    task, rows, editor_actor, asked_for, django_capture_on_commit_callbacks
):
    task.threshold = 3
    task.save()
    feedback_dismiss(actor=editor_actor, rows=rows[:2])
    with django_capture_on_commit_callbacks(execute=True):
        assert feedback_restore(actor=editor_actor, rows=rows) == 2
    assert unconsumed(task) == 3
    assert asked_for == [task.pk]


def test_rows_of_a_job_that_failed_come_back_without_the_dismissed_ones(task, rows, editor_actor):
    job = uuid.uuid4()
    feedback_consume(task=task, job_id=job)
    feedback_dismiss(actor=editor_actor, rows=rows[:1])
    feedback_release(job_id=job)
    assert unconsumed(task) == 2
    assert not Feedback.objects.filter(task=task, consumed_by__isnull=False)


def test_the_second_to_dismiss_changes_nothing_and_leaves_no_entry(rows, editor_actor):
    stale = list(rows)
    assert feedback_dismiss(actor=editor_actor, rows=rows) == 3
    assert feedback_dismiss(actor=editor_actor, rows=stale) == 0
    assert AuditEntry.objects.filter(action="kaizen.feedback.dismissed").count() == 3


def test_viewers_and_strangers_dismiss_nothing(rows, viewer_actor, outsider_actor):
    with pytest.raises(NotAllowed):
        feedback_dismiss(actor=viewer_actor, rows=rows)
    with pytest.raises(NotHere):
        feedback_dismiss(actor=outsider_actor, rows=rows)
    assert not Feedback.objects.filter(dismissed_at__isnull=False)
