"""Which columns of a dataset's file fill which inputs and outputs; guessed where nobody says."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from feedback_app.column_mapping import ColumnMapping, Unmappable, cell_of
from kaizen_engine.data.groups import CONVERSATION, USER
from kaizen_engine.states import Split
from projects_app.exceptions import InvalidInput
from tasks_app.fit import LONE_OUTPUT, declared
from tasks_app.models import Task

SPLIT_COLUMN = "split"
NONE = "none"
METADATA = "metadata"
# What people and other tools call the column of the right answer, and of what is asked; in small
# letters and figures only.
ANSWERS = frozenset(
    ("expected", "expectedoutput", "expectedanswer", "output", "answer", "label", "target")
    + ("ideal", "completion", "response", "reference", "referenceanswer", "groundtruth")
    + ("correctanswer", "correctoutput", "goldanswer", "gold")
)
QUESTIONS = frozenset(
    ("input", "question", "query", "prompt", "text", "message", "request", "instruction")
    + ("utterance", "sentence", "content")
)
SPLITS: Mapping[str, Split] = {
    **{split.value: split for split in Split},
    **{"validation": Split.DEV, "val": Split.DEV, "holdout": Split.TEST, "hold-out": Split.TEST},
    **{"red team": Split.RED_TEAM, "red-team": Split.RED_TEAM},
}

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class DatasetColumns:
    """Pairs of a column and its field; `split` is the column that names the split, or empty.

    `metadata` are columns that are kept beside the row.
    """

    inputs: Pairs
    outputs: Pairs
    split: str = ""
    metadata: tuple[str, ...] = ()

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
        chosen = cls(_pairs(inputs) or guess.inputs, answers, guess.split, guess.metadata)
        chosen.check(task, columns, is_complete=is_complete)
        return chosen

    @classmethod
    def guess(cls, task: Task, columns: Sequence[str]) -> Self:
        given, wanted = declared(task.input_schema), declared(task.output_schema)
        found = _by_plain_name(columns)
        inputs = _named(given, found, ("inputs.", "input.", "vars.", ""))
        outputs = _named(wanted, found, ("outputs.", "output.", "expected.", ""))
        outputs = outputs if len(outputs) == len(wanted) else ()
        taken = {column for column, _ in (*inputs, *outputs)}
        split = found.get(SPLIT_COLUMN, "")
        if not outputs and len(wanted) <= 1:
            name, answer = next(iter(wanted), LONE_OUTPUT), _answer(columns, taken)
            outputs = ((answer, name),) if answer else ()
        taken |= {column for column, _ in outputs} | {split}
        metadata = tuple(column for column in columns if _is_beside(column) and column not in taken)
        rest = [column for column in columns if column not in taken and column not in metadata]
        if not inputs and len(given) == 1 and rest:
            inputs = ((_question(rest), next(iter(given))),)
        if not given:
            inputs = tuple((column, column.rpartition(".")[2]) for column in _asked(rest))
        return cls(inputs, outputs, split, metadata)

    @classmethod
    def from_targets(cls, columns: Sequence[str], targets: Sequence[str]) -> Self:
        """Read what each column becomes: `inputs.<field>`, `outputs.<field>`, a word, or nothing.

        Raises InvalidInput where two columns are to fill one field.
        """
        pairs = list(zip(columns, targets, strict=False))
        return cls(
            _chosen(pairs, "inputs."),
            _chosen(pairs, "outputs."),
            next((column for column, target in pairs if target == SPLIT_COLUMN), ""),
            tuple(column for column, target in pairs if target == METADATA),
        )

    @classmethod
    def from_json(cls, mapping: Mapping[str, Any]) -> Self:
        return cls(
            tuple(mapping.get("inputs", {}).items()),
            tuple(mapping.get("outputs", {}).items()),
            mapping.get("split", ""),
            tuple(mapping.get(METADATA, ())),
        )

    @property
    def targets(self) -> dict[str, str]:
        """Return what each column becomes, as `from_targets` reads it."""
        return {
            **{column: f"inputs.{name}" for column, name in self.inputs},
            **{column: f"outputs.{name}" for column, name in self.outputs},
            **dict.fromkeys(self.metadata, METADATA),
            **({self.split: SPLIT_COLUMN} if self.split else {}),
        }

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

    def metadata_of(self, cells: Mapping[str, Any]) -> dict[str, Any]:
        """Return the cells that are kept beside the row, by the last part of their names."""
        found = {column.rpartition(".")[2]: cell_of(cells, column) for column in self.metadata}
        return {name: cell for name, cell in found.items() if cell is not None and cell != ""}

    def to_json(self) -> dict[str, Any]:
        parts = {"inputs": dict(self.inputs), "outputs": dict(self.outputs), "split": self.split}
        return {**parts, **({METADATA: list(self.metadata)} if self.metadata else {})}

    def _mapping(self) -> ColumnMapping:
        inputs = ((column, f"inputs.{field}") for column, field in self.inputs)
        outputs = ((column, f"corrected_output.{field}") for column, field in self.outputs)
        return ColumnMapping((*inputs, *outputs))

    def check(self, task: Task, columns: Sequence[str], *, is_complete: bool) -> None:
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


def _chosen(pairs: Sequence[tuple[str, str]], head: str) -> Pairs:
    chosen = [(column, target[len(head) :]) for column, target in pairs if target.startswith(head)]
    fields = [field for _, field in chosen]
    twice = next((field for field in fields if fields.count(field) > 1), "")
    if twice:
        message = f"two columns are to fill {twice!r}: choose one of them"
        raise InvalidInput(message, errors={twice: message})
    return tuple(chosen)


def _named(wanted: Iterable[str], found: Mapping[str, str], prefixes: Sequence[str]) -> Pairs:
    """Return the columns that are called like the fields."""
    pairs = []
    for name in wanted:
        spelled = (f"{prefix}{_plain(name)}" for prefix in prefixes)
        column = next((found[word] for word in spelled if word in found), None)
        if column is not None:
            pairs.append((column, name))
    return tuple(pairs)


def _by_plain_name(columns: Sequence[str]) -> dict[str, str]:
    return {_plain(column): column for column in reversed(columns)}


def _plain(name: str) -> str:
    """`Expected Output`, `expected_output` and `expectedOutput` are one word."""
    return "".join(letter for letter in name.casefold() if letter.isalnum() or letter == ".")


def _answer(columns: Sequence[str], taken: Collection[str]) -> str:
    free = [column for column in columns if column not in taken]
    named = [column for column in free if _plain(column) in ANSWERS]
    heads = ("expected.", "outputs.", "output.")
    inside = [column for column in free if _plain(column).startswith(heads)]
    likely = [column for column in inside if _plain(column.rpartition(".")[2]) in ANSWERS]
    return next(iter([*named, *likely, *inside]), "")


def _question(rest: Sequence[str]) -> str:
    """Return the column that is called like a question, one of `inputs` before others."""
    asked = _asked(rest)
    return next((c for c in asked if _plain(c.rpartition(".")[2]) in QUESTIONS), asked[0])


def _asked(rest: Sequence[str]) -> Sequence[str]:
    return [column for column in rest if column.startswith("inputs.")] or rest


def _is_beside(column: str) -> bool:
    return column.startswith(f"{METADATA}.") or column in (*CONVERSATION, *USER)
