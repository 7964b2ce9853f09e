"""What one job was asked to do: the task's settings at its start, with what the caller changed."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Self

from django.conf import settings

from kaizen_engine.optimize.strategy import STRATEGIES
from projects_app.exceptions import InvalidInput
from tasks_app.models import Task

LARGEST_BUDGET_USD = Decimal(100_000)
LARGEST_TOKENS = 10**12


@dataclass(frozen=True)
class JobConfig:
    """`student` and `teacher` are `<connection slug>/<model>`; `budget_usd` is text for JSON.

    `reasoning` is what the new prompt is to have, None for what the old one has.
    """

    optimizer_type: str
    num_fewshot_examples: int
    num_trials: int
    budget_usd: str
    budget_tokens: int | None
    minutes: int
    student: str
    teacher: str
    metric: str
    good_score: float
    minimum_effect: float
    threads: int
    reasoning: bool | None = None

    @classmethod
    def of_task(cls, task: Task, changes: Mapping[str, Any]) -> Self:
        """Return the task's settings with `changes`; raises InvalidInput naming each bad field."""
        base: dict[str, Any] = {
            "optimizer_type": task.optimizer,
            "num_fewshot_examples": task.max_demos,
            "num_trials": task.num_trials,
            "budget_usd": str(task.budget_usd),
            "budget_tokens": task.budget_tokens,
            "minutes": task.minutes,
            "student": task.student,
            "teacher": task.teacher,
        }
        return cls(
            **(base | _checked(changes)),
            metric=task.metric,
            good_score=task.good_score,
            minimum_effect=task.minimum_effect,
            threads=settings.CONFIG.job_threads,
        )

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        # Jobs that were started before a setting existed have its default.
        known = cls.__dataclass_fields__.keys() & stored.keys()
        return cls(**{name: stored[name] for name in known})

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


def _optimizer(value: Any) -> str:
    if value not in STRATEGIES:
        message = f"must be one of {', '.join(sorted(STRATEGIES))}"
        raise ValueError(message)
    return str(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        message = "must be true or false"
        raise TypeError(message)
    return value


def _or_none(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


READERS: Mapping[str, Callable[[Any], Any]] = {
    "optimizer_type": _optimizer,
    "num_fewshot_examples": _integer(1, 24),
    "num_trials": _integer(1, 15),
    "budget_usd": _money,
    "budget_tokens": _or_none(_integer(0, LARGEST_TOKENS)),
    "minutes": _integer(1, 30),
    "student": _model,
    "teacher": _model,
    "reasoning": _or_none(_flag),
}


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
