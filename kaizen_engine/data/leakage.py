"""What dev and hold-out share with train, to the word: runs of eight words in a row.

Such a run in a demonstration tells the model what it is then asked. Runs that a large part of all
rows have, such as a template around the text, tell nothing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kaizen_engine.data.near import texts_of
from kaizen_engine.states import Split

RUN = 8
COMMON_SHARE = 0.05
LEAST_COMMON = 5
MOST_SHOWN = 20


@dataclass(frozen=True)
class Leak:
    """Rows by id, and the words that they share."""

    train: str
    other: str
    words: str


@dataclass(frozen=True)
class Leakage:
    """By split: how many rows were read, and how many share a run with train."""

    rows: Mapping[str, int]
    leaking: Mapping[str, int]
    examples: tuple[Leak, ...]

    def to_json(self) -> dict[str, Any]:
        shown = [[leak.train, leak.other, leak.words] for leak in self.examples]
        return {"rows": dict(self.rows), "leaking": dict(self.leaking), "examples": shown}


def find_leakage(rows: Sequence[tuple[str, Split, Mapping[str, Any]]]) -> Leakage:
    """Compare the inputs of (id, split, inputs) rows; examples are of dev alone."""
    runs = {row_id: frozenset(_runs(inputs)) for row_id, _, inputs in rows}
    count = Counter(run for each in runs.values() for run in each)
    common = max(LEAST_COMMON, COMMON_SHARE * len(rows))
    in_train: dict[tuple[str, ...], str] = {}
    for row_id, split, _ in rows:
        if split is Split.TRAIN:
            for run in runs[row_id]:
                in_train.setdefault(run, row_id)
    checked = [(row_id, split) for row_id, split, _ in rows if split in (Split.DEV, Split.TEST)]
    leaks: dict[str, Leak] = {}
    for row_id, _ in checked:
        shared = [run for run in runs[row_id] if run in in_train and count[run] <= common]
        if shared:
            run = min(shared)
            leaks[row_id] = Leak(in_train[run], row_id, " ".join(run))
    return Leakage(
        rows=Counter(split.value for _, split in checked),
        leaking=Counter(split.value for row_id, split in checked if row_id in leaks),
        examples=tuple(
            leaks[row_id] for row_id, split in checked if row_id in leaks and split is Split.DEV
        )[:MOST_SHOWN],
    )


def _runs(inputs: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for words in texts_of(inputs).values():
        for place in range(len(words) - RUN + 1):
            yield tuple(words[place : place + RUN])
