"""From an item of the wire to a row of its task: the task found, the content made to fit."""

from collections.abc import Iterable
from typing import Any

from uuid_utils.compat import uuid7

from feedback_app.wire import FeedbackItem
from kaizen_engine.states import Origin
from projects_app.actors import Actor
from projects_app.exceptions import NotHere
from projects_app.models import Role, Scope
from tasks_app.fit import as_label, as_output, check_inputs
from tasks_app.models import Task
from tasks_app.selectors import tasks_by_slug
from tasks_app.services import task_infer

ROWS_OF_A_DATASET = frozenset({Origin.IMPORT.value, Origin.GENERATED.value})


class RowMaker:
    """Makes the rows of one request; its tasks are read at once."""

    def __init__(self, actor: Actor, items: Iterable[FeedbackItem]) -> None:
        self.actor = actor
        self.tasks = tasks_by_slug(actor.project_id, {item.task for item in items})

    def row(self, item: FeedbackItem) -> dict[str, Any]:
        """Return the row to store, or raise InvalidInput, NotHere or NotAllowed."""
        task = self._task(item)
        check_inputs(task, item.inputs)
        return {
            "public_id": uuid7().hex,
            "project_id": task.project_id,
            "task_id": task.pk,
            "event_id": item.event_id,
            "content_hash": item.content_hash,
            "inputs": item.inputs,
            "output": as_output(task, item.output),
            "score": item.score,
            "thumb": item.thumb,
            "comment": item.comment or "",
            "corrected_output": as_label(task, item.corrected_output),
            "metrics": item.metrics or {},
            "metadata": item.metadata or {},
            "origin": self._origin(task, item),
            "prompt_hash": item.prompt_hash or "",
        }

    def _task(self, item: FeedbackItem) -> Task:
        if item.task not in self.tasks:
            self.tasks[item.task] = self._inferred(item)
        return self.tasks[item.task]

    def _inferred(self, item: FeedbackItem) -> Task:
        if not self.actor.allows(role=Role.EDITOR, scope=Scope.TASK_CREATE):
            raise NotHere(f"there is no task {item.task!r} for this key", code="unknown_task")
        output = item.output if item.corrected_output is None else item.corrected_output
        return task_infer(actor=self.actor, slug=item.task, inputs=item.inputs, output=output)

    def _origin(self, task: Task, item: FeedbackItem) -> str:
        """A row of a dataset may come to decide a verdict, so it takes the right to add one."""
        if item.origin in ROWS_OF_A_DATASET:
            self.actor.require(role=Role.EDITOR, scope=Scope.DATASET_WRITE)
        return item.origin or task.feedback_origin
