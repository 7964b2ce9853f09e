import subprocess
import sys

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
    for artifact, rows, score in [
        *((one, 5, 0.9), (two, 5, 1.0), (two, 5, 0.4), (three, 5, 0.8), (four, 5, 0.1)),
        (three, 10, 0.5),
    ]:
        board.add(artifact, rows, score, {})
    assert [trial.artifact for trial in board.finalists(3)] == [one, two]
    assert board.finalists(1)[0].artifact == one
    assert Leaderboard(full=10).finalists(3) == ()
