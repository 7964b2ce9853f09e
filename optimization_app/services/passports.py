"""Measuring a judge against people, on the random items that both have spoken of."""

from django.db import transaction

from kaizen_engine.evaluate.passport import FEWEST_LABELS, Said, passport_of
from kaizen_engine.states import LabelWord
from optimization_app.labelling import truths_of
from optimization_app.models import JudgePassport, JudgeVerdict
from optimization_app.passports import Judge
from projects_app.actors import Actor
from projects_app.services.audit import audit_record
from tasks_app.models import Task


@transaction.atomic
def passport_measure(*, actor: Actor, task: Task, judge: Judge) -> JudgePassport | None:
    """Store a new passport from all labels there are; None while they are too few."""
    said = _said(task, judge)
    if len(said) < FEWEST_LABELS:
        return None
    found = passport_of(said, floor=task.judge_floor)
    passport = JudgePassport.objects.create(
        task=task,
        judge_hash=judge.hash,
        judge=dict(judge.spec),
        labels=found.labels,
        accuracy=found.accuracy,
        kappa=found.kappa,
        kappa_low=found.kappa_low,
        true_positive_rate=found.true_positive_rate,
        true_negative_rate=found.true_negative_rate,
        position_bias=found.position_bias,
        self_consistency=found.self_consistency,
        floor=found.floor,
    )
    audit_record(
        actor=actor,
        action="kaizen.judge.measured",
        subject=passport,
        judge=judge.hash,
        labels=found.labels,
        kappa_low=found.kappa_low,
    )
    return passport


def _said(task: Task, judge: Judge) -> list[Said]:
    truths = truths_of(task, judge.kind)
    verdicts = JudgeVerdict.objects.filter(item__in=truths, judge_hash=judge.hash)
    return [
        Said(truths[one.item_id], LabelWord(one.word), one.again, tuple(one.picks))
        for one in verdicts.order_by("item_id")
    ]
