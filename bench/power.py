"""What the verdicts find when there is something to find, and whether "about k more" is enough.

    python -m bench.power [--jobs 4000]

The first table is the one of the design: 15 candidates, accuracy 60 %, one of them better by the
gain. "at 5 %" takes the 5 % quantile of the corrected gain instead of the first look's.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.null_jobs import CANDIDATES, naive
from bench.simulated import SimulatedJob, Traffic, simulate
from kaizen_engine.evaluate.bias_corrected import DevScores, bias_corrected
from kaizen_engine.evaluate.significance import alpha_for_look, compare
from kaizen_engine.evaluate.significance_power import rows_for_power, rows_graded
from kaizen_engine.evaluate.verdict import is_likely

ALPHA = alpha_for_look(1)
ACCURACY = 0.6
# dev rows, hold-out rows, gain
CELLS = (
    (40, 0, 0.0),
    (90, 30, 0.0),
    (240, 80, 0.0),
    (40, 0, 0.25),
    (90, 30, 0.25),
    (240, 80, 0.15),
)
# discordance, gain
PLANS = ((0.1, 0.05), (0.2, 0.05), (0.2, 0.1), (0.3, 0.1), (0.3, 0.2), (0.5, 0.1), (0.5, 0.25))
# deviation of a row's difference, gain
GRADED_PLANS = ((0.2, 0.05), (0.4, 0.1), (0.4, 0.15))
POWER, TOLERANCE = 0.8, 0.05


@dataclass
class Shares:
    """How often, of all jobs, each way of judging finds the winner better."""

    jobs: int
    naive: int = 0
    likely: int = 0
    likely_at_five: int = 0
    confirmed: int = 0
    naive_gain: float = 0.0
    corrected_gain: float = 0.0

    def add(self, job: SimulatedJob) -> None:
        """Judge the best candidate on dev and on the hold-out, each as if there were no other."""
        scores = DevScores(
            job.dev_scores[0].tolist(),
            job.dev_scores[1:].tolist(),
            [row.group for row in job.dev],
            [True] * len(job.dev),
        )
        at_look = bias_corrected(scores, alpha=ALPHA, seed=job.seed)
        at_five = bias_corrected(scores, alpha=0.05, seed=job.seed)
        self.likely += is_likely(at_look)
        self.likely_at_five += is_likely(at_five)
        self.naive_gain += at_look.naive / self.jobs
        self.corrected_gain += at_look.gain / self.jobs
        self.naive += naive(job)
        holdout = job.evidence().findings().holdout
        self.confirmed += bool(holdout and holdout.better)

    def line(self, dev: int, test: int, gain: float) -> str:
        def share(count: int) -> str:
            return f"{100 * count / self.jobs:.1f} %"

        confirmed = share(self.confirmed) if test else "-"
        return (
            f"| {dev} / {test} | {100 * gain:+.0f} | {share(self.naive)} | {share(self.likely)} "
            f"| {share(self.likely_at_five)} | {confirmed} "
            f"| {100 * self.naive_gain:+.1f} / {100 * self.corrected_gain:+.1f} |"
        )


def judge(dev: int, test: int, gain: float, jobs: int, seed: int = 0) -> Shares:
    rng, shares = np.random.default_rng(seed), Shares(jobs)
    accuracies = [ACCURACY, ACCURACY + gain] + [ACCURACY] * (CANDIDATES - 1)
    for number in range(jobs):
        shares.add(simulate(rng, Traffic(), dev=dev, test=test, accuracies=accuracies, seed=number))
    return shares


def power_of_plan(discordance: float, gain: float, jobs: int, seed: int = 0) -> tuple[int, float]:
    """Return the rows that "about k more" asks for in all, and how often they are enough."""
    rng = np.random.default_rng(seed)
    rows = rows_for_power(discordance, gain, ALPHA)
    fixed, broken = (discordance + gain) / 2, (discordance - gain) / 2
    found = 0
    for _ in range(jobs):
        kind = rng.choice(3, rows, p=[fixed, broken, 1 - discordance])
        before, after = (kind != 0).astype(float), (kind != 1).astype(float)
        found += compare(before.tolist(), after.tolist(), alpha=ALPHA).better
    return rows, found / jobs


def power_of_graded_plan(spread: float, gain: float, jobs: int, seed: int = 0) -> tuple[int, float]:
    rng = np.random.default_rng(seed)
    rows = rows_graded(spread, gain, ALPHA)
    found = 0
    for number in range(jobs):
        diffs = np.clip(rng.normal(gain, spread, rows), -1, 1)
        before, after = np.where(diffs < 0, -diffs, 0.0), np.where(diffs > 0, diffs, 0.0)
        found += compare(before.tolist(), after.tolist(), alpha=ALPHA, seed=number).better
    return rows, found / jobs


def plans(jobs: int) -> Iterator[tuple[str, int, float]]:
    for discordance, gain in PLANS:
        rows, power = power_of_plan(discordance, gain, jobs)
        yield f"binary, {discordance} differ | {gain}", rows, power
    for spread, gain in GRADED_PLANS:
        rows, power = power_of_graded_plan(spread, gain, jobs)
        yield f"graded, deviation {spread} | {gain}", rows, power


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=4000)
    jobs = parser.parse_args(arguments).jobs
    print("| dev / hold-out rows | true gain | naive | likely | at 5 % | confirmed | gain on dev |")
    print("|---|---|---|---|---|---|---|")
    for dev, test, gain in CELLS:
        print(judge(dev, test, gain, jobs).line(dev, test, gain), flush=True)
    print("\n| rows | gain | rows in all | found |\n|---|---|---|---|")
    powers = []
    for name, rows, power in plans(min(jobs, 2000)):
        powers.append(power)
        print(f"| {name} | {rows} | {100 * power:.1f} % |", flush=True)
    off = max(abs(power - POWER) for power in powers)
    sys.exit("a plan is off by more than 5 points" if off > TOLERANCE else 0)


if __name__ == "__main__":
    main()
