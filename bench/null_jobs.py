"""A=A: jobs in which no candidate is better than the prompt it would replace.

    python -m bench.null_jobs [--jobs 1000]

At most 5 % of such jobs may end confirmed or likely, in every kind of traffic; and at most 5 % of
sequences of ten jobs that look at one hold-out may confirm anything at all.
"""

import argparse
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from scipy.stats import binom

from bench.simulated import SimulatedJob, Traffic, simulate, simulate_greedy
from kaizen_engine.evaluate.verdict import plan_look
from kaizen_engine.states import Verdict

CANDIDATES = 15
# All rows, and how many of them the split puts into dev and hold-out.
SIZES = {50: (40, 0), 150: (90, 30), 400: (240, 80)}
ACCURACIES = (0.6, 0.8, 0.95)
JOBS_IN_A_ROW = 10
MOST = 0.05
TELLING = (Verdict.CONFIRMED, Verdict.LIKELY)

Draw = Callable[[np.random.Generator, int], SimulatedJob]


def scenarios() -> Iterator[tuple[str, Draw]]:
    kinds = {"binary": Traffic(), "graded": Traffic(graded=True)}
    for rows in SIZES:
        for accuracy in ACCURACIES:
            for name, traffic in kinds.items():
                yield f"{name} | {rows} | {accuracy}", equal(traffic, rows, accuracy)
    for rows in SIZES:
        for accuracy in ACCURACIES:
            yield f"groups of 4 | {rows} | {accuracy}", equal(Traffic(group=4), rows, accuracy)
            reported = equal(Traffic(reported=1.0), rows, accuracy)
            yield f"reported beside random | {rows} | {accuracy}", reported
            yield f"greedy search | {rows} | {accuracy}", greedy(rows, accuracy)


def equal(traffic: Traffic, rows: int, accuracy: float) -> Draw:
    dev, test = SIZES[rows]
    accuracies = [accuracy] * (CANDIDATES + 1)
    return lambda rng, seed: simulate(
        rng, traffic, dev=dev, test=test, accuracies=accuracies, seed=seed
    )


def greedy(rows: int, accuracy: float) -> Draw:
    dev, test = SIZES[rows]
    return lambda rng, seed: simulate_greedy(
        rng, dev=dev, test=test, accuracy=accuracy, steps=CANDIDATES, seed=seed
    )


def count_verdicts(draw: Draw, jobs: int, seed: int = 0) -> Counter[str]:
    """Return how the jobs ended, and under "naive" how often dev alone would have been believed."""
    rng = np.random.default_rng(seed)
    found: Counter[str] = Counter()
    for number in range(jobs):
        job = draw(rng, number)
        evidence = job.evidence()
        found[evidence.verdict(evidence.findings()).value] += 1
        found["naive"] += naive(job)
    return found


def naive(job: SimulatedJob) -> bool:
    """Test the best candidate on the rows that chose it, exactly and at 5 %, as others do."""
    means = job.dev_scores[1:].mean(axis=1)
    diffs = job.dev_scores[1 + int(np.argmax(means))] - job.dev_scores[0]
    fixed, broken = int((diffs > 0).sum()), int((diffs < 0).sum())
    return bool(binom.sf(fixed - 1, fixed + broken, 0.5) < MOST)


def confirmed_in_a_row(accuracy: float, sequences: int, rows: int = 400, seed: int = 0) -> float:
    """Return how many sequences of ten jobs on the same rows confirm a candidate at any look."""
    rng = np.random.default_rng(seed)
    return sum(_sequence(rng, accuracy, rows) for _ in range(sequences)) / sequences


def _sequence(rng: np.random.Generator, accuracy: float, rows: int) -> bool:
    """Run ten jobs, each with new candidates, against one baseline on one hold-out."""
    dev, test = SIZES[rows]
    accuracies = [accuracy] * (1 + JOBS_IN_A_ROW * CANDIDATES)
    whole = simulate(rng, Traffic(), dev=dev, test=test, accuracies=accuracies)
    looks = {row.id: 0 for row in whole.test}
    for number in range(JOBS_IN_A_ROW):
        look = plan_look(looks)
        own = [0, *range(1 + number * CANDIDATES, 1 + (number + 1) * CANDIDATES)]
        job = replace(
            whole,
            dev_scores=whole.dev_scores[own],
            test_scores=whole.test_scores[own],
            look=look.k,
            seed=number,
        )
        evidence = job.evidence()
        found = evidence.findings()
        if evidence.verdict(found) is Verdict.CONFIRMED:
            return True
        if found.holdout is not None:
            looks = {row: count + (row in look.ids) for row, count in looks.items()}
    return False


def likely_below_twenty(jobs: int, seed: int = 0) -> int:
    """Return how many jobs with 5 to 19 dev rows end likely, whatever their candidates gain."""
    rng = np.random.default_rng(seed)
    likely = 0
    for number in range(jobs):
        dev, gain = int(rng.integers(5, 20)), float(rng.choice([0.0, 0.2, 0.39]))
        accuracies = [0.6] + [0.6 + gain] * CANDIDATES
        job = simulate(rng, Traffic(), dev=dev, test=0, accuracies=accuracies, seed=number)
        evidence = job.evidence()
        likely += evidence.verdict(evidence.findings()) is Verdict.LIKELY
    return likely


def line(name: str, found: Counter[str], jobs: int) -> str:
    words = (*TELLING, Verdict.BETTER_ON_REPORTED, Verdict.EQUAL, Verdict.WORSE)
    shares = [f"{100 * found[word.value] / jobs:.1f} %" for word in words]
    return f"| {name} | {100 * found['naive'] / jobs:.0f} % | {' | '.join(shares)} |"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000)
    jobs = parser.parse_args(arguments).jobs
    print("| traffic | rows | accuracy | naive | confirmed | likely | reported | equal | worse |")
    print("|---|---|---|---|---|---|---|---|---|")
    worst = 0.0
    for name, draw in scenarios():
        found = count_verdicts(draw, jobs)
        worst = max(worst, sum(found[word.value] for word in TELLING) / jobs)
        print(line(name, found, jobs), flush=True)
    print(f"\nConfirmed or likely at worst: {100 * worst:.1f} % of {jobs} jobs a line.")
    for accuracy in ACCURACIES:
        share = confirmed_in_a_row(accuracy, jobs)
        worst = max(worst, share)
        print(f"Ten jobs in a row, accuracy {accuracy}: {100 * share:.1f} % of {jobs}.", flush=True)
    likely = likely_below_twenty(jobs)
    print(f"Likely below 20 dev rows: {likely} of {jobs}.")
    allowed = MOST + 3 * math.sqrt(MOST * (1 - MOST) / jobs) if jobs < 1000 else MOST
    sys.exit("more false winners than allowed" if worst > allowed or likely else 0)


if __name__ == "__main__":
    main()
