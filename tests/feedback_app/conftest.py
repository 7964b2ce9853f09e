"""A task to judge, and the smallest item that judges it."""

import pytest

from feedback_app.signals import threshold_reached
from tasks_app.models import Task
from tests.factories.tasks import TaskFactory

ADDRESS = "/api/v1/feedback"
BATCH_ADDRESS = "/api/v1/feedback/batch"


@pytest.fixture
def task(project) -> Task:
    return TaskFactory(project=project, slug="triage")


@pytest.fixture
def item(task):
    """Return a maker of items as they come over the wire, each an event of its own."""
    made = iter(range(10_000))

    def make(**changes):
        number = next(made)
        return {
            "task": task.slug,
            "inputs": {"text": f"message {number}"},
            "output": "billing",
            "score": 1.0,
            "event_id": f"event-{number}",
        } | changes

    return make


@pytest.fixture
def asked_for():
    """Return the ids of the tasks for which a job was asked."""
    asked = []

    def note(sender, task_id, **_):
        asked.append(task_id)

    threshold_reached.connect(note)
    yield asked
    threshold_reached.disconnect(note)
