"""Asking a task's judge about the answers of the labelling queue, and measuring it by them.

1. A round is claimed by a conditional UPDATE: of two workers one asks.
2. What was answered is stored as it comes; a later round asks only what is missing, and what a
   killed one has paid for is in its journal.
3. With enough blind labels the judge is measured.
"""

import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from kaizen_engine.clock import SystemClock
from kaizen_engine.errors import JobAbort, KaizenError
from kaizen_engine.evaluate.evaluator import Case
from kaizen_engine.evaluate.hearing import Bench, Heard, hear_judge
from kaizen_engine.evaluate.passport import FEWEST_LABELS
from kaizen_engine.llm.meter import Budget, Meter
from kaizen_engine.states import LabelKind
from llm_app.gateways import gateway_for
from llm_app.journal import journal_open
from optimization_app.labelling import truths_of
from optimization_app.models import Job, JudgePassport, JudgeRound, JudgeVerdict, LabelItem
from optimization_app.passports import Judge, judge_of
from optimization_app.queue import ask_judge_on_commit
from optimization_app.services.daily_budget import promised_to_jobs, spent_today
from optimization_app.services.passports import passport_measure
from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from projects_app.models import Role
from projects_app.services.audit import audit_record
from tasks_app.models import Task

PURPOSE = "judge"
MOST_ITEMS = 300
ASKED_TWICE = 20
# Below the time-out of the queue's default cluster.
ROUND_S = 100


@transaction.atomic
def judge_ask(*, actor: Actor, task: Task) -> None:
    """Have a worker ask the judge; raises Conflict where no judge scores this task."""
    actor.require(role=Role.EDITOR, project_id=task.project_id)
    judge = judge_of(task.evaluator)
    if judge is None:
        raise Conflict("no judge scores this prompt", code="no_judge")
    audit_record(actor=actor, action="kaizen.judge.asked", subject=task, judge=judge.hash)
    ask_judge_on_commit(task.pk)


def judge_ask_when_due(task: Task) -> None:
    """Have the judge measured as soon as the labels suffice, and after every ten more."""
    judge = judge_of(task.evaluator)
    if judge is None:
        return
    labels = len(truths_of(task, judge.kind))
    if labels >= FEWEST_LABELS and labels % 10 == 0:
        ask_judge_on_commit(task.pk)


def judge_round(task_id: int) -> str:
    """Ask what is missing, measure, and say what happened; a second worker leaves at once."""
    task = Task.objects.select_related("project").get(pk=task_id)
    judge = judge_of(task.evaluator)
    if judge is None:
        return "no judge"
    with _claimed(task) as is_mine:
        if not is_mine:
            return "somebody else asks"
        heard = _hear(task, judge)
        passport = _measure(task, judge)
        kappa = f", kappa at least {passport.kappa_low:.2f}" if passport else ""
        return f"heard {heard}{kappa}"
    return "stopped"


@contextmanager
def _claimed(task: Task) -> Iterator[bool]:
    """Hold the round for as long as a worker may take; a failure is left in words for the page."""
    JudgeRound.objects.get_or_create(task=task)
    now = timezone.now()
    free = Q(asking_until=None) | Q(asking_until__lt=now)
    mine = JudgeRound.objects.filter(free, task=task)
    until = now + timedelta(seconds=ROUND_S + 20)
    if not mine.update(asking_until=until, error=""):
        yield False
        return
    error = ""
    try:
        yield True
    except (JobAbort, KaizenError) as stopped:
        error = str(stopped)
    finally:
        held = JudgeRound.objects.filter(task=task, asking_until=until)
        held.update(asking_until=None, error=error)


def _hear(task: Task, judge: Judge) -> int:
    items = {item.pk: item for item in _unheard(task, judge)}
    if not items:
        return 0
    cases = {pk: _case(item) for pk, item in items.items()}
    truths = truths_of(task, judge.kind)
    known = JudgeVerdict.objects.filter(item__task=task, judge_hash=judge.hash).exclude(again="")
    twice = sorted(truths.keys() & items.keys())[: max(0, ASKED_TWICE - known.count())]
    stored: list[int] = []

    def store(pk: int, heard: Heard) -> None:
        _store(items[pk], judge, heard)
        stored.append(pk)

    _ask(task, judge, cases, twice, store)
    return len(stored)


def _unheard(task: Task, judge: Judge) -> list[LabelItem]:
    """Return the questions the judge has not answered, those that people have before others."""
    items = LabelItem.objects.filter(task=task, kind=judge.kind.value)
    missing = items.exclude(verdicts__judge_hash=judge.hash).select_related("example")
    labelled = truths_of(task, judge.kind)
    ordered = sorted(missing, key=lambda item: (item.pk not in labelled, item.pk))
    return ordered[:MOST_ITEMS]


def _case(item: LabelItem) -> Case:
    """Return what a job would give the judge, so that an answer it has paid for is found again."""
    example = item.example
    output = item.answer if isinstance(item.answer, dict) else {"answer": item.answer}
    if example is None:
        return Case(str(item.public_id), item.inputs, {}, output)
    return Case(
        id=str(example.pk),
        inputs=example.inputs,
        expected=example.outputs,
        output=output,
        comment=example.comment,
        rated=example.rated_output,
        rated_score=example.rated_score,
    )


def _ask(
    task: Task,
    judge: Judge,
    cases: dict[int, Case],
    twice: Collection[int],
    on_heard: Callable[[int, Heard], None],
) -> None:
    bench = Bench(judge.spec, judge.kind is LabelKind.PAIR, task.good_score)
    subject = uuid.uuid5(task.public_id, judge.hash)
    with journal_open(subject=subject, project_id=task.project_id, purpose=PURPOSE) as journal:
        deadline = timezone.now() + timedelta(seconds=ROUND_S)
        budget = Budget(usd=_allowance(task), deadline=deadline)
        meter = Meter(budget, journal.spent(), SystemClock())
        models = judge.model.split(", ")
        gateway = gateway_for(task.project, models, meter=meter, journal=journal)
        threads = settings.CONFIG.job_threads
        hear_judge(bench, cases, gateway, again=twice, threads=threads, on_heard=on_heard)


def _allowance(task: Task) -> Decimal:
    """Return what may be spent on this judge in all: a job's budget, and no more than is left of
    the project's day."""
    daily = task.project.daily_budget_usd
    if daily is None:
        return task.budget_usd
    spent = spent_today(task.project, timezone.now())
    left = daily - spent - promised_to_jobs(task.project, besides=Job())
    return min(task.budget_usd, max(left, Decimal(0)))


def _store(item: LabelItem, judge: Judge, heard: Heard) -> None:
    JudgeVerdict.objects.get_or_create(
        item=item,
        judge_hash=judge.hash,
        defaults={
            "word": heard.word.value,
            "score": heard.score,
            "reasons": dict(heard.reasons),
            "picks": list(heard.picks),
            "again": heard.again,
        },
    )


def _measure(task: Task, judge: Judge) -> JudgePassport | None:
    """Measure anew where there are more labels than the last time."""
    last = JudgePassport.objects.filter(task=task, judge_hash=judge.hash).first()
    said = truths_of(task, judge.kind)
    heard = JudgeVerdict.objects.filter(item__in=said, judge_hash=judge.hash).count()
    if last is not None and last.labels == heard:
        return last
    return passport_measure(actor=Actor.system(task.project_id), task=task, judge=judge)
