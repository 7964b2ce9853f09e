"""Which examples an evaluation is about; the hold-out only where a look at it was asked for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from feedback_app.models import Example
from kaizen_engine.data.split import group_key
from kaizen_engine.evaluate.verdict import plan_look
from kaizen_engine.states import JobKind, Split
from optimization_app.models import Job
from projects_app.exceptions import InvalidInput
from prompts_app.models import PromptVersion

ALL = "all"
SPLITS = (Split.TRAIN.value, Split.DEV.value, Split.TEST.value, ALL)
OPEN_SPLITS = (Split.TRAIN.value, Split.DEV.value)
PLACE = "evaluation"


@dataclass(frozen=True)
class RowsAsked:
    """The splits to score; test, the hold-out, is among them only for a look."""

    splits: tuple[str, ...] = (Split.DEV.value,)

    @classmethod
    def of(cls, job: Job) -> Self | None:
        """Return what the job asks for, None for a search."""
        if job.kind != JobKind.EVALUATE:
            return None
        stored = job.config[PLACE]
        return cls(tuple(stored["splits"]))

    @property
    def has_look(self) -> bool:
        return Split.TEST.value in self.splits

    def to_json(self) -> dict[str, Any]:
        return {"splits": list(self.splits)}


def rows_asked(split: str, *, look: bool) -> RowsAsked:
    """Return which rows are meant; `look` adds the hold-out, which is never read without it."""
    if split not in SPLITS:
        message = f"must be one of {', '.join(SPLITS)}"
        raise InvalidInput(message, code="invalid_config", errors={"split": message})
    if split == Split.TEST and not look:
        message = (
            "the hold-out proves something only while nobody has looked at it, and every look asks "
            "more of the next one: say that you want to look"
        )
        raise InvalidInput(message, code="look_required", errors={"look": message})
    chosen = OPEN_SPLITS if split == ALL else (split,)
    if look and Split.TEST.value not in chosen:
        chosen = (*chosen, Split.TEST.value)
    return RowsAsked(chosen)


def look_of(examples: Iterable[Example]) -> tuple[frozenset[int], int]:
    """Return the hold-out rows of the next look, and which look it is."""
    held_out = [row for row in examples if row.split == Split.TEST.value]
    look = plan_look({str(row.pk): row.looks for row in held_out if row.is_deciding})
    undecided = {row.pk for row in held_out if not row.is_deciding}
    return frozenset({int(row_id) for row_id in look.ids} | undecided), look.k


def rows_of_evaluation(
    asked: RowsAsked, examples: Iterable[Example], versions: Iterable[PromptVersion]
) -> tuple[frozenset[int], int]:
    """Return the rows to score and which look it is; what a version demonstrates proves nothing."""
    rows = [row for row in examples if row.split in asked.splits]
    shown = _demonstrated(rows, versions)
    chosen = [row for row in rows if row.group not in shown or row.split == Split.TRAIN]
    held_out, look = look_of(chosen) if asked.has_look else (frozenset[int](), 1)
    return held_out | {row.pk for row in chosen if row.split != Split.TEST}, look


def _demonstrated(rows: Iterable[Example], versions: Iterable[PromptVersion]) -> frozenset[str]:
    """Return the groups of rows whose inputs stand in a version's demonstrations."""
    demos = [demo for version in versions for demo in version.artifact.get("demos", ())]
    keys = {group_key(demo["inputs"]) for demo in demos}
    return frozenset(row.group for row in rows if keys and group_key(row.inputs) in keys)
