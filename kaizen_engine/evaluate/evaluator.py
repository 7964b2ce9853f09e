"""What an evaluator reads and what it says: one answer in, a score with its reasons out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Protocol

from kaizen_engine.errors import KaizenError
from kaizen_engine.llm.types import ChatRequest, ChatResponse

Vote = Mapping[str, Any]


class Tier(IntEnum):
    """What a score costs: cheap tiers are asked first."""

    DETERMINISTIC = 0
    REFERENCE = 1
    EMBEDDING = 2
    JUDGE = 3


class Needs(StrEnum):
    """What a row must have, beside the answer, to be scored."""

    NOTHING = "nothing"
    EXPECTED = "expected"
    EXPECTED_OR_RATED = "expected_or_rated"


@dataclass(frozen=True)
class Case:
    """One answer to be scored. `output` was parsed from `text`; `expected` may be empty.

    `rated` is an earlier answer to the same inputs that somebody gave `rated_score` and perhaps
    `comment`; rows without an expected output have one.
    """

    id: str
    inputs: Mapping[str, Any]
    expected: Mapping[str, Any]
    output: Mapping[str, Any]
    text: str = ""
    comment: str = ""
    rated: Mapping[str, Any] | None = None
    rated_score: float | None = None


@dataclass(frozen=True)
class Mark:
    """What one evaluator says: from 0 to 1, with the reason in words and a judge's votes."""

    score: float
    reason: str = ""
    votes: Sequence[Vote] = ()


@dataclass(frozen=True)
class Evaluated:
    """The score from 0 to 1, with those of its parts by name.

    `failed_hard`: a check that must hold did not, and parts that cost money were not asked.
    """

    score: float
    parts: Mapping[str, float]
    reasons: Mapping[str, str]
    votes: Mapping[str, Sequence[Vote]] = field(default_factory=dict)
    failed_hard: bool = False


class Evaluator(Protocol):
    """Scores answers; called from many threads."""

    @property
    def tier(self) -> Tier: ...

    @property
    def needs(self) -> Needs: ...

    def evaluate(self, case: Case) -> Evaluated:
        """Return the score of one answer. Raises JobAbort where a judge cannot be asked."""
        ...


class Door(Protocol):
    """The models an evaluator may ask; `kaizen_engine.llm.gateway.Gateway` is one."""

    def complete(
        self, request: ChatRequest, *, role: str, sample: int | None = None
    ) -> ChatResponse: ...


class InvalidEvaluator(KaizenError):
    """A spec that no evaluator can be made of; `errors` has each place and what is wrong there."""

    code = "invalid_evaluator"

    def __init__(self, errors: Mapping[str, str]) -> None:
        listed = "; ".join(f"{place} {what}" if place else what for place, what in errors.items())
        super().__init__(f"the evaluator is not valid: {listed}")
        self.errors = dict(errors)


class NoModels:
    """The door of a place without models, such as a form: deterministic parts work."""

    def complete(
        self, request: ChatRequest, *, role: str, sample: int | None = None
    ) -> ChatResponse:
        message = f"{request.model} cannot be asked here"
        raise KaizenError(message)


Score = Callable[[Case], Mark]
