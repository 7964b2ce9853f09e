"""The overfitting guard as arithmetic: when a search has begun to learn train rows by heart."""

import pytest

from kaizen_engine.evaluate.runner import Example
from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.optimize.guard import FEWEST_ROWS, gains_by_group, gap_of, guard_rows
from kaizen_engine.optimize.job import NoEvents, run_job
from kaizen_engine.prompts.artifact import Demo
from kaizen_engine.states import StopReason
from tests.engine.optimize.support import (
    CountingProvider,
    generated_rows,
    make_gateway,
    make_spec,
)


def gains(share: float, rows: int = 40) -> dict[str, float]:
    """So many rows of the given share gain a whole point."""
    return {f"group-{place}": float(place < share * rows) for place in range(rows)}


def test_fewer_candidates_than_it_looks_back_say_nothing() -> None:
    assert gap_of([(gains(1.0), gains(0.0))] * 2) is None


def test_a_gain_on_train_alone_is_overfitting_and_one_on_both_is_not() -> None:
    by_heart = gap_of([(gains(0.6), gains(0.1))] * 3)
    learned = gap_of([(gains(0.6), gains(0.5))] * 3)
    assert by_heart is not None
    assert learned is not None
    assert by_heart.is_overfit
    assert not learned.is_overfit
    assert "+60.0 points on train" in by_heart.sentence


def test_only_the_last_three_count() -> None:
    early = [(gains(1.0), gains(0.0))] * 3
    late = [(gains(0.3), gains(0.3))] * 3
    found = gap_of([*early, *late])
    assert found is not None
    assert not found.is_overfit


def test_the_threshold_is_two_standard_errors_of_the_difference() -> None:
    found = gap_of([(gains(0.5), gains(0.25))] * 3)
    assert found is not None
    train = (0.5 * 0.5 / 39) ** 0.5
    dev = (0.25 * 0.75 / 39) ** 0.5
    assert found.error == pytest.approx((train**2 + dev**2) ** 0.5)
    assert found.is_overfit == (2 * found.error < 0.25)


def test_rows_of_a_group_count_once() -> None:
    one, two, other = (
        _row("a", "same"),
        _row("b", "same"),
        _row("c", "other"),
    )
    before, after = {"a": 0.0, "b": 0.0, "c": 1.0}, {"a": 1.0, "b": 0.0, "c": 1.0}
    assert gains_by_group([one, two, other], before, after) == {"same": 0.5, "other": 0.0}


def test_demonstrations_are_no_witnesses_and_too_few_rows_are_none() -> None:
    train = generated_rows(FEWEST_ROWS + 1, 0, 0)
    shown = [Demo(row.inputs, row.outputs) for row in train[:2]]
    assert len(guard_rows(train, shown[:1], seed=0)) == FEWEST_ROWS
    assert train[0] not in guard_rows(train, shown[:1], seed=0)
    assert guard_rows(train, shown, seed=0) == ()
    assert guard_rows(train, [], seed=0) != guard_rows(train, [], seed=1)


def test_a_random_search_warns_and_goes_on() -> None:
    rows = generated_rows(80, 40, 40)
    known = {str(row.inputs["text"]): row.outputs["colour"] for row in rows[:80]}

    def by_heart(_number: int, request: ChatRequest) -> ChatResponse:
        """Know train rows as soon as there are demonstrations, and nothing else."""
        asked = str(request.messages[-1]["content"]).removeprefix("Message: ")
        answer = known.get(asked, "?") if len(request.messages) > 2 else "?"
        return ChatResponse(str(answer), 5, 1)

    provider = CountingProvider(before=by_heart)
    outcome = run_job(make_spec(rows), make_gateway(provider), NoEvents())
    warned = [trial for trial in outcome.trials if trial.warning]
    assert outcome.stop_reason is StopReason.FINISHED
    assert len(outcome.trials) == 6
    assert warned
    assert warned[0].number > 3


def _row(row_id: str, group: str) -> Example:
    row = generated_rows(1, 0, 0)[0]
    return Example(
        row_id, row.inputs, row.outputs, row.split, group, row.origin, deciding=row.deciding
    )
