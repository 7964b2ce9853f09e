"""An example that a person accepts by hand: it teaches, and never becomes hold-out."""

from collections.abc import Mapping
from typing import Any

from feedback_app.models import Example, Feedback
from kaizen_engine.data.split import group_key
from kaizen_engine.states import Origin
from tasks_app.fit import as_label
from tasks_app.models import Task


def example_accept(
    *,
    task: Task,
    inputs: Mapping[str, Any],
    outputs: Any,
    feedback: Feedback | None = None,
) -> Example:
    """Return the new example; raises InvalidInput for an answer that is none of this task's.

    A person has seen it, so its group is never dealt to the hold-out, and it decides nothing.
    """
    return Example.objects.create(
        task=task,
        feedback=feedback,
        inputs=dict(inputs),
        outputs=as_label(task, outputs),
        group=group_key(inputs),
        origin=feedback.origin if feedback else Origin.GENERATED.value,
        is_seen=True,
    )
