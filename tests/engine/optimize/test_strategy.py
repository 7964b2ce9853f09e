import pytest

from kaizen_engine.optimize.strategy import STRATEGIES, Leaderboard, load_strategy
from tests.engine.optimize.support import SEED_PROMPT


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_registered_strategy_can_be_loaded(name: str) -> None:
    assert callable(load_strategy(name))


def test_an_unknown_strategy_is_refused_by_naming_those_there_are() -> None:
    with pytest.raises(LookupError, match="bootstrap"):
        load_strategy("alchemy")


def test_a_score_on_few_rows_never_beats_one_on_all() -> None:
    board = Leaderboard(full=10)
    few = board.add(SEED_PROMPT, 5, 1.0, {})
    full = board.add(SEED_PROMPT, 10, 0.4, {})
    board.add(SEED_PROMPT, 5, 1.0, {})
    assert board.best is full
    assert (few.is_full, full.is_full) == (False, True)
    assert [trial.is_best for trial in board.trials] == [True, True, False]


def test_of_equal_scores_the_first_one_leads() -> None:
    board = Leaderboard(full=10)
    first = board.add(SEED_PROMPT, 10, 0.5, {})
    assert not board.add(SEED_PROMPT, 10, 0.5, {}).is_best
    assert board.best is first
