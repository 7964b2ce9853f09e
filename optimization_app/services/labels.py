"""What people say of answers, once a person and item, and blind as long as they have not been told.

Only a signed-in member labels: a key is a machine, and what a model says is no label.
"""

from django.db import transaction
from django.utils import timezone

from feedback_app.services.review import feedback_judge, feedback_reopen
from kaizen_engine.states import LabelWord
from optimization_app.labelling import WORDS_OF
from optimization_app.models import HumanLabel, JudgeVerdict, LabelItem
from optimization_app.services.judging import judge_ask_when_due
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed
from projects_app.models import Role, User
from projects_app.services.audit import audit_record

LONGEST_NOTE = 2000
RATINGS = (LabelWord.GOOD.value, LabelWord.BAD.value)


@transaction.atomic
def label_give(*, actor: Actor, item: LabelItem, word: str, note: str = "") -> HumanLabel:
    """Store the member's label; raises Conflict where they have labelled the item already."""
    person = _person(actor, item)
    said = {"word": _checked(item, word), "note": _trimmed(note), "given_at": timezone.now()}
    label, is_new = HumanLabel.objects.get_or_create(item=item, person=person, defaults=said)
    if not is_new:
        mine = HumanLabel.objects.filter(pk=label.pk, withdrawn_at__isnull=False)
        if not mine.update(**said, withdrawn_at=None):
            raise Conflict("you have labelled this one already", code="labelled")
        label.refresh_from_db()
    audit_record(
        actor=actor,
        action="kaizen.label.given",
        subject=item,
        reason=label.note,
        word=label.word,
        is_blind=label.is_blind,
    )
    _judge_call(actor, label)
    judge_ask_when_due(item.task)
    return label


@transaction.atomic
def label_withdraw(*, actor: Actor, item: LabelItem) -> HumanLabel:
    """Take the member's label back, so that they are asked again.

    Where a judge had answered they have seen its answer: whatever they say now is not blind.
    """
    person = _person(actor, item)
    mine = HumanLabel.objects.filter(item=item, person=person, withdrawn_at=None)
    was_told = JudgeVerdict.objects.filter(item=item).exists()
    changes = {"is_blind": False} if was_told else {}
    if not mine.update(withdrawn_at=timezone.now(), **changes):
        raise Conflict("there is no label of yours to take back", code="not_labelled")
    audit_record(actor=actor, action="kaizen.label.withdrawn", subject=item)
    others = HumanLabel.objects.filter(item=item, withdrawn_at=None, word__in=RATINGS)
    if item.feedback is not None and not others.exists():
        feedback_reopen(actor=actor, row=item.feedback)
    return HumanLabel.objects.get(item=item, person=person)


def _judge_call(actor: Actor, label: HumanLabel) -> None:
    """Let a call of the traffic, which came in unjudged, teach and decide like any other."""
    row = label.item.feedback
    if row is not None and label.word in RATINGS:
        is_good = label.word == LabelWord.GOOD
        feedback_judge(actor=actor, row=row, is_good=is_good, comment=label.note)


def _person(actor: Actor, item: LabelItem) -> User:
    actor.require(role=Role.EDITOR, project_id=item.task.project_id)
    if actor.user is None or actor.role is None:
        raise NotAllowed("only a signed-in member labels")
    return actor.user


def _checked(item: LabelItem, word: str) -> str:
    allowed = [one.value for one in WORDS_OF[item.kind]]
    if word not in allowed:
        message = f"must be one of {', '.join(allowed)}"
        raise InvalidInput(f"label: {message}", errors={"label": message})
    return LabelWord(word).value


def _trimmed(note: str) -> str:
    text = note.replace("\x00", "").strip()
    if len(text) > LONGEST_NOTE:
        message = f"must be at most {LONGEST_NOTE} characters"
        raise InvalidInput(f"note: {message}", errors={"note": message})
    return text
