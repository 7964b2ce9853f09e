import numpy as np
import pytest

from kaizen_engine.evaluate.prediction_powered import powered_mean


def labelled(random, rows, *, share_good=0.6, error=0.2):
    """People's labels, and a judge that passes one bad answer in five and fails no good one."""
    people = (random.random(rows) < share_good).astype(float)
    fooled = (people == 0) & (random.random(rows) < error)
    return people, np.where(fooled, 1.0, people)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_mean_and_weight_are_those_of_ppi_python(seed):
    from ppi_py import ppi_mean_pointestimate

    random = np.random.default_rng(seed)
    people, judged = labelled(random, 60)
    _, unlabelled = labelled(random, 400)
    found = powered_mean(people, judged, unlabelled, 0.95)
    reference = ppi_mean_pointestimate(people, judged, unlabelled)
    by_weight = ppi_mean_pointestimate(people, judged, unlabelled, lam=found.weight)
    assert found.mean == pytest.approx(float(reference[0]))
    assert found.mean == pytest.approx(float(by_weight[0]))
    assert 0 < found.weight <= 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_with_many_labels_the_interval_is_that_of_ppi_python():
    from ppi_py import ppi_mean_ci

    random = np.random.default_rng(4)
    people, judged = labelled(random, 4000)
    _, unlabelled = labelled(random, 20_000)
    found = powered_mean(people, judged, unlabelled, 0.9)
    low, high = ppi_mean_ci(people, judged, unlabelled, alpha=0.1)
    # It uses z and divides by n, we t and an error more: at 4,000 labels that is next to nothing.
    assert (found.low, found.high) == pytest.approx((low[0], high[0]), abs=1e-4)


def test_a_judge_narrows_the_interval_that_labels_alone_give():
    random = np.random.default_rng(5)
    people, judged = labelled(random, 60)
    _, unlabelled = labelled(random, 1000)
    alone = powered_mean(people, judged, [], 0.95)
    helped = powered_mean(people, judged, unlabelled, 0.95)
    assert alone.weight == 0
    assert alone.mean == pytest.approx(people.mean())
    assert helped.high - helped.low < 0.85 * (alone.high - alone.low)
    assert (helped.labelled, helped.unlabelled) == (60, 1000)


def test_a_judge_that_tosses_a_coin_is_hardly_believed():
    random = np.random.default_rng(6)
    people, _ = labelled(random, 200)
    toss = (random.random(1200) < 0.5).astype(float)
    assert powered_mean(people, toss[:200], toss[200:], 0.95).weight < 0.2


def test_the_interval_covers_the_truth_though_the_judge_errs_to_one_side():
    random = np.random.default_rng(7)
    covered = 0
    for _ in range(300):
        people, judged = labelled(random, 60)
        _, unlabelled = labelled(random, 400)
        found = powered_mean(people, judged, unlabelled, 0.95)
        covered += found.low <= 0.6 <= found.high
    assert covered / 300 >= 0.93


def test_labels_without_spread_still_leave_room_for_what_was_not_seen():
    found = powered_mean([0.0] * 20, [0.0] * 20, [0.0] * 100, 0.95)
    assert found.mean == 0
    assert found.low == pytest.approx(-found.high)
    assert 0.1 < found.high < 0.2


@pytest.mark.parametrize(("people", "judged"), [([1, 0], [1, 0]), ([1, 0, 1], [1, 0])])
def test_too_few_labels_are_refused(people, judged):
    with pytest.raises(ValueError, match="at least 3"):
        powered_mean(people, judged, [1, 0, 1], 0.95)
