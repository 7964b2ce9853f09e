"""What is told to a model that improves the prompt: reviews of answers, rows as DSPy shows them."""

from collections.abc import Iterable, Mapping
from typing import Any

from kaizen_engine.evaluate.evaluator import Evaluated
from kaizen_engine.evaluate.runner import Example, RowScore, case_of
from kaizen_engine.optimize.dspy_adapter import VanillaAdapter
from kaizen_engine.optimize.dspy_search import metric_failure
from kaizen_engine.optimize.feedback_text import Review
from kaizen_engine.optimize.strategy import SearchRequest

_TOTAL = "score"


def review_of(
    request: SearchRequest, adapter: VanillaAdapter, row: Example, prediction: Any
) -> Review:
    """Score a prediction and say what is known of it. Raises JobAbort where that fails."""
    output = adapter.to_outputs(prediction or {})
    if not output or any(value is None for value in output.values()):
        problem = str((prediction or {}).get("parse_error", "there was no answer"))
        return Review({}, row.outputs, {_TOTAL: 0.0}, comments_on(row), problem=problem)
    try:
        found = request.metric.evaluate(case_of(row, output))
    except Exception as error:
        raise metric_failure(error) from error
    return reviewed(row, output, found)


def reviewed(row: Example, output: Mapping[str, Any], found: Evaluated) -> Review:
    return Review(
        output=output,
        expected=row.outputs,
        scores=_scores(found.score, found.parts),
        comments=comments_on(row),
        reasons={name: reason for name, reason in found.reasons.items() if reason},
    )


def review_of_row(row: Example, scored: RowScore) -> Review:
    """Say what is known of an answer that was scored already."""
    return Review(
        output=scored.output or {},
        expected=row.outputs,
        scores=_scores(scored.score, scored.parts),
        comments=comments_on(row),
        reasons={name: reason for name, reason in scored.reasons.items() if reason},
        problem=scored.parse_error,
    )


def comments_on(row: Example) -> tuple[str, ...]:
    return (row.comment,) if row.comment else ()


def records_of(pairs: Iterable[tuple[Example, RowScore]]) -> list[dict[str, Any]]:
    """Return scored rows in the shape that GEPA's reflection shows as well."""
    return [
        {
            "Inputs": dict(row.inputs),
            "Generated Outputs": dict(scored.output or {}),
            "Feedback": review_of_row(row, scored).text,
        }
        for row, scored in pairs
    ]


def lesson_records(lessons: Iterable[Example]) -> list[dict[str, Any]]:
    """Return answers that people found bad, of which nobody said what would have been right."""
    return [
        {
            "Inputs": dict(row.inputs),
            "Generated Outputs": dict(row.rated_output or {}),
            "Feedback": Review({}, {}, {"rated": row.rated_score or 0.0}, comments_on(row)).text,
        }
        for row in lessons
    ]


def _scores(total: float, parts: Mapping[str, float]) -> dict[str, float]:
    """Return each part's score, and the total where that is not the only one."""
    return dict(parts) if len(parts) == 1 else {_TOTAL: total, **parts}
