import subprocess
import sys

import pytest

from kaizen_engine.optimize.strategy import (
    STRATEGIES,
    Leaderboard,
    best_in_full,
    load_strategy,
)
from tests.engine.optimize.support import SEED_PROMPT


def rows(count: int, score: float) -> dict[str, float]:
    return {f"row-{number}": score for number in range(count)}


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_registered_strategy_can_be_loaded(name: str) -> None:
    assert callable(load_strategy(name))


def test_an_unknown_strategy_is_refused_by_naming_those_there_are() -> None:
    with pytest.raises(LookupError, match="bootstrap"):
        load_strategy("alchemy")


def test_a_score_on_few_rows_never_beats_one_on_all() -> None:
    board = Leaderboard(full=10)
    few = board.add(SEED_PROMPT, rows(5, 1.0), {})
    full = board.add(SEED_PROMPT, rows(10, 0.4), {})
    board.add(SEED_PROMPT, rows(5, 1.0), {})
    assert board.best is full
    assert (few.is_full, full.is_full) == (False, True)
    assert [trial.is_best for trial in board.trials] == [True, True, False]


def test_train_rows_make_a_minibatch_however_many_they_are() -> None:
    board = Leaderboard(full=10, part="search")
    full = board.add(SEED_PROMPT, rows(10, 0.4), {})
    many = board.add(SEED_PROMPT, rows(30, 1.0), {}, is_minibatch=True)
    assert board.best is full
    assert (full.part, full.rows) == ("search", rows(10, 0.4))
    assert (many.part, many.is_full, many.rows) == ("train", False, {})


def test_the_best_in_full_are_different_candidates_the_first_of_equal_ones_first() -> None:
    board = Leaderboard(full=2)
    one, two, three = (SEED_PROMPT.with_(system=name) for name in ("1", "2", "3"))
    for artifact, score in ((one, 0.5), (two, 0.5), (one, 0.5), (three, 1.0)):
        board.add(artifact, rows(2, score), {})
    board.add(two, rows(1, 1.0), {})
    assert [trial.artifact for trial in best_in_full(board.trials, 2)] == [three, one]


def test_of_equal_scores_the_first_one_leads() -> None:
    board = Leaderboard(full=10)
    first = board.add(SEED_PROMPT, rows(10, 0.5), {})
    assert not board.add(SEED_PROMPT, rows(10, 0.5), {}).is_best
    assert board.best is first


def test_no_strategy_and_no_vendor_brings_litellm_in() -> None:
    code = (
        "import sys\n"
        "from kaizen_engine.llm.vendors import VENDOR_URLS, Wire\n"
        "from kaizen_engine.optimize.dspy_native import NativeProvider\n"
        "from kaizen_engine.optimize.strategy import STRATEGIES, load_strategy\n"
        "for name in STRATEGIES: load_strategy(name)\n"
        "for wire, url in VENDOR_URLS.items(): NativeProvider(url, 'k', wire=Wire(wire))\n"
        "sys.exit('litellm' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_finalists_are_the_best_partial_means_without_those_scored_in_full() -> None:
    board = Leaderboard(full=10)
    one, two, three, four = (SEED_PROMPT.with_(system=name) for name in ("1", "2", "3", "4"))
    for artifact, count, score in [
        *((one, 5, 0.9), (two, 5, 1.0), (two, 5, 0.4), (three, 5, 0.8), (four, 5, 0.1)),
        (three, 10, 0.5),
    ]:
        board.add(artifact, rows(count, score), {})
    assert [trial.artifact for trial in board.finalists(3)] == [one, two]
    assert board.finalists(1)[0].artifact == one
    assert Leaderboard(full=10).finalists(3) == ()
