"""The labelling page in words: one question, what was said last, and the judge's passport."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from kaizen_engine.states import LabelKind, LabelWord, PassportState
from optimization_app.labelling import (
    WORDS_OF,
    Progress,
    as_shown,
    last_label,
    next_item,
    progress_by_task,
    shown_answers,
    verdict_beside,
)
from optimization_app.models import HumanLabel, JudgePassport, JudgeRound, LabelItem
from optimization_app.passports import Judge, PassportNow, answered_by, passport_states
from projects_app.models import User
from tasks_app.models import Task

QUESTIONS = {
    LabelKind.ANSWER: "Is this a good answer?",
    LabelKind.PAIR: "Which answer is better?",
}
CHOICES = {
    LabelWord.GOOD: ("Good", "g"),
    LabelWord.BAD: ("Bad", "b"),
    LabelWord.FIRST: ("Answer 1", "1"),
    LabelWord.SECOND: ("Answer 2", "2"),
    LabelWord.TIE: ("As good as each other", "t"),
}
SPELLED = {**{word: words.lower() for word, (words, _) in CHOICES.items()}, LabelWord.SKIP: "skip"}
TONES = {
    PassportState.VALID: "is-good",
    PassportState.EXPIRED: "is-open",
    PassportState.MISSING: "is-open",
    PassportState.BELOW_FLOOR: "is-bad",
}
Fields = list[tuple[str, str]]


@dataclass(frozen=True)
class Choice:
    value: str
    words: str
    key: str


@dataclass(frozen=True)
class Question:
    """One item as it is asked; it holds nothing of a judge."""

    item_id: str
    words: str
    inputs: Fields
    answers: list[tuple[str, Fields]]
    choices: list[Choice]


@dataclass(frozen=True)
class Said:
    """What the person said last; the judge's words stand beside, once it has spoken."""

    item_id: str
    words: str
    judge: str
    agrees: bool
    reasons: Fields


@dataclass(frozen=True)
class LabellingPage:
    task: Task
    progress: Progress
    passport: PassportNow
    tone: str
    figures: Fields
    answered: int
    is_asking: bool
    trouble: str
    rubric: str
    question: Question | None
    last: Said | None


def labelling_page_of(task: Task, person: User | None) -> LabellingPage:
    """Return the page; without a person who may label, it shows progress and passport only."""
    progress, now = progress_and_passport(task)
    item = next_item(task, person) if person else None
    label = last_label(task, person) if person else None
    asked = JudgeRound.objects.filter(task=task).first()
    until = asked.asking_until if asked else None
    return LabellingPage(
        task=task,
        progress=progress,
        passport=now,
        tone=TONES.get(now.state, ""),
        figures=_figures(now.passport) if now.passport else [],
        answered=answered_by(task, now.judge) if now.judge else 0,
        is_asking=until is not None and until > timezone.now(),
        trouble=asked.error if asked else "",
        rubric=now.judge.rubric if now.judge else "",
        question=_question(item) if item else None,
        last=_said(label, now.judge) if label else None,
    )


def progress_and_passport(task: Task) -> tuple[Progress, PassportNow]:
    """Return both, counting labels of the kind that the judge is measured by."""
    return progress_and_passports([task])[0]


def progress_and_passports(tasks: Sequence[Task]) -> list[tuple[Progress, PassportNow]]:
    """Return both of every task, by as many queries as for one."""
    found = passport_states(tasks)
    kinds = {
        task.pk: now.judge.kind if now.judge else LabelKind.ANSWER
        for task, now in zip(tasks, found, strict=True)
    }
    progress = progress_by_task(kinds)
    return [(progress[task.pk], now) for task, now in zip(tasks, found, strict=True)]


def _question(item: LabelItem) -> Question:
    kind = LabelKind(item.kind)
    shown = shown_answers(item)
    titles = ["Answer"] if len(shown) == 1 else ["Answer 1", "Answer 2"]
    return Question(
        item_id=str(item.public_id),
        words=QUESTIONS[kind],
        inputs=_fields(item.inputs),
        answers=[(title, _fields(answer)) for title, answer in zip(titles, shown, strict=True)],
        choices=[Choice(word.value, *CHOICES[word]) for word in WORDS_OF[kind] if word in CHOICES],
    )


def _said(label: HumanLabel, judge: Judge | None) -> Said:
    verdict = verdict_beside(label, judge.hash) if judge else None
    spoken = as_shown(label.item, verdict.word) if verdict else None
    return Said(
        item_id=str(label.item.public_id),
        words=SPELLED[LabelWord(label.word)],
        judge=SPELLED[spoken] if spoken else "",
        agrees=spoken == label.word,
        reasons=_fields(verdict.reasons) if verdict else [],
    )


def _fields(value: Any) -> Fields:
    """Return names and texts; what is no text is spelled as JSON, as a model would read it."""
    if not isinstance(value, dict):
        return [("", _text(value))]
    return [(name.replace("_", " "), _text(one)) for name, one in value.items()]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)


def _figures(passport: JudgePassport) -> Fields:
    return [
        ("Blind labels on random answers", str(passport.labels)),
        ("Kappa", f"{passport.kappa:.2f}"),
        ("Kappa, lower bound at 80 %", f"{passport.kappa_low:.2f}"),
        ("Agreement", _percent(passport.accuracy)),
        ("Good ones it calls good", _percent(passport.true_positive_rate)),
        ("Bad ones it calls bad", _percent(passport.true_negative_rate)),
        ("Says the same again", _percent(passport.self_consistency)),
        ("Prefers the first of a pair by", _percent(passport.position_bias)),
        ("Measured", f"{passport.created_at:%Y-%m-%d %H:%M} UTC"),
    ]


def _percent(share: float | None) -> str:
    return "not asked" if share is None else f"{share:.1%}"
