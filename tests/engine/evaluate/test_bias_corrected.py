import itertools

import numpy as np
import pytest

from kaizen_engine.evaluate.bias_corrected import DevScores, bias_corrected, draws_for
from kaizen_engine.evaluate.significance import alpha_for_look

ALPHA = alpha_for_look(1)


def dev_scores(matrix, groups=None, deciding=None):
    """The first row of the matrix is the baseline."""
    baseline, *candidates = [list(map(float, scores)) for scores in matrix]
    rows = len(baseline)
    return DevScores(
        baseline,
        candidates,
        groups or [f"group-{number:03}" for number in range(rows)],
        deciding or [True] * rows,
    )


def algorithm_2(configurations):
    """Tsamardinos, Greasidou, Borboudakis 2018, algorithm 2 (BBC-CV), as mensxmachina/BBC-CV
    has it: the left-out performance of the configuration that is best on each resample, here
    over every resample there is instead of random ones."""
    rows = range(len(configurations[0]))
    for resample in itertools.product(rows, repeat=len(rows)):
        left_out = [row for row in rows if row not in resample]
        means = [sum(scores[row] for row in resample) for scores in configurations]
        if left_out:
            best = configurations[means.index(max(means))]
            yield sum(best[row] for row in left_out) / len(left_out)


def test_against_a_baseline_of_zeros_it_is_the_bbc_cv_of_the_paper():
    configurations = [(1, 1, 0, 0, 1), (0, 1, 1, 1, 0), (0.5, 0.25, 1, 0.75, 0.5)]
    exact = sorted(algorithm_2(configurations))
    found = bias_corrected(dev_scores([(0,) * 5, *configurations]), alpha=0.0005)
    assert found.draws == pytest.approx(40_000, rel=0.05)
    assert found.gain == pytest.approx(sum(exact) / len(exact), abs=0.01)
    assert (found.low, found.high) == (exact[0], exact[-1])
    tenth = bias_corrected(dev_scores([(0,) * 5, *configurations]), alpha=0.1)
    assert tenth.low == exact[len(exact) // 10]


def test_the_luck_of_the_best_of_fifteen_equal_candidates_is_taken_off():
    random = np.random.default_rng(3)
    runs = [
        bias_corrected(dev_scores(random.random((16, 60)) < 0.6), alpha=ALPHA, seed=seed)
        for seed in range(40)
    ]
    assert np.mean([run.naive for run in runs]) > 0.08
    assert np.mean([run.gain for run in runs]) == pytest.approx(0, abs=0.03)
    assert sum(run.low > 0 for run in runs) == 0


def test_a_great_gain_stays_great_and_is_above_zero():
    random = np.random.default_rng(4)
    matrix = random.random((9, 100)) < np.array([[0.5]] * 8 + [[0.9]])
    found = bias_corrected(dev_scores(matrix), alpha=ALPHA)
    assert found.low > 0
    assert found.gain == pytest.approx(found.naive, abs=0.02)
    assert (found.n, found.candidates, found.alpha) == (100, 8, ALPHA)


def test_where_no_candidate_beats_the_baseline_there_is_no_gain():
    found = bias_corrected(dev_scores([[1] * 10, [1] * 10, [0] * 10]), alpha=ALPHA)
    assert (found.gain, found.low, found.high, found.naive, found.discordant) == (0, 0, 0, 0, 0)


def test_rows_of_one_group_are_drawn_together():
    random = np.random.default_rng(5)
    of_group = random.random((2, 12)) < np.array([[0.4], [0.7]])
    groups = [f"group-{number // 10:02}" for number in range(120)]
    alone = bias_corrected(dev_scores(np.repeat(of_group, 10, axis=1)), alpha=ALPHA)
    together = bias_corrected(dev_scores(np.repeat(of_group, 10, axis=1), groups), alpha=ALPHA)
    single = bias_corrected(dev_scores(of_group), alpha=ALPHA)
    assert alone.low > 0 > together.low
    assert (together.low, together.high) == pytest.approx((single.low, single.high))


def test_only_deciding_rows_are_scored_though_all_of_them_choose():
    reported = [[0] * 20, [1] * 20, [0] * 20]
    random_rows = [[0, 1] * 15, [0, 1] * 15, [1] * 30]
    matrix = [one + other for one, other in zip(reported, random_rows, strict=True)]
    deciding = [False] * 20 + [True] * 30
    found = bias_corrected(dev_scores(matrix, deciding=deciding), alpha=ALPHA)
    assert (found.n, found.naive, found.discordant) == (30, 0, 0)
    assert found.gain == pytest.approx(0, abs=0.1)


def test_the_quantile_of_each_look_has_twenty_draws_below_it():
    assert [draws_for(alpha_for_look(k)) for k in (1, 2, 4)] == [2_000, 2_632, 10_528]
    matrix = [[0, 1] * 10, [1, 1] * 10]
    assert bias_corrected(dev_scores(matrix), alpha=alpha_for_look(4)).draws == 10_528


def test_a_seed_gives_the_same_interval_again_and_another_seed_nearly_so():
    matrix = np.random.default_rng(6).random((5, 50)) < 0.5
    first, again = (bias_corrected(dev_scores(matrix), alpha=ALPHA, seed=1) for _ in range(2))
    other = bias_corrected(dev_scores(matrix), alpha=ALPHA, seed=2)
    assert first == again != other
    assert other.low == pytest.approx(first.low, abs=0.05)


@pytest.mark.parametrize(
    "scores",
    [
        DevScores([0.0], [], ["a"], [True]),
        DevScores([0.0, 1.0], [[1.0]], ["a", "b"], [True, True]),
        DevScores([0.0], [[1.0]], ["a"], [False]),
        DevScores([0.0], [[1.0]], ["a", "b"], [True]),
    ],
)
def test_scores_that_allow_no_choice_are_refused(scores):
    with pytest.raises(ValueError):
        bias_corrected(scores, alpha=ALPHA)


def test_a_single_row_is_never_left_out_and_shows_nothing():
    found = bias_corrected(dev_scores([[0], [1]]), alpha=ALPHA)
    assert (found.gain, found.low, found.high, found.draws) == (0, -1, 1, 0)
