"""Both vendors, really committed to: one row an event, a right counter, values unchanged."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from feedback_app.models import Feedback, TaskCounter
from feedback_app.services.feedback import feedback_log, feedback_log_batch
from feedback_app.wire import FeedbackItem
from projects_app.actors import Actor
from projects_app.models import Project
from tests.factories.feedback import TaskCounterFactory
from tests.factories.tasks import TaskFactory

BOTH = pytest.mark.parametrize("live_database", ["sqlite", "postgres"], indirect=True)
VALUE = {"text": 'ü "quoted" \\ \n 😀', "none": None, "list": [1, 1.5, True, {}], "big": 2**70}


@pytest.fixture
def actor(live_database):
    task = TaskFactory(slug="triage", threshold=1000, input_schema={}, output_schema={})
    TaskFactory(slug="other", project=task.project, input_schema={}, output_schema={})
    return Actor.system(task.project_id)


def event(event_id, *, task="triage", **changes):
    values = {"inputs": {"text": "same"}, "output": "a"} | changes
    return FeedbackItem(task=task, event_id=event_id, **values)


def in_threads(call, count=8):
    """Run `call(number)` in so many threads at once and return what they gave or raised."""
    barrier, results = threading.Barrier(count), []

    def run(number):
        barrier.wait()
        try:
            results.append(call(number))
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return results


def counters():
    found = TaskCounter.objects.order_by("task_id").values_list("unconsumed", "total")
    return list(found)


@BOTH
def test_one_event_from_many_threads_is_one_row_with_one_answer(actor):
    logged = in_threads(lambda _: feedback_log(actor=actor, item=event("shared")))
    assert sorted(one.is_new for one in logged) == [False] * 7 + [True]
    assert {one.public_id for one in logged} == {Feedback.objects.get().public_id}
    assert counters() == [(1, 1)]


# Opposite orders and two tasks: without an order of locks, PostgreSQL would break a deadlock.
@BOTH
def test_batches_with_the_same_events_in_any_order_lose_and_double_nothing(actor):
    def log(number):
        items = [event(f"event-{n}", task=("triage", "other")[n % 2]) for n in range(100)]
        items.append(event(f"own-{number}"))
        answers = feedback_log_batch(actor=actor, items=items[:: 1 if number % 2 else -1])
        return sum(answer.status == 201 for answer in answers)

    assert sum(in_threads(log)) == Feedback.objects.count() == 108
    assert counters() == [(58, 58), (50, 50)]


@BOTH
def test_values_come_back_as_they_were_sent(actor):
    item = event(
        "e1",
        inputs=VALUE,
        output=VALUE,
        corrected_output={"label": "x"},
        score=0.25,
        thumb=False,
        comment="ü\n'quoted'",
        metrics={"speed": 1.5},
        metadata=VALUE,
        origin="random",
        prompt_hash="a" * 64,
    )
    before = timezone.now()
    feedback_log(actor=actor, item=item)
    row = Feedback.objects.get()
    for name in ("inputs", "output", "corrected_output", "score", "thumb", "comment", "metadata"):
        assert getattr(row, name) == getattr(item, name), name
    assert (row.metrics, row.origin, row.prompt_hash) == ({"speed": 1.5}, "random", "a" * 64)
    assert row.content_hash == item.content_hash
    assert before - timedelta(seconds=1) <= row.created_at <= timezone.now()


@BOTH
def test_what_was_not_said_is_null(actor):
    feedback_log(actor=actor, item=event("e1", output=None))
    row = Feedback.objects.get(
        output__isnull=True, corrected_output__isnull=True, score=None, thumb=None
    )
    assert (row.comment, row.metrics, row.metadata, row.origin) == ("", {}, {}, "user")


@BOTH
def test_the_counter_brings_the_end_of_the_cool_down(actor, asked_for):
    task = TaskFactory(project=Project.objects.get(), threshold=1)
    later = timezone.now() + timedelta(hours=1)
    counter = TaskCounterFactory(task=task, not_before=later)
    feedback_log(actor=actor, item=event("e1", task=task.slug, inputs={"text": "x"}))
    assert asked_for == []
    TaskCounter.objects.filter(pk=counter.pk).update(not_before=timezone.now())
    feedback_log(actor=actor, item=event("e2", task=task.slug, inputs={"text": "x"}))
    assert asked_for == [task.pk]
