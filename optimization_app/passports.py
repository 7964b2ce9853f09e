"""Judges and their passports, read: whose scores may confirm, and in words why not.

The web asks too, so nothing here imports an evaluator's library or a model's client.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kaizen_engine.evaluate.passport import FEWEST_LABELS
from kaizen_engine.evaluate.spec import Spec, evaluator_hash, judge_specs, models_of, parts_of
from kaizen_engine.states import LabelKind, PassportState
from optimization_app.models import JudgePassport, JudgeVerdict
from tasks_app.models import Task

PAIRWISE = "pairwise"


@dataclass(frozen=True)
class Judge:
    """What an evaluator asks a judge, apart from all else it measures.

    `hash` covers rubric, wording, model and parameters: it is what a passport is bound to. `name`
    is what its part of a score is called.
    """

    spec: Mapping[str, Any]
    hash: str
    name: str

    @property
    def kind(self) -> LabelKind:
        return LabelKind.PAIR if self.spec["kind"] == PAIRWISE else LabelKind.ANSWER

    @property
    def model(self) -> str:
        return ", ".join(models_of(self.spec))

    @property
    def rubric(self) -> str:
        return str(self.spec.get("rubric", ""))


@dataclass(frozen=True)
class PassportNow:
    """Where a task's judge stands; `passport` is its latest, or the expired one of another."""

    state: PassportState
    words: str
    judge: Judge | None = None
    passport: JudgePassport | None = None

    @property
    def may_confirm(self) -> bool:
        return self.state in {PassportState.VALID, PassportState.NOT_NEEDED}


def judge_of(evaluator: Spec) -> Judge | None:
    """Return the judge of an evaluator, of several the first: it is the one that people check."""
    specs = judge_specs(evaluator)
    if not specs:
        return None
    kind = specs[0]["kind"]
    part = next(part for part in parts_of(evaluator) if part.get("kind") == kind)
    return Judge(specs[0], evaluator_hash(specs[0]), str(part.get("name") or kind))


def passport_state(task: Task, evaluator: Spec) -> PassportNow:
    """Say whether the evaluator's judge may confirm, by its passport and the task's floor."""
    return _state(task, evaluator, list(JudgePassport.objects.filter(task=task)))


def passport_states(tasks: Sequence[Task]) -> list[PassportNow]:
    """Say it of each task's own evaluator, by one query for all of them."""
    found: dict[int, list[JudgePassport]] = {task.pk: [] for task in tasks}
    for passport in JudgePassport.objects.filter(task__in=list(found)):
        found[passport.task_id].append(passport)
    return [_state(task, task.evaluator, found[task.pk]) for task in tasks]


def _state(task: Task, evaluator: Spec, passports: Sequence[JudgePassport]) -> PassportNow:
    """Judge by the task's passports, the latest first."""
    judge = judge_of(evaluator)
    if judge is None:
        return PassportNow(PassportState.NOT_NEEDED, "No judge scores this prompt.")
    own = next((one for one in passports if one.judge_hash == judge.hash), None)
    if own is None:
        return _without(judge, passports[0] if passports else None)
    if own.labels < FEWEST_LABELS or own.kappa_low < task.judge_floor:
        return PassportNow(PassportState.BELOW_FLOOR, _below(own, task.judge_floor), judge, own)
    return PassportNow(PassportState.VALID, _valid(own, task.judge_floor), judge, own)


def judges_unproven(tasks: Iterable[Task]) -> list[Task]:
    """Return the tasks whose judge may not confirm, by one query for all of them."""
    judged = [(task, judge) for task in tasks if (judge := judge_of(task.evaluator))]
    held = JudgePassport.objects.filter(
        task__in=[task for task, _ in judged], labels__gte=FEWEST_LABELS
    )
    found = held.values_list("task_id", "judge_hash", "kappa_low")
    floors = {(task_id, judge): low for task_id, judge, low in found}
    return [
        task
        for task, judge in judged
        if floors.get((task.pk, judge.hash), float("-inf")) < task.judge_floor
    ]


def answered_by(task: Task, judge: Judge) -> int:
    """Return how many items of the task's queue the judge has answered."""
    return JudgeVerdict.objects.filter(item__task=task, judge_hash=judge.hash).count()


def _without(judge: Judge, other: JudgePassport | None) -> PassportNow:
    if other is None:
        words = (
            f"The judge has no passport: it needs {FEWEST_LABELS} blind labels of people on "
            "random answers. Until then it informs, and confirms nothing."
        )
        return PassportNow(PassportState.MISSING, words, judge)
    words = (
        "The passport has expired: rubric, model or parameters of the judge have changed since. "
        "Ask the judge again about the labelled answers; until then it confirms nothing."
    )
    return PassportNow(PassportState.EXPIRED, words, judge, other)


def _below(own: JudgePassport, floor: float) -> str:
    return (
        f"The judge agrees too little with people: kappa is at least {own.kappa_low:.2f} and has "
        f"to be {floor:.2f}. It informs, and confirms nothing."
    )


def _valid(own: JudgePassport, floor: float) -> str:
    return (
        f"The judge agrees with people: kappa is at least {own.kappa_low:.2f}, the floor is "
        f"{floor:.2f}, by {own.labels} blind labels on random answers."
    )
