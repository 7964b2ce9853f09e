"""What an evaluator would say of the answers a task has, before anybody saves it.

Only what can be asked at once: no model is called and no large library loaded. Hold-out rows are
left out, since nobody is to see them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from feedback_app.models import Example
from kaizen_engine.evaluate.composite import Single, singles
from kaizen_engine.evaluate.evaluator import Case, Needs
from kaizen_engine.evaluate.spec import Spec, evaluator_from_spec
from kaizen_engine.evaluate.texts import storable, text_of
from kaizen_engine.states import Split
from projects_app.exceptions import InvalidInput
from tasks_app.fit import as_output
from tasks_app.models import Task

ROWS = 20
_LONGEST = 160


@dataclass(frozen=True)
class Shown:
    """One part's word on one answer: from 0 to 1, or nothing where it had nothing to go by."""

    score: float | None
    reason: str


@dataclass(frozen=True)
class PreviewRow:
    inputs: str
    answer: str
    expected: str
    marks: tuple[Shown, ...]


@dataclass(frozen=True)
class Preview:
    """`parts` are the columns of `rows`; `in_a_job` names the parts that only a job asks."""

    parts: tuple[str, ...]
    in_a_job: tuple[str, ...]
    rows: tuple[PreviewRow, ...]

    @property
    def means(self) -> tuple[float | None, ...]:
        columns = zip(*(row.marks for row in self.rows), strict=True)
        return tuple(_mean(mark.score for mark in column) for column in columns)


def evaluator_preview(task: Task, spec: Spec) -> Preview:
    """Score the latest answers by the light parts of `spec`; raises InvalidEvaluator."""
    parts = singles(evaluator_from_spec(spec))
    light = [part for part in parts if part.is_light]
    cases = [case for example in _latest(task) if (case := _case(task, example)) is not None]
    return Preview(
        parts=tuple(part.name for part in light),
        in_a_job=tuple(part.name for part in parts if not part.is_light),
        rows=tuple(_row(case, light) for case in cases),
    )


def _latest(task: Task) -> Iterable[Example]:
    seen = Example.objects.filter(task=task, dismissed_at=None).exclude(split=Split.TEST.value)
    return seen.select_related("feedback").order_by("-id")[:ROWS]


def _case(task: Task, example: Example) -> Case | None:
    """Return the answer that was given, or for a row of a dataset the expected one."""
    answer = _given(task, example) or example.rated_output or example.outputs
    if not isinstance(answer, Mapping) or not answer:
        return None
    return Case(
        id=str(example.pk),
        inputs=example.inputs,
        expected=example.outputs or {},
        output=answer,
        comment=example.comment,
        rated=example.rated_output,
        rated_score=example.rated_score,
    )


def _given(task: Task, example: Example) -> dict[str, Any] | None:
    if example.feedback is None:
        return None
    try:
        return as_output(task, example.feedback.output)
    except InvalidInput:
        return None


def _row(case: Case, parts: Iterable[Single]) -> PreviewRow:
    return PreviewRow(
        inputs=_short(text_of(case.inputs)),
        answer=_short(text_of(case.output)),
        expected=_short(text_of(case.expected)),
        marks=tuple(_shown(part, case) for part in parts),
    )


def _shown(part: Single, case: Case) -> Shown:
    if part.needs is Needs.EXPECTED and not case.expected:
        return Shown(None, "nothing was expected")
    mark = part.mark(case)
    return Shown(mark.score, _short(mark.reason))


def _short(text: str) -> str:
    text = storable(text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _mean(scores: Iterable[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return sum(known) / len(known) if known else None
