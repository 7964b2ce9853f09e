"""Which columns of a dataset's file fill which inputs and outputs; guessed where nobody says."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from feedback_app.column_mapping import ColumnMapping, Unmappable
from kaizen_engine.states import Split
from projects_app.exceptions import InvalidInput
from tasks_app.fit import LONE_OUTPUT, declared
from tasks_app.models import Task

SPLIT_COLUMN = "split"
NONE = "none"
# What people and other tools call the column of the right answer.
ANSWERS = ("expected", "expected_output", "output", "answer", "label", "target", "__expected")
SPLITS: Mapping[str, Split] = {
    **{split.value: split for split in Split},
    **{"validation": Split.DEV, "val": Split.DEV, "holdout": Split.TEST, "hold-out": Split.TEST},
    **{"red team": Split.RED_TEAM, "red-team": Split.RED_TEAM},
}

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class DatasetColumns:
    """Pairs of a column and its field; `split` is the column that names the split, or empty."""

    inputs: Pairs
    outputs: Pairs
    split: str = ""

    @classmethod
    def choose(
        cls,
        task: Task,
        columns: Sequence[str],
        inputs: Sequence[str],
        outputs: Sequence[str],
        *,
        is_complete: bool = True,
    ) -> Self:
        """Read `column` or `column=field`; what is not given is guessed from the columns.

        Outputs of `none` are for rows without a right answer. `is_complete`: no row has other
        columns, as in a CSV. Raises InvalidInput for a column that the file lacks, and where
        nothing can be guessed.
        """
        guess = cls.guess(task, columns)
        is_open = list(outputs) == [NONE]
        answers = () if is_open else _pairs(outputs) or guess.outputs
        if not answers and not is_open:
            message = f"no column was named for the output; for rows without one write {NONE!r}"
            raise InvalidInput(message, errors={"output_fields": message})
        chosen = cls(_pairs(inputs) or guess.inputs, answers, guess.split)
        chosen._check(task, columns, is_complete=is_complete)
        return chosen

    @classmethod
    def guess(cls, task: Task, columns: Sequence[str]) -> Self:
        given, wanted = declared(task.input_schema), declared(task.output_schema)
        found = {column.casefold(): column for column in columns}
        inputs = _named(given, found, ("inputs.", "input.", "vars.", ""))
        outputs = _named(wanted, found, ("outputs.", "output.", "expected.", ""))
        taken = {column for column, _ in (*inputs, *outputs)}
        split = found.get(SPLIT_COLUMN, "")
        if not outputs and len(wanted) <= 1:
            name = next(iter(wanted), LONE_OUTPUT)
            answer = next((found[word] for word in ANSWERS if word in found), "")
            outputs = ((answer, name),) if answer and answer not in taken else ()
        taken |= {column for column, _ in outputs} | {split}
        rest = [column for column in columns if column not in taken]
        if not inputs and len(given) == 1 and rest:
            inputs = ((rest[0], next(iter(given))),)
        if not given:
            inputs = tuple((column, column) for column in rest)
        return cls(inputs, outputs, split)

    def row(self, cells: Mapping[str, Any], task: Task) -> dict[str, Any]:
        """Return `inputs` and `corrected_output` of a row; raises Unmappable."""
        return self._mapping().item(cells, task)

    def split_of(self, cells: Mapping[str, Any]) -> Split | None:
        """Return the split that the row names; raises Unmappable for a word that is none."""
        word = str(cells.get(self.split) or "").strip() if self.split else ""
        if not word:
            return None
        if word.casefold() not in SPLITS:
            raise Unmappable(f"{self.split}: {word!r} is none of {', '.join(Split)}")
        return SPLITS[word.casefold()]

    def to_json(self) -> dict[str, Any]:
        return {"inputs": dict(self.inputs), "outputs": dict(self.outputs), "split": self.split}

    def _mapping(self) -> ColumnMapping:
        inputs = ((column, f"inputs.{field}") for column, field in self.inputs)
        outputs = ((column, f"corrected_output.{field}") for column, field in self.outputs)
        return ColumnMapping((*inputs, *outputs))

    def _check(self, task: Task, columns: Sequence[str], *, is_complete: bool) -> None:
        known = ", ".join(columns)
        for place, pairs in (("input_fields", self.inputs), ("output_fields", self.outputs)):
            missing = [column for column, _ in pairs if is_complete and column not in columns]
            if missing:
                message = f"the file has no column {missing[0]!r}; it has: {known}"
                raise InvalidInput(message, errors={place: message})
        unfilled = [
            name
            for name in declared(task.input_schema)
            if name not in {field for _, field in self.inputs}
        ]
        if unfilled or not self.inputs:
            wanted = f"the input {unfilled[0]!r}" if unfilled else "the inputs"
            message = f"no column was named for {wanted}" + (
                f"; the file has: {known}" * bool(known)
            )
            raise InvalidInput(message, errors={"input_fields": message})


def words_of_field(values: Iterable[str]) -> list[str]:
    """Return the columns of a form field: repeated, separated by commas, or a JSON list."""
    found: list[str] = []
    for value in values:
        text = value.strip()
        if text.startswith("["):
            try:
                listed = json.loads(text)
            except ValueError as error:
                raise InvalidInput(f"{text[:40]!r} is no JSON list") from error
            found += [str(item) for item in listed]
        else:
            found += [part.strip() for part in text.split(",")]
    return [word for word in found if word]


def _pairs(words: Sequence[str]) -> Pairs:
    """`column=field`, or a column whose last part is the field's name."""
    pairs = []
    for word in words:
        column, separator, name = word.rpartition("=")
        pairs.append((column, name) if separator else (word, word.rpartition(".")[2]))
    return tuple(pairs)


def _named(wanted: Mapping[str, Any], found: Mapping[str, str], prefixes: Sequence[str]) -> Pairs:
    """Return the columns that are called like the fields, if there is one for each."""
    pairs = []
    for name in wanted:
        spelled = (f"{prefix}{name}".casefold() for prefix in prefixes)
        column = next((found[word] for word in spelled if word in found), None)
        if column is not None:
            pairs.append((column, name))
    return tuple(pairs) if len(pairs) == len(wanted) else ()
