"""What a judge that errs to one side does to an interval, and equal prompts to a red team.

python -m bench.judges [--runs 4000]
"""

import argparse
import sys

import numpy as np

from kaizen_engine.evaluate.agreement import kappa_lower_bound
from kaizen_engine.evaluate.prediction_powered import powered_mean
from kaizen_engine.evaluate.red_team import SAMPLES, RedTeamRow, judge_red_team, rows_to_ask_again
from kaizen_engine.evaluate.segments import SegmentRow, compare_segments

LABELS, UNLABELLED, ERROR = 60, 400, 0.2
SHARES_GOOD = (0.5, 0.6, 0.7, 0.8)
LEVEL, COVERED, PASSED = 0.95, 0.93, 0.95
GOOD = 0.8
RED_TEAM_ROWS = (10, 30, 100)
STEADINESS = (0.5, 0.75, 0.9, 0.97)
SEGMENTS, SEGMENT_ROWS = 8, 30


def coverage(share_good: float, runs: int, seed: int = 0) -> tuple[float, float, float]:
    """Return how often the interval holds the truth, its mean width, and that of labels alone."""
    rng = np.random.default_rng(seed)
    covered, width, alone = 0, 0.0, 0.0
    for _ in range(runs):
        truth = (rng.random(LABELS + UNLABELLED) < share_good).astype(float)
        fooled = (truth == 0) & (rng.random(len(truth)) < ERROR)
        judged = np.where(fooled, 1.0, truth)
        people = truth[:LABELS].tolist()
        judged_too = judged[:LABELS].tolist()
        found = powered_mean(people, judged_too, judged[LABELS:].tolist(), LEVEL)
        labels = powered_mean(people, judged_too, [], LEVEL)
        covered += found.low <= share_good <= found.high
        width += (found.high - found.low) / runs
        alone += (labels.high - labels.low) / runs
    return covered / runs, width, alone


def kappa_coverage(share_good: float, accuracy: float, runs: int, seed: int = 0) -> float:
    """Return how often the 80 % bound of kappa lies below the true kappa."""
    rng = np.random.default_rng(seed)
    called = share_good * accuracy + (1 - share_good) * (1 - accuracy)
    by_chance = share_good * called + (1 - share_good) * (1 - called)
    true = (accuracy - by_chance) / (1 - by_chance)
    below = 0
    for _ in range(runs):
        people = rng.random(LABELS) < share_good
        judged = people ^ (rng.random(LABELS) >= accuracy)
        pairs = list(zip(people.tolist(), judged.tolist(), strict=True))
        below += kappa_lower_bound(pairs) <= true + 1e-12
    return below / runs


def red_team_passes(rows: int, share_good: float, runs: int, seed: int = 0) -> float:
    """Return how often a prompt passes beside its equal, each row good so often."""
    rng = np.random.default_rng(seed)
    return sum(not _is_blocked(rng, rows, share_good) for _ in range(runs)) / runs


def _is_blocked(rng: np.random.Generator, count: int, share_good: float) -> bool:
    def sample() -> tuple[float, ...]:
        return tuple((rng.random(SAMPLES) < share_good).astype(float).tolist())

    rows = [RedTeamRow(str(number), str(number), sample(), sample()) for number in range(count)]
    while again := set(rows_to_ask_again(rows, GOOD)):
        rows = [
            RedTeamRow(row.id, row.group, (*row.before, *sample()), (*row.after, *sample()))
            if row.id in again
            else row
            for row in rows
        ]
    return judge_red_team(rows, GOOD).is_blocked


def segments_pass(share_good: float, runs: int, seed: int = 0) -> float:
    rng = np.random.default_rng(seed)
    passed = 0
    for _ in range(runs):
        before, after = (rng.random((2, SEGMENTS * SEGMENT_ROWS)) < share_good).astype(float)
        rows = [
            SegmentRow(old, new, str(number), {"topic": str(number // SEGMENT_ROWS)})
            for number, (old, new) in enumerate(zip(before.tolist(), after.tolist(), strict=True))
        ]
        passed += not compare_segments(rows)[0].is_worse
    return passed / runs


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=4000)
    runs = parser.parse_args(arguments).runs
    fails = 0
    print("| people say good | interval covers the truth | width | of labels alone |")
    print("|---|---|---|---|")
    for share in SHARES_GOOD:
        covered, width, alone = coverage(share, runs)
        fails += covered < COVERED
        print(f"| {share} | {100 * covered:.1f} % | {width:.3f} | {alone:.3f} |", flush=True)
    print("\n| people say good | judge agrees | 80 % bound of kappa holds |\n|---|---|---|")
    for share, accuracy in ((0.5, 0.8), (0.5, 0.95), (0.8, 0.9), (0.85, 0.95)):
        holds = kappa_coverage(share, accuracy, runs)
        print(f"| {share} | {accuracy} | {100 * holds:.1f} % |", flush=True)
    print("\n| red-team rows | good so often | equal prompts pass |\n|---|---|---|")
    for count in RED_TEAM_ROWS:
        for share in STEADINESS:
            passes = red_team_passes(count, share, runs // 4)
            fails += passes < PASSED
            print(f"| {count} | {share} | {100 * passes:.1f} % |", flush=True)
    for share in STEADINESS:
        passes = segments_pass(share, runs // 4)
        fails += passes < PASSED - 0.01
        print(f"Eight segments of 30 rows, good {share}: {100 * passes:.1f} % pass.", flush=True)
    sys.exit(f"{fails} figures are below what is promised" if fails else 0)


if __name__ == "__main__":
    main()
