"""The same job again, on the rows, prices and live version of today."""

from typing import Any

from kaizen_engine.states import JobKind, Split
from optimization_app.config import JobConfig
from optimization_app.config_readers import READERS
from optimization_app.models import Job
from optimization_app.services.evaluate import SETTINGS, evaluation_start
from optimization_app.services.evaluate_rows import ALL, OPEN_SPLITS, RowsAsked
from optimization_app.services.start import job_start
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput
from tasks_app.models import Task

TRIGGER = "rerun"


def job_rerun(*, actor: Actor, job: Job, confirm: bool = False) -> tuple[Job, bool]:
    """Queue it, or return the live one of the prompt with False.

    A look at the hold-out is not repeated unasked: InvalidInput `look_required`. Raises besides
    what starting the job raises.
    """
    if job.kind == JobKind.OPTIMIZE:
        config = changes_of(job)
        return job_start(
            actor=actor, task=job.task, trigger=TRIGGER, config=config, confirm=confirm
        )
    return _evaluate(actor, job, confirm=confirm)


def changes_of(job: Job) -> dict[str, Any]:
    """Return what the job was asked for, in the words in which a new one is."""
    stored = JobConfig.from_json(job.config)
    said = {name: value for name, value in stored.to_json().items() if name in READERS}
    said["notes"] = own_wishes(job.task, stored)
    if stored.students:
        said["students"] = [stored.student, *stored.students]
    required = ("student", "teacher", "students", "dataset_id")
    return {name: value for name, value in said.items() if value or name not in required}


def own_wishes(task: Task, config: JobConfig) -> list[str]:
    """Return the wishes that were given to the job beside those of its task."""
    tasks = {line.strip() for line in task.notes.splitlines()}
    return [wish for wish in config.notes if wish not in tasks]


def _evaluate(actor: Actor, job: Job, *, confirm: bool) -> tuple[Job, bool]:
    asked, version = RowsAsked.of(job), job.result_version
    if asked is None or version is None:
        raise Conflict("the version that it measured is gone", code="no_version")
    if asked.has_look:
        message = "it looked at the hold-out, and every look asks more of the next one: ask anew"
        raise InvalidInput(message, code="look_required", errors={"look": message})
    stored = JobConfig.from_json(job.config).to_json()
    return evaluation_start(
        actor=actor,
        version=version,
        trigger=TRIGGER,
        split=_split(asked),
        alone=job.seed_version_id == version.pk,
        config={name: stored[name] for name in SETTINGS if stored[name]},
        confirm=confirm,
    )


def _split(asked: RowsAsked) -> str:
    if set(asked.splits) == set(OPEN_SPLITS):
        return ALL
    return asked.splits[0] if asked.splits else Split.DEV.value
