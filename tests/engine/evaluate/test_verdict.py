import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from kaizen_engine.evaluate.comparison import DevGain
from kaizen_engine.evaluate.significance import alpha_for_look, compare
from kaizen_engine.evaluate.significance_power import power_mcnemar, rows_for_power
from kaizen_engine.evaluate.verdict import Findings, Look, decide, plan_look, rows_needed
from kaizen_engine.states import Verdict

ALPHA = alpha_for_look(1)


def compared(fixed, broken, both, neither):
    before = [0] * fixed + [1] * broken + [1] * both + [0] * neither
    after = [1] * fixed + [0] * broken + [1] * both + [0] * neither
    return compare(before, after, alpha=ALPHA)


def on_holdout(comparison, deciding_rows=None):
    rows = comparison.n if deciding_rows is None else deciding_rows
    return decide(Findings(holdout=comparison, holdout_rows=rows))


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ((20, 4, 40, 16), Verdict.CONFIRMED),
        ((8, 4, 60, 8), Verdict.NOT_ENOUGH_EVIDENCE),
        ((4, 20, 40, 16), Verdict.WORSE),
        ((3, 3, 900, 94), Verdict.EQUAL),
        ((0, 0, 5, 0), Verdict.NOT_ENOUGH_EVIDENCE),
        ((0, 0, 900, 0), Verdict.EQUAL),
        ((300, 200, 4000, 3500), Verdict.EQUAL),
    ],
)
def test_the_verdict_follows_the_interval(rows, verdict):
    comparison = compared(*rows)
    assert on_holdout(comparison) is verdict


def test_a_verdict_needs_the_test_the_lower_bound_and_the_minimum_effect():
    good = compared(20, 4, 40, 16)
    for change in ({"p": ALPHA}, {"low": 0.0}, {"gain": 0.019}):
        assert on_holdout(replace(good, **change)) is not Verdict.CONFIRMED


def test_a_handful_of_graded_rows_is_never_equal():
    nearly = compare([0.5] * 10, [0.5] * 9 + [0.51], alpha=ALPHA)
    assert on_holdout(nearly) is Verdict.NOT_ENOUGH_EVIDENCE


def test_without_deciding_rows_there_is_no_evidence():
    assert decide(Findings()) is Verdict.NOT_ENOUGH_EVIDENCE
    assert on_holdout(compared(20, 4, 40, 16), 0) is Verdict.NOT_ENOUGH_EVIDENCE


def test_reported_rows_among_the_compared_ones_are_refused():
    with pytest.raises(ValueError, match="representative"):
        on_holdout(compared(20, 4, 40, 16), 79)


LIKELY = DevGain(
    gain=0.1,
    low=0.01,
    high=0.2,
    naive=0.15,
    n=40,
    discordant=10,
    candidates=15,
    alpha=ALPHA,
    minimum_effect=0.02,
    draws=2000,
)


def test_without_a_hold_out_the_corrected_gain_on_dev_makes_it_likely():
    assert decide(Findings(dev=LIKELY, dev_rows=40)) is Verdict.LIKELY


@pytest.mark.parametrize(
    "change",
    [{"low": 0.0}, {"n": 19}, {"discordant": 5}, {"gain": 0.019}, {"candidates": 21}],
)
def test_it_is_likely_only_where_every_condition_holds(change):
    found = Findings(dev=replace(LIKELY, **change), dev_rows=40)
    assert decide(found) is Verdict.NOT_ENOUGH_EVIDENCE


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ((20, 4, 40, 16), Verdict.CONFIRMED),
        ((8, 4, 60, 8), Verdict.LIKELY),
        ((4, 20, 40, 16), Verdict.WORSE),
        ((3, 3, 900, 94), Verdict.EQUAL),
    ],
)
def test_the_hold_out_speaks_first_for_or_against(rows, verdict):
    holdout = compared(*rows)
    found = Findings(holdout=holdout, holdout_rows=holdout.n, dev=LIKELY, dev_rows=40)
    assert decide(found) is verdict


def test_reported_rows_speak_only_where_too_few_others_do():
    reported = compare([0] * 31 + [1] * 4, [1] * 31 + [0] * 4, alpha=0.05)
    few = Findings(reported=reported, dev_rows=19, holdout_rows=29)
    assert decide(few) is Verdict.BETTER_ON_REPORTED
    assert decide(replace(few, dev_rows=20)) is Verdict.NOT_ENOUGH_EVIDENCE
    assert decide(replace(few, holdout_rows=30)) is Verdict.NOT_ENOUGH_EVIDENCE
    as_many = compare([0] * 9 + [1] * 6, [1] * 9 + [0] * 6, alpha=0.05)
    assert decide(replace(few, reported=as_many)) is Verdict.NOT_ENOUGH_EVIDENCE


def test_a_judge_without_a_passport_proves_nothing_of_all_traffic():
    holdout = compared(20, 4, 40, 16)
    reported = compare([0] * 31 + [1] * 4, [1] * 31 + [0] * 4, alpha=0.05)
    found = Findings(holdout, holdout.n, LIKELY, 40)
    assert decide(found, may_confirm=False) is Verdict.NOT_ENOUGH_EVIDENCE
    with_reports = replace(found, reported=reported)
    assert decide(with_reports, may_confirm=False) is Verdict.BETTER_ON_REPORTED


def test_thirty_fresh_rows_are_a_first_look():
    looks = {f"old{n}": 2 for n in range(50)} | {f"new{n}": 0 for n in range(30)}
    assert plan_look(looks) == Look(tuple(f"new{n}" for n in range(30)), 1)


def test_with_fewer_fresh_rows_all_are_looked_at_once_more():
    looks = {f"old{n}": n % 3 for n in range(50)} | {f"new{n}": 0 for n in range(5)}
    assert plan_look(looks) == Look(tuple(looks), 3)
    assert plan_look({"a": 0, "b": 0}) == Look(("a", "b"), 1)
    assert plan_look({}) == Look((), 1)


def test_power_is_that_of_a_simulation_with_the_same_test():
    random = np.random.default_rng(7)
    draws = random.choice([1, -1, 0], p=[0.25, 0.05, 0.7], size=(600, 60))
    runs = [compare(list(1.0 * (row < 0)), list(1.0 * (row > 0)), alpha=ALPHA) for row in draws]
    passed = sum(run.p < ALPHA for run in runs)
    assert power_mcnemar(60, 0.30, 0.20, ALPHA) == pytest.approx(passed / 600, abs=0.05)


def test_the_rows_for_80_percent_power_are_near_the_textbook_formula():
    # Miettinen 1968, as in Connor 1987: ((z_a sqrt(d) + z_b sqrt(d - g^2)) / g)^2.
    needed = rows_for_power(0.3, 0.1, 0.025)
    textbook = ((1.96 * 0.3**0.5 + 0.8416 * (0.3 - 0.01) ** 0.5) / 0.1) ** 2
    assert needed == pytest.approx(textbook, rel=0.06)
    assert power_mcnemar(needed, 0.3, 0.1, 0.025) >= 0.8


def test_about_k_more_is_a_range_of_rows_still_missing():
    comparison = compared(12, 5, 50, 13)
    low, high = rows_needed(comparison, comparison.n)
    assert 1 <= low <= high
    shares = [(comparison.n + more) for more in (low, high)]
    assert power_mcnemar(shares[0], 0.19, comparison.gain, ALPHA) > 0.7
    assert power_mcnemar(shares[1], 0.25, comparison.gain, ALPHA) > 0.75


@pytest.mark.parametrize(
    "comparison",
    [
        compared(0, 0, 10, 0),
        compared(6, 0, 0, 0),
        compared(0, 6, 0, 0),
        compare([0.5] * 20, [0.6] * 20, alpha=ALPHA),
        compare([0.5] * 20, [0.4, 0.65] * 10, alpha=ALPHA),
        compare([0.5], [0.6], alpha=ALPHA),
        compare([0.5, 1.0] * 10, [1.0, 0.5] * 10, alpha=ALPHA, minimum_effect=0.0),
    ],
)
def test_rows_needed_is_finite_for_every_kind_of_data(comparison):
    low, high = rows_needed(comparison, comparison.n)
    assert 1 <= low <= high <= 100_000


@pytest.mark.parametrize("kind", ["binary", "graded", "grouped"])
def test_equal_prompts_are_seldom_confirmed(kind):
    random = np.random.default_rng(11)
    verdicts = [on_holdout(null_run(random, kind)) for _ in range(50)]
    # alpha is 0.03: of 50 runs 1.5 are expected, and 5 or more come once in 1,000 suites.
    assert verdicts.count(Verdict.CONFIRMED) <= 4


def null_run(random, kind):
    before, after = (random.random(80) < 0.6).astype(float), (random.random(80) < 0.6).astype(float)
    if kind == "grouped":
        groups = [str(number // 4) for number in range(80)]
        shift = np.repeat(random.random(20) < 0.5, 4)
        before, after = np.where(shift, before, 1.0), np.where(shift, 1.0, after)
        return compare(list(before), list(after), groups, alpha=ALPHA)
    if kind == "graded":
        before, after = random.random(80), random.random(80)
    return compare(list(before), list(after), alpha=ALPHA)


def test_a_true_gain_of_25_points_is_mostly_confirmed():
    random = np.random.default_rng(5)
    runs = [
        compare(
            list((random.random(60) < 0.55).astype(int)),
            list((random.random(60) < 0.80).astype(int)),
            alpha=ALPHA,
        )
        for _ in range(50)
    ]
    assert sum(on_holdout(run) is Verdict.CONFIRMED for run in runs) >= 30


def test_web_code_can_read_verdicts_without_numpy_or_scipy():
    code = (
        "import sys, kaizen_engine.evaluate.verdict, kaizen_engine.evaluate.runner;"
        "sys.exit(bool({'numpy', 'scipy', 'django', 'dspy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
