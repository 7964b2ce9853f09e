"""Jobs without a model: scores drawn from a known truth, judged by the product's own functions.

Rows differ in difficulty, so that two prompts of the same accuracy are right on mostly the same
rows: a prompt is right where a normal variable, which it shares with all others to the extent of
SHARED, is below the quantile of its accuracy. Of two prompts that are right on 60 % of the rows,
0.24 of the rows then differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from kaizen_engine.evaluate.runner import Example, RowScore
from kaizen_engine.optimize.outcome import EvaluationEvent, JobSpec
from kaizen_engine.optimize.proof import Evidence
from kaizen_engine.optimize.splits import Splits
from kaizen_engine.optimize.strategy import FINALISTS, Part, TrialEvent, best_in_full
from kaizen_engine.prompts.artifact import InputField, OutputField, PromptArtifact
from kaizen_engine.states import Origin, Split

SHARED = 0.71
FIELDS = 3
_TIE = 1e-9

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Traffic:
    """What rows look like. `group` rows belong together and are alike; `graded` scores are the
    mean of three fields; beside each deciding row there are `reported` ones, whose answers were
    picked by how the baseline did: half of the bad ones and a tenth of the good ones."""

    group: int = 1
    graded: bool = False
    reported: float = 0.0


@dataclass(frozen=True)
class Rows:
    """Deciding and reported rows of one split, and how hard each is (fields by rows)."""

    examples: tuple[Example, ...]
    ease: Floats


def scores(rng: np.random.Generator, rows: Rows, traffic: Traffic, accuracies: Floats) -> Floats:
    """Return a row of scores for each accuracy."""
    fields, count = rows.ease.shape
    own = _by_group(rng, (len(accuracies), fields, count), traffic.group)
    latent = np.sqrt(SHARED) * rows.ease + np.sqrt(1 - SHARED) * own
    right = latent < norm.ppf(accuracies)[:, None, None]
    means: Floats = right.mean(axis=1)
    return means


def _by_group(rng: np.random.Generator, shape: tuple[int, ...], group: int) -> Floats:
    """Return normal variables, correlated by half within groups of consecutive rows."""
    noise = rng.standard_normal(shape)
    if group == 1:
        return noise
    groups = -(-shape[-1] // group)
    common = np.repeat(rng.standard_normal((*shape[:-1], groups)), group, axis=-1)
    alike: Floats = np.sqrt(0.5) * (noise + common[..., : shape[-1]])
    return alike


def draw_rows(rng: np.random.Generator, split: Split, count: int, traffic: Traffic) -> Rows:
    """Return `count` deciding rows of a split and the reported ones that come with them."""
    fields = FIELDS if traffic.graded else 1
    ease = _by_group(rng, (fields, count), traffic.group)
    reported = round(count * traffic.reported)
    # How hard a reported row is, `observed` decides once the baseline is known.
    extra = _by_group(rng, (fields, 12 * reported), traffic.group)
    examples = _examples(split, count, reported, traffic.group)
    return Rows(examples, np.concatenate([ease, extra], axis=1))


@cache
def _examples(split: Split, deciding: int, reported: int, group: int) -> tuple[Example, ...]:
    return tuple(
        Example(
            id=f"{split.value}-{number}",
            inputs={"text": ""},
            outputs={"label": ""},
            split=split,
            group=f"{split.value}-{number // group}",
            origin=Origin.RANDOM if number < deciding else Origin.USER,
            deciding=number < deciding,
        )
        for number in range(deciding + reported)
    )


def observed(rng: np.random.Generator, rows: Rows, matrix: Floats) -> Floats:
    """Keep the deciding columns, and of the others those that people would have reported."""
    deciding = sum(example.deciding for example in rows.examples)
    wanted = len(rows.examples) - deciding
    if not wanted:
        return matrix
    bad = matrix[0, deciding:] < 0.5
    told = np.flatnonzero(rng.random(len(bad)) < np.where(bad, 0.5, 0.1))
    chosen = np.resize(told, wanted) + deciding
    return np.concatenate([matrix[:, :deciding], matrix[:, chosen]], axis=1)


@cache
def _artifact(number: int) -> PromptArtifact:
    return PromptArtifact(
        system=f"Candidate {number}.",
        user_template="{{text}}",
        inputs=(InputField("text"),),
        outputs=(OutputField("label"),),
    )


BASELINE = _artifact(0)


@dataclass(frozen=True)
class SimulatedJob:
    """Scores of the baseline (first) and the candidates on dev and hold-out.

    `search`, where given, are the rows of dev that candidates were bred on: the other ones select.
    """

    dev: tuple[Example, ...]
    dev_scores: Floats
    test: tuple[Example, ...] = ()
    test_scores: Floats = field(default_factory=lambda: np.zeros((1, 0)))
    search: int = 0
    look: int = 1
    seed: int = 0

    def evidence(self) -> Evidence:
        """Choose a winner as a job does, and return what its verdict is drawn from."""
        trials = self._trials()
        winner = best_in_full([trial for trial in trials if trial.part != "search"], 1)[0]
        rows = self.dev[self.search :]
        before = dict(zip(_ids(self.dev), self.dev_scores[0], strict=True))
        gain = sum(winner.rows[row.id] - before[row.id] for row in rows)
        number = int(winner.provenance["candidate"])
        spec = JobSpec(BASELINE, (), "simulated/none", seed=self.seed, look=self.look)
        return Evidence(
            spec,
            Splits((), self.dev, self.test, search=self.dev[: self.search], select=rows),
            {
                "baseline_dev": _event("baseline_dev", self.dev, self.dev_scores[0]),
                "winner_dev": _event("winner_dev", self.dev, self.dev_scores[number]),
                "baseline_test": _event("baseline_test", self.test, self.test_scores[0]),
                "winner_test": _event("winner_test", self.test, self.test_scores[number])
                if self.test
                else _event("winner_test", (), ()),
            },
            has_winner=gain > _TIE,
            is_stopped=False,
            trials=trials,
        )

    def _trials(self) -> list[TrialEvent]:
        candidates = range(1, len(self.dev_scores))
        if not self.search:
            return [self._trial(number, "dev", self.dev) for number in candidates]
        searched = [self._trial(number, "search", self.dev[: self.search]) for number in candidates]
        best = best_in_full(searched, FINALISTS)
        selected = [
            replace(
                self._trial(int(trial.provenance["candidate"]), "select", self.dev[self.search :]),
                number=len(searched) + place,
            )
            for place, trial in enumerate(best, 1)
        ]
        return [*searched, *selected]

    def _trial(self, number: int, part: Part, rows: tuple[Example, ...]) -> TrialEvent:
        start = self.search if part == "select" else 0
        found = self.dev_scores[number, start : start + len(rows)].tolist()
        return TrialEvent(
            number=number,
            artifact=_artifact(number),
            n_examples=len(rows),
            score=round(sum(found) / len(found), 9),
            is_full=True,
            is_best=False,
            part=part,
            rows=dict(zip(_ids(rows), found, strict=True)),
            provenance={"candidate": number},
        )


def _ids(examples: Sequence[Example]) -> list[str]:
    return [example.id for example in examples]


def _event(label: str, examples: Sequence[Example], found: Sequence[float]) -> EvaluationEvent:
    rows = (
        RowScore(example.id, float(score), {}, "", "", "")
        for example, score in zip(examples, found, strict=True)
    )
    return EvaluationEvent(label, "", tuple(rows))


def simulate(
    rng: np.random.Generator,
    traffic: Traffic,
    *,
    dev: int,
    test: int,
    accuracies: Sequence[float],
    seed: int = 0,
) -> SimulatedJob:
    """Return one job of a strategy whose candidates know nothing of dev."""
    truth = np.asarray(accuracies, np.float64)
    parts = []
    for split, count in ((Split.DEV, dev), (Split.TEST, test)):
        rows = draw_rows(rng, split, count, traffic)
        parts.append((rows.examples, observed(rng, rows, scores(rng, rows, traffic, truth))))
    (dev_rows, dev_scores), (test_rows, test_scores) = parts
    return SimulatedJob(dev_rows, dev_scores, test_rows, test_scores, seed=seed)


def simulate_greedy(
    rng: np.random.Generator,
    *,
    dev: int,
    test: int,
    accuracy: float,
    steps: int = 15,
    seed: int = 0,
) -> SimulatedJob:
    """Return a job whose candidates each change the best one so far on a quarter of the rows.

    On rows that it does not search on, a change is as good as what it replaces.
    """
    traffic = Traffic()
    rows = [
        draw_rows(rng, split, n, traffic) for split, n in ((Split.DEV, dev), (Split.TEST, test))
    ]
    search = round(0.6 * dev)
    pool = [scores(rng, part, traffic, np.full(steps + 1, accuracy)) for part in rows]
    family = [[part[0]] for part in pool]
    best = 0
    for step in range(1, steps + 1):
        for part, known in zip(pool, family, strict=True):
            changed = rng.random(part.shape[1]) < 0.25
            known.append(np.where(changed, part[step], known[best]))
        if family[0][step][:search].mean() > family[0][best][:search].mean():
            best = step
    (dev_rows, test_rows), (dev_scores, test_scores) = (
        (r.examples for r in rows),
        map(np.stack, family),
    )
    return SimulatedJob(dev_rows, dev_scores, test_rows, test_scores, search=search, seed=seed)
