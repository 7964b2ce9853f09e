"""What one job was asked to do: the task's settings at its start, with what the caller changed."""

import uuid
from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Self

from django.conf import settings

from kaizen_engine.evaluate.evaluator import InvalidEvaluator, Needs
from kaizen_engine.evaluate.spec import DEFAULT, evaluator_from_spec, models_of, normal_spec
from kaizen_engine.optimize.strategy import STRATEGIES
from kaizen_engine.states import Split
from projects_app.exceptions import InvalidInput
from tasks_app.models import Task

LARGEST_BUDGET_USD = Decimal(100_000)
LARGEST_TOKENS = 10**12
# A mean over 400 rows is off by some 2 points; each row more costs a call for every candidate.
# Demonstrations are at most 24 and come from a few dozen attempts.
MOST_DEV_ROWS = 400
MOST_TRAIN_ROWS = 200
MOST_STUDENTS = 5
MOST_WISHES = 10
LONGEST_WISH = 600


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


def _integer(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            message = f"must be a whole number from {low} to {high}"
            raise ValueError(message)
        return value

    return read


def _money(value: Any) -> str:
    message = f"must be an amount from 0 to {LARGEST_BUDGET_USD}"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(message)
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(message) from error
    if not amount.is_finite() or not 0 <= amount <= LARGEST_BUDGET_USD:
        raise ValueError(message)
    return str(amount.quantize(Decimal("0.0001")))


def _model(value: Any) -> str:
    slug, _, model = value.partition("/") if isinstance(value, str) else ("", "", "")
    if not slug or not model:
        message = "must be written <connection>/<model>"
        raise ValueError(message)
    return str(value)


def _models(value: Any) -> list[str]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_STUDENTS:
        message = f"must be a list of 1 to {MOST_STUDENTS} models"
        raise ValueError(message)
    return list(dict.fromkeys(_model(item) for item in value))


def _one_of(known: Collection[str]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            message = f"must be one of {', '.join(sorted(known))}"
            raise ValueError(message)
        return value

    return read


def _evaluator(value: Any) -> dict[str, Any]:
    try:
        evaluator_from_spec(value)
    except InvalidEvaluator as error:
        raise ValueError(str(error)) from error
    return normal_spec(value)


def _public_id(value: Any) -> str:
    try:
        return str(uuid.UUID(str(value)))
    except ValueError as error:
        message = "must be the id of a dataset"
        raise ValueError(message) from error


def _wishes(value: Any) -> list[str]:
    message = f"must be a list of at most {MOST_WISHES} texts of {LONGEST_WISH} characters"
    if not isinstance(value, list) or len(value) > MOST_WISHES:
        raise ValueError(message)
    if not all(isinstance(wish, str) and len(wish) <= LONGEST_WISH for wish in value):
        raise ValueError(message)
    # One a line, as in the task's own.
    lines = (" ".join(wish.split()) for wish in value)
    return [line for line in dict.fromkeys(lines) if line]


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        message = "must be true or false"
        raise TypeError(message)
    return value


def _or_none(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


READERS: Mapping[str, Callable[[Any], Any]] = {
    "optimizer_type": _one_of(STRATEGIES),
    "num_fewshot_examples": _integer(1, 24),
    "num_trials": _integer(1, 15),
    "budget_usd": _money,
    "budget_tokens": _or_none(_integer(0, LARGEST_TOKENS)),
    "minutes": _integer(1, 30),
    "student": _model,
    "students": _models,
    "teacher": _model,
    "reasoning": _or_none(_flag),
    "max_dev_rows": _integer(20, 5000),
    "max_train_rows": _integer(5, 5000),
    "dataset_id": _public_id,
    "notes": _wishes,
}
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
    readers = {**READERS, "evaluator": _evaluator}
    for name, own in OF_A_TASK.items():
        if name in but:
            continue
        try:
            value = getattr(task, own)
            read[name] = readers[name](str(value) if isinstance(value, Decimal) else value)
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
