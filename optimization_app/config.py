"""What one job was asked to do: the task's settings at its start, with what the caller changed."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any, Self

from django.conf import settings

from kaizen_engine.evaluate.evaluator import Needs
from kaizen_engine.evaluate.spec import DEFAULT, evaluator_from_spec, models_of, normal_spec
from kaizen_engine.states import Split
from optimization_app.config_readers import READERS, TASK_READERS
from projects_app.exceptions import InvalidInput
from tasks_app.models import Task

# A mean over 400 rows is off by some 2 points; each row more costs a call for every candidate.
# Demonstrations are at most 24 and come from a few dozen attempts.
MOST_DEV_ROWS = 400
MOST_TRAIN_ROWS = 200


@dataclass(frozen=True)
class JobConfig:
    """`student` and `teacher` are `<connection slug>/<model>`; `budget_usd` is text for JSON.

    `reasoning` is what the new prompt is to have, None for what the old one has. Of more rows
    than `max_dev_rows` and `max_train_rows` a sample is searched on. With a `dataset_id` the job
    works on the rows of that dataset alone. `students` are more models that the finalists answer
    dev for, beside the one that is searched for. `locked` is the task's, and so are `notes`, the
    wishes, to which a job may add its own.
    """

    optimizer_type: str = "bootstrap"
    num_fewshot_examples: int = 8
    num_trials: int = 9
    budget_usd: str = "5"
    budget_tokens: int | None = None
    minutes: int = 30
    student: str = ""
    teacher: str = ""
    evaluator: Mapping[str, Any] = field(default_factory=lambda: dict(DEFAULT))
    good_score: float = 0.8
    minimum_effect: float = 0.02
    threads: int = 4
    reasoning: bool | None = None
    max_dev_rows: int = MOST_DEV_ROWS
    max_train_rows: int = MOST_TRAIN_ROWS
    dataset_id: str = ""
    students: Sequence[str] = ()
    notes: Sequence[str] = ()
    locked: Sequence[str] = ()

    @classmethod
    def of_task(cls, task: Task, changes: Mapping[str, Any]) -> Self:
        """Return the task's settings with `changes`; raises InvalidInput naming each bad field."""
        read = _own_settings(task, but=changes) | _checked(changes)
        # The job's own come first: a strategy shows its models only so many.
        wishes = [*read.pop("notes", []), *filter(None, map(str.strip, task.notes.splitlines()))]
        return cls(
            **(read | _students(read, changes)),
            good_score=task.good_score,
            minimum_effect=task.minimum_effect,
            threads=settings.CONFIG.job_threads,
            notes=list(dict.fromkeys(wishes)),
            locked=list(task.locked_text),
        )

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        # Jobs that were started before a setting existed have its default.
        if "metric" in stored:
            stored = {"evaluator": normal_spec(stored["metric"]), **stored}
        known = cls.__dataclass_fields__.keys() & stored.keys()
        return cls(**{name: stored[name] for name in known})

    @property
    def most_rows(self) -> Mapping[Split, int]:
        return {Split.TRAIN: self.max_train_rows, Split.DEV: self.max_dev_rows}

    @property
    def models(self) -> frozenset[str]:
        """Return every model the job asks: student, teacher, judges."""
        asked = {self.student, self.teacher or self.student, *self.students}
        return frozenset({*asked, *models_of(self.evaluator)})

    @property
    def is_judged(self) -> bool:
        """Return whether rows without a right answer can be scored."""
        return evaluator_from_spec(self.evaluator).needs is not Needs.EXPECTED

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


# Settings of a task, by the names they have in a job.
OF_A_TASK: Mapping[str, str] = {
    "optimizer_type": "optimizer",
    "num_fewshot_examples": "max_demos",
    "num_trials": "num_trials",
    "reasoning": "reasoning",
    "budget_usd": "budget_usd",
    "budget_tokens": "budget_tokens",
    "minutes": "minutes",
    "evaluator": "evaluator",
}
MODELS = ("student", "teacher")


def _own_settings(task: Task, *, but: Container[str]) -> dict[str, Any]:
    """Return what the job takes from its task, read as strictly as what a caller names."""
    read, errors = {}, {}
    for name, own in OF_A_TASK.items():
        if name in but:
            continue
        try:
            value = getattr(task, own)
            read[name] = TASK_READERS[name](str(value) if isinstance(value, Decimal) else value)
        except (ValueError, TypeError) as error:
            errors[own] = str(error)
    if errors:
        message = f"the task's settings are not valid for a job: {_listed(errors)}"
        raise InvalidInput(message, code="invalid_config", errors=errors)
    return read | {name: getattr(task, name) for name in MODELS}


def _students(read: Mapping[str, Any], changes: Container[str]) -> dict[str, Any]:
    """Search for the first of several students, unless the caller says for which; the others
    answer what was found for it."""
    named = read.get("students", [])
    if not named:
        return {}
    student = read["student"] if "student" in changes else named[0]
    return {"student": student, "students": [name for name in named if name != student]}


def _checked(changes: Mapping[str, Any]) -> dict[str, Any]:
    read, errors = {}, {}
    for name, value in changes.items():
        reader = READERS.get(name)
        try:
            if reader is None:
                errors[f"config.{name}"] = f"is unknown; known are {', '.join(READERS)}"
            else:
                read[name] = reader(value)
        except (ValueError, TypeError) as error:
            errors[f"config.{name}"] = str(error)
    if errors:
        message = "the job's configuration is not valid"
        raise InvalidInput(message, code="invalid_config", errors=errors)
    return read


def _listed(errors: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {why}" for name, why in errors.items())
