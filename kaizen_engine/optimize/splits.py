"""Which examples a job can use, by what it uses them for."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kaizen_engine.errors import TooFewExamples
from kaizen_engine.evaluate.runner import Example
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import Split

FEWEST_EXAMPLES = 20
SEARCH_SHARE = 0.6
_SALT = "search and select"


@dataclass(frozen=True)
class Splits:
    """Rows to learn from, rows to choose by, and rows that nothing sees before the proof.

    `search` and `select` are parts of dev for a strategy that breeds on what it sees, and select
    decides there; for the others both are the whole of dev. `lessons` are answers that people
    found bad, with what they said of them: they teach whoever reads comments, and are no
    demonstration.
    """

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]
    lessons: tuple[Example, ...] = ()
    search: tuple[Example, ...] = ()
    select: tuple[Example, ...] = ()

    def divided(self, *, breeds: bool) -> "Splits":
        """Return these rows with dev divided as the strategy needs; raises TooFewExamples."""
        search, select = divide_dev(self.dev) if breeds else (self.dev, self.dev)
        return replace(self, search=search, select=select)


def split_examples(
    artifact: PromptArtifact, examples: Iterable[Example], *, is_judged: bool = False
) -> Splits:
    """Return the usable examples; raises TooFewExamples, before anything was spent.

    `is_judged`: rows without an expected output can be scored, in dev and in the hold-out.
    """
    usable = usable_examples(artifact, examples)
    scored = [row for row in usable if row.is_labelled or (is_judged and row.split != Split.TRAIN)]
    splits = Splits(
        train=_of(scored, Split.TRAIN),
        dev=_of(scored, Split.DEV),
        test=_of(scored, Split.TEST),
        lessons=tuple(row for row in _of(usable, Split.TRAIN) if _is_lesson(row)),
    )
    found = len(splits.train) + len(splits.dev) + len(splits.test)
    if found < FEWEST_EXAMPLES:
        message = (
            f"an optimization needs {FEWEST_EXAMPLES} usable examples, {found} were found; "
            "usable are those with every input and an expected output, and with a judge "
            "those with a rated answer"
        )
        raise TooFewExamples(message)
    if not splits.train or not splits.dev:
        message = "an optimization needs examples to learn from (train) and to choose by (dev)"
        raise TooFewExamples(message)
    return splits


def divide_dev(dev: Sequence[Example]) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Return the part of dev to search on and the part to select by, for searches that breed.

    A group's part follows from its name alone, so that it is the same in every job: a prompt that
    was bred on a row never meets that row in a later selection. Raises TooFewExamples.
    """
    ranked = sorted({example.group for example in dev}, key=_place)
    searched = {group for group in ranked if _place(group) < SEARCH_SHARE} or set(ranked[:1])
    if len(searched) == len(ranked):
        searched.discard(ranked[-1])
    parts = _by_group(dev, searched)
    if not all(parts):
        message = "this strategy needs dev examples of two groups: to search on, and to select by"
        raise TooFewExamples(message)
    return parts


def _place(group: str) -> float:
    """Return where between 0 and 1 a group falls."""
    digest = hashlib.sha256(f"{_SALT}|{group}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _by_group(
    dev: Iterable[Example], searched: Iterable[str]
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    inside = frozenset(searched)
    rows = tuple(dev)
    return (
        tuple(example for example in rows if example.group in inside),
        tuple(example for example in rows if example.group not in inside),
    )


def usable_examples(artifact: PromptArtifact, examples: Iterable[Example]) -> list[Example]:
    """Return the examples with every input, and what was expected or rated of its outputs."""
    needed = [item.name for item in artifact.inputs]
    names = [item.name for item in artifact.outputs]
    kept = []
    for example in examples:
        expected, rated = _named(example.outputs, names), _named(example.rated_output or {}, names)
        has_inputs = all(example.inputs.get(name) is not None for name in needed)
        if has_inputs and (expected or rated):
            kept.append(replace(example, outputs=expected, rated_output=rated or None))
    return kept


def _named(values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: values[name] for name in names if values.get(name) is not None}


def _is_lesson(row: Example) -> bool:
    return not row.is_labelled and bool(row.comment)


def _of(examples: Iterable[Example], split: Split) -> tuple[Example, ...]:
    return tuple(example for example in examples if example.split == split)
