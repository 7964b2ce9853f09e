"""Datasets, and what a member declares about them."""

from django.db import transaction

from feedback_app.models import Dataset, Example
from feedback_app.services.examples import leakage_of
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput, NotHere
from projects_app.models import Project, Role, Scope
from projects_app.services.audit import audit_record
from tasks_app.models import Task

MOST_COMPARED = 20_000


@transaction.atomic
def dataset_create(
    *,
    actor: Actor,
    project: Project,
    task: Task | None,
    name: str,
    is_representative: bool = False,
) -> Dataset:
    """Create an empty dataset. The name `feedback import` speaks for rows logged as `import`."""
    actor.require(role=Role.EDITOR, scope=Scope.DATASET_WRITE)
    if actor.project_id != project.pk or (task and task.project_id != project.pk):
        raise NotHere("there is no such project or task for this actor")
    if not name.strip():
        raise InvalidInput("a dataset needs a name", errors={"name": "is empty"})
    dataset = Dataset.objects.create(
        project=project, task=task, name=name, is_representative=is_representative
    )
    audit_record(
        actor=actor,
        action="kaizen.dataset.created",
        subject=dataset,
        name=name,
        is_representative=is_representative,
    )
    return dataset


@transaction.atomic
def dataset_declare(*, actor: Actor, dataset: Dataset, is_representative: bool) -> Dataset:
    """Say whether the rows are a random sample of the traffic; only such rows decide verdicts."""
    actor.require(role=Role.EDITOR, scope=Scope.DATASET_WRITE)
    if actor.project_id != dataset.project_id:
        raise NotHere("there is no such dataset for this actor")
    changed = Dataset.objects.filter(pk=dataset.pk, is_representative=not is_representative)
    if changed.update(is_representative=is_representative):
        audit_record(
            actor=actor,
            action="kaizen.dataset.declared",
            subject=dataset,
            is_representative=is_representative,
        )
    dataset.refresh_from_db()
    return dataset


@transaction.atomic
def dataset_compare(*, actor: Actor, dataset: Dataset) -> Dataset:
    """Note what dev and hold-out share with train by now; raises InvalidInput for too many rows."""
    actor.require(role=Role.EDITOR, scope=Scope.DATASET_WRITE, project_id=dataset.project_id)
    placed = Example.objects.filter(dataset=dataset, dismissed_at=None).exclude(split="")
    rows = list(placed[: MOST_COMPARED + 1])
    if len(rows) > MOST_COMPARED:
        raise InvalidInput(f"it has more than {MOST_COMPARED} rows; a job compares those it uses")
    locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
    locked.report = {**locked.report, "leakage": leakage_of(rows)}
    locked.save(update_fields=["report"])
    leaking = locked.report["leakage"]["leaking"]
    audit_record(actor=actor, action="kaizen.dataset.compared", subject=locked, leaking=leaking)
    return locked
