"""How each setting of a job is read: strictly, and refused in the words that its caller is shown.

A reader returns what is stored, or raises ValueError or TypeError.
"""

import uuid
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from kaizen_engine.evaluate.evaluator import InvalidEvaluator
from kaizen_engine.evaluate.spec import evaluator_from_spec, normal_spec
from kaizen_engine.optimize.strategy import STRATEGIES

LARGEST_BUDGET_USD = Decimal(100_000)
LARGEST_TOKENS = 10**12
MOST_STUDENTS = 5
MOST_WISHES = 10
LONGEST_WISH = 600


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
# A job takes its evaluator from the task alone.
TASK_READERS: Mapping[str, Callable[[Any], Any]] = {**READERS, "evaluator": _evaluator}
