"""When feedback asks for a job: by the counter alone, after the commit, never in a cool-down."""

from datetime import timedelta

import pytest
from django.utils import timezone

from feedback_app.models import TaskCounter
from feedback_app.selectors import tasks_over_threshold
from feedback_app.services.feedback import feedback_log, feedback_log_batch
from feedback_app.signals import threshold_reached
from feedback_app.wire import FeedbackItem
from projects_app.exceptions import NotAllowed
from tests.factories.feedback import TaskCounterFactory
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def task(project):
    return TaskFactory(project=project, threshold=5)


@pytest.fixture
def log(editor_actor, task, django_capture_on_commit_callbacks):
    """Return a function that logs so many new rows, one by one or as a batch."""
    made = iter(range(1000))

    def run(count, *, as_batch=False):
        items = [
            FeedbackItem(task=task.slug, inputs={"text": "x"}, output="a", event_id=str(next(made)))
            for _ in range(count)
        ]
        with django_capture_on_commit_callbacks(execute=True):
            if as_batch:
                feedback_log_batch(actor=editor_actor, items=items)
            else:
                for item in items:
                    feedback_log(actor=editor_actor, item=item)

    return run


def test_the_row_that_fills_the_threshold_asks_for_a_job(log, asked_for, task):
    log(4)
    assert asked_for == []
    log(1)
    assert asked_for == [task.pk]
    log(3)
    assert asked_for == [task.pk]


def test_each_further_threshold_asks_again(log, asked_for, task):
    log(15)
    assert asked_for == [task.pk] * 3


def test_a_batch_over_several_thresholds_asks_once(log, asked_for, task):
    log(12, as_batch=True)
    assert asked_for == [task.pk]


def test_a_task_may_be_without_automatic_jobs(log, asked_for, task):
    task.auto_trigger = False
    task.save()
    log(10)
    assert asked_for == []


def test_nothing_is_asked_for_in_a_cool_down(log, asked_for, task):
    counter = TaskCounterFactory(task=task, not_before=timezone.now() + timedelta(hours=1))
    log(5)
    assert asked_for == []
    TaskCounter.objects.filter(pk=counter.pk).update(not_before=timezone.now())
    log(5)
    assert asked_for == [task.pk]


def test_nothing_is_asked_for_before_the_commit(
    editor_actor, task, asked_for, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=False):
        items = [
            FeedbackItem(task=task.slug, inputs={"text": "x"}, output="a", event_id=str(number))
            for number in range(5)
        ]
        feedback_log_batch(actor=editor_actor, items=items)
        assert asked_for == []


def test_a_listener_that_fails_costs_no_feedback(log, task):
    def fail(**_):
        raise RuntimeError

    threshold_reached.connect(fail)
    log(5)
    threshold_reached.disconnect(fail)
    assert TaskCounter.objects.get(task=task).unconsumed == 5


def test_the_sweep_finds_the_tasks_that_are_due():
    now = timezone.now()

    def counted(unconsumed, not_before=None, **task):
        task = TaskFactory(threshold=5, **task)
        return TaskCounterFactory(task=task, unconsumed=unconsumed, not_before=not_before).task_id

    due = [counted(5), counted(9), counted(5, not_before=now)]
    counted(4)
    counted(5, not_before=now + timedelta(seconds=1))
    counted(5, auto_trigger=False)
    counted(5, archived_at=now)
    assert tasks_over_threshold(now) == due


def test_a_viewer_logs_nothing(viewer_actor, task):
    item = FeedbackItem(task=task.slug, inputs={"text": "x"}, output="a", event_id="e")
    with pytest.raises(NotAllowed):
        feedback_log(actor=viewer_actor, item=item)
    with pytest.raises(NotAllowed):
        feedback_log_batch(actor=viewer_actor, items=[item])
