"""What trying texts out would cost, counted from the very requests; no model is asked."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kaizen_engine.evaluate.runner import build_request
from kaizen_engine.evaluate.spec import Asked, asked_models, models_of
from kaizen_engine.llm.pricing import cost, request_upper_bound
from kaizen_engine.llm.types import ChatRequest, Price
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.prompts.render import RenderError
from llm_app.gateways import price_of
from optimization_app.services.guessed_tokens import (
    BYTES_PER_TOKEN,
    HIGH,
    LOW,
    request_tokens,
    tokens_in,
)
from projects_app.exceptions import InvalidInput
from prompts_app.models import PromptVersion
from tasks_app.models import Task

LEAST_ANSWER_TOKENS = 8
USUAL_ANSWER_TOKENS = 40
JUDGE_ANSWER_TOKENS = 60
JUDGE_MOST_ANSWER = 1024


@dataclass(frozen=True)
class Variant:
    """A text to try, as it was edited from `base`, and the model that answers."""

    base: PromptVersion
    artifact: PromptArtifact
    model: str

    def to_json(self, most: Decimal) -> dict[str, Any]:
        return {
            "from": self.base.number,
            "artifact": self.artifact.to_dict(),
            "model": self.model,
            "most_usd": str(most),
        }


@dataclass(frozen=True)
class Row:
    """Inputs to try, with the expected outputs where somebody knows them."""

    inputs: Mapping[str, Any]
    expected: Mapping[str, Any]
    example: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "inputs": dict(self.inputs),
            "expected": dict(self.expected),
            "example": self.example,
        }


@dataclass(frozen=True)
class Cost:
    """`low` to `high` is likely; `most` is the cap, which no call passes."""

    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    most: Decimal = Decimal(0)

    def plus(self, other: "Cost") -> "Cost":
        return Cost(self.low + other.low, self.high + other.high, self.most + other.most)

    @property
    def capped(self) -> "Cost":
        return Cost(min(self.low, self.most), min(self.high, self.most), self.most)


@dataclass(frozen=True)
class Prices:
    """The prices of every model that a run asks, and how it asks the judges."""

    by_model: Mapping[str, Price]
    judges: Sequence[Asked]
    answered: int

    @classmethod
    def of(
        cls, task: Task, variants: Iterable[Variant], rows: Sequence[Row], *, is_scored: bool
    ) -> "Prices":
        """Raises PriceUnknown and NotHere for a model that cannot be asked."""
        models = {one.model for one in variants}
        models |= set(models_of(task.evaluator)) if is_scored else set()
        return cls(
            {model: price_of(task.project, model) for model in sorted(models)},
            asked_models(task.evaluator) if is_scored else [],
            _answer_tokens(rows),
        )

    def cost_of(self, variant: Variant, row: Row) -> Cost:
        request = request_for(variant, row)
        found = self._answer(request)
        for judge in self.judges:
            found = found.plus(self._judging(judge, request))
        return found

    def _answer(self, request: ChatRequest) -> Cost:
        price = self.by_model[request.model]
        sent = request_tokens(request)
        low, high = (
            cost(price, math.ceil(share * sent), math.ceil(share * self.answered))
            for share in (LOW, HIGH)
        )
        return Cost(low, high, cost(price, request_upper_bound(request), request.max_tokens))

    def _judging(self, judge: Asked, request: ChatRequest) -> Cost:
        price = self.by_model[judge.model]
        shown = judge.sent + request_tokens(request) + self.answered
        low, high = (
            cost(price, math.ceil(calls * shown), math.ceil(calls * JUDGE_ANSWER_TOKENS))
            for calls in (judge.low, judge.high)
        )
        bound = BYTES_PER_TOKEN * judge.sent + 2 * request_upper_bound(request)
        return Cost(low, high, math.ceil(judge.high) * cost(price, bound, JUDGE_MOST_ANSWER))

    def judge_calls(self, answers: int) -> tuple[int, int]:
        low, high = (sum(one.low for one in self.judges), sum(one.high for one in self.judges))
        return math.ceil(answers * low), math.ceil(answers * high)


def request_for(variant: Variant, row: Row) -> ChatRequest:
    """Return the call that would ship; raises InvalidInput for inputs that cannot be rendered."""
    try:
        return build_request(variant.artifact, row.inputs, variant.model)
    except (RenderError, ValueError) as error:
        message = str(error)
        raise InvalidInput(message, code="not_rendered", errors={"inputs": message}) from error


def _answer_tokens(rows: Sequence[Row]) -> int:
    known = [tokens_in(str(dict(row.expected))) for row in rows if row.expected]
    if not known:
        return USUAL_ANSWER_TOKENS
    return max(LEAST_ANSWER_TOKENS, round(sum(known) / len(known)))
