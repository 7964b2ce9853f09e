"""The calls that an evaluator's models are asked, for every answer that a job scores."""

from collections.abc import Sequence
from dataclasses import dataclass

from kaizen_engine.evaluate.spec import Asked
from kaizen_engine.llm.types import Price
from kaizen_engine.optimize.call_loads import Load, MeanTokens, Range

# A verdict with its reason in a sentence or two.
_VERDICT_TOKENS = 80


@dataclass(frozen=True)
class PricedJudge:
    asked: Asked
    price: Price | None


def judge_loads(found: Range, tokens: MeanTokens, judges: Sequence[PricedJudge]) -> Range:
    """Count the judges' calls from those of the job itself.

    At least every answer of the student is judged; at most all that was asked, the teacher's tries
    for demonstrations too. An answer that was judged before, or that equals what it is compared
    with, costs nothing, so that a run may stay below the lower figure.
    """
    low, high = found
    answers = sum(load.calls for load in low if not load.is_teachers)
    most = sum(load.calls for load in high)
    # Of the inputs and the two answers, or the answer and its reference.
    shown = tokens.demo + tokens.answer
    return (
        [_load(answers * judge.asked.low, judge, shown) for judge in judges],
        [_load(most * judge.asked.high, judge, shown) for judge in judges],
    )


def _load(calls: float, judge: PricedJudge, shown: float) -> Load:
    return Load(calls, judge.asked.sent + shown, _VERDICT_TOKENS, price=judge.price)
