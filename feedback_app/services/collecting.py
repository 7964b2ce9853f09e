"""A dataset that people collect by hand: rows that are examples already, under a name."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from feedback_app.models import Dataset, Example
from feedback_app.selectors import FEEDBACK_IMPORT
from feedback_app.services.datasets import dataset_create
from feedback_app.services.mislabelled import require_open_row
from kaizen_engine.states import Split
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput
from projects_app.services.audit import audit_record
from tasks_app.models import Task

LONGEST_NAME = 200


@transaction.atomic
def examples_collect(
    *, actor: Actor, task: Task, name: str, examples: Iterable[Example]
) -> tuple[Dataset, int]:
    """Put the examples into the prompt's collection of this name; return it and how many came.

    The first row makes the collection, which a job may choose at once. A row is in one dataset:
    those that are in another one stay there. Raises NotAllowed, NotHere, InvalidInput, and
    Conflict `taken` for the name of a file's dataset, which is closed.
    """
    rows = list(examples)
    for row in rows:
        require_open_row(actor, row)
    dataset = _collection(actor, task, name.strip())
    free = Example.objects.filter(pk__in=[row.pk for row in rows], task=task, dataset=None)
    come = free.exclude(split=Split.TEST.value).update(dataset=dataset, is_seen=True)
    if not come:
        return dataset, 0
    counted = dataset.examples.aggregate(rows=Count("pk"))["rows"]
    dataset.report = {"stored": counted, "failed": 0, "problems": []}
    dataset.save(update_fields=["report"])
    audit_record(actor=actor, action="kaizen.dataset.collected", subject=dataset, rows=come)
    return dataset, come


def _collection(actor: Actor, task: Task, name: str) -> Dataset:
    known = Dataset.objects.filter(task=task, name=name).order_by("pk").first()
    if name == FEEDBACK_IMPORT or (known is not None and known.file_name):
        message = f"the dataset {name} has its own rows; choose another name"
        raise Conflict(message, code="taken")
    if known is not None:
        return known
    if len(name) > LONGEST_NAME:
        message = "must have at most 200 characters"
        raise InvalidInput(f"the name {message}", errors={"name": message})
    dataset = dataset_create(actor=actor, project=task.project, task=task, name=name)
    # Nothing is on its way as it is with a file: jobs may read it from the start.
    dataset.frozen_at = timezone.now()
    dataset.report = {"stored": 0, "failed": 0, "problems": []}
    dataset.save(update_fields=["frozen_at", "report"])
    return dataset
