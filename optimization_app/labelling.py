"""The labelling queue, read: what to ask next, in which order a pair is shown, how far it is.

Nothing here says what a judge thinks of an item, except of one that the person has labelled.
"""

import hashlib
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Prefetch, QuerySet

from kaizen_engine.evaluate.passport import FEWEST_LABELS
from kaizen_engine.states import LabelKind, LabelWord
from optimization_app.models import HumanLabel, JudgeVerdict, LabelItem
from projects_app.exceptions import NotHere
from projects_app.models import User
from tasks_app.models import Task

WORDS_OF: Mapping[str, tuple[LabelWord, ...]] = {
    LabelKind.ANSWER: (LabelWord.GOOD, LabelWord.BAD, LabelWord.SKIP),
    LabelKind.PAIR: (LabelWord.FIRST, LabelWord.SECOND, LabelWord.TIE, LabelWord.SKIP),
}
TURNED = {LabelWord.FIRST: LabelWord.BAD, LabelWord.SECOND: LabelWord.GOOD}
STRAIGHT = {LabelWord.FIRST: LabelWord.GOOD, LabelWord.SECOND: LabelWord.BAD}


@dataclass(frozen=True)
class Progress:
    """`random` counts items with a blind label on which people agree; `waiting` those to ask."""

    random: int
    needed: int
    labelled: int
    waiting: int

    @property
    def percent(self) -> int:
        return min(100, round(100 * self.random / self.needed))


def next_item(task: Task, person: User) -> LabelItem | None:
    """Return what this person is asked next: random calls of the live traffic come first."""
    mine = _standing(HumanLabel.objects.filter(item=OuterRef("pk"), person=person))
    waiting = _waiting(task).exclude(Exists(mine))
    return waiting.order_by(F("feedback").asc(nulls_last=True), "id").first()


def item_by_public_id(task: Task, public_id: str) -> LabelItem:
    """Return the task's item, or raise NotHere."""
    try:
        found = LabelItem.objects.filter(task=task, public_id=uuid.UUID(public_id)).first()
    except ValueError:
        found = None
    if found is None:
        raise NotHere("there is no such item to label here")
    return found


def last_label(task: Task, person: User) -> HumanLabel | None:
    """Return what this person said last, which is what an undo takes back."""
    mine = _standing(HumanLabel.objects.filter(item__task=task, person=person))
    return mine.select_related("item").order_by("-given_at", "-id").first()


def progress_of(task: Task, kind: LabelKind = LabelKind.ANSWER) -> Progress:
    """Count the items of the kind that the task's judge is measured by."""
    return progress_by_task({task.pk: kind})[task.pk]


def progress_by_task(kinds: Mapping[int, LabelKind]) -> dict[int, Progress]:
    """Count the items of several tasks at once, each by the kind of its judge."""
    items = LabelItem.objects.filter(task__in=list(kinds)).order_by()
    rows = dict(items.values_list("task").annotate(rows=Count("id")))
    labelled: dict[int, set[int]] = {pk: set() for pk in kinds}
    blind: dict[int, dict[int, list[LabelWord]]] = {pk: {} for pk in kinds}
    for label in _spoken_of(kinds):
        item = label.item
        labelled[item.task_id].add(item.pk)
        if label.is_blind and item.is_random and item.kind == kinds[item.task_id]:
            said = blind[item.task_id].setdefault(item.pk, [])
            said.append(meaning(item, label.word))
    return {
        pk: Progress(
            random=sum(_majority(words) is not None for words in blind[pk].values()),
            needed=FEWEST_LABELS,
            labelled=len(labelled[pk]),
            waiting=rows.get(pk, 0) - len(labelled[pk]),
        )
        for pk in kinds
    }


def truths_of(task: Task, kind: LabelKind = LabelKind.ANSWER) -> dict[int, LabelWord]:
    """Return by item what people say blindly of the random ones; a draw among them says nothing."""
    labels = _spoken(HumanLabel.objects.filter(is_blind=True))
    items = LabelItem.objects.filter(task=task, kind=kind.value, is_random=True).prefetch_related(
        Prefetch("labels", queryset=labels, to_attr="blind")
    )
    found = {
        item.pk: _majority(meaning(item, label.word) for label in item.blind) for item in items
    }
    return {pk: word for pk, word in found.items() if word is not None}


def shown_answers(item: LabelItem) -> list[Any]:
    """Return the answers as they stand on the page: one, or two in the order of this item."""
    if item.kind == LabelKind.ANSWER:
        return [item.answer]
    pair = [item.answer, item.reference]
    return pair[::-1] if is_turned(item) else pair


def is_turned(item: LabelItem) -> bool:
    """Say whether the reference is shown first; known to nobody who looks at the page."""
    return hashlib.sha256(item.public_id.bytes).digest()[0] % 2 == 1


def meaning(item: LabelItem, word: str) -> LabelWord:
    """Return a label as it is about the answer: good, bad, tie or skip."""
    said = LabelWord(word)
    return (TURNED if is_turned(item) else STRAIGHT).get(said, said)


def as_shown(item: LabelItem, word: str) -> LabelWord:
    """Return a judge's word as the page of this item spells it."""
    if item.kind == LabelKind.ANSWER:
        return LabelWord(word)
    spelled = {said: shown for shown, said in (TURNED if is_turned(item) else STRAIGHT).items()}
    return spelled.get(LabelWord(word), LabelWord(word))


def verdict_beside(label: HumanLabel, judge_hash: str) -> JudgeVerdict | None:
    """Return what the judge says of an item that this label is about."""
    return JudgeVerdict.objects.filter(item=label.item, judge_hash=judge_hash).first()


def _waiting(task: Task) -> QuerySet[LabelItem]:
    spoken = _spoken(HumanLabel.objects.filter(item=OuterRef("pk")))
    return LabelItem.objects.filter(task=task).exclude(Exists(spoken))


def _spoken_of(tasks: Iterable[int]) -> QuerySet[HumanLabel]:
    about = ("public_id", "task", "kind", "is_random")
    labels = _spoken(HumanLabel.objects.filter(item__task__in=list(tasks)))
    return labels.select_related("item").only(
        "word", "is_blind", *(f"item__{name}" for name in about)
    )


def _standing(labels: QuerySet[HumanLabel]) -> QuerySet[HumanLabel]:
    return labels.filter(withdrawn_at=None)


def _spoken(labels: QuerySet[HumanLabel]) -> QuerySet[HumanLabel]:
    return _standing(labels).exclude(word=LabelWord.SKIP.value)


def _majority(words: Iterable[LabelWord]) -> LabelWord | None:
    votes = list(words)
    counts = {word: votes.count(word) for word in votes}
    best = [word for word, count in counts.items() if count == max(counts.values())]
    return best[0] if len(best) == 1 else None
