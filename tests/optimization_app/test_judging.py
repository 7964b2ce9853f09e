"""Rounds of asking a judge: once, within the budget, resumed where it stopped."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from kaizen_engine.states import PassportState
from llm_app.models import LedgerEntry
from optimization_app.models import JudgeRound, JudgeVerdict
from optimization_app.passports import judge_of, passport_state
from optimization_app.services.judging import judge_round
from tasks_app.models import Task
from tests.factories.labels import HumanLabelFactory, LabelItemFactory
from tests.factories.llm import ModelPriceFactory
from tests.factories.tasks import TaskFactory

RUBRIC = "The desk.\nbilling: refund, invoice\nshipping: parcel, courier"
TEXTS = {"billing": "a refund of invoice {}", "shipping": "the parcel of courier {}"}


@pytest.fixture
def task(live_database):
    task = TaskFactory(student_model="demo")
    connection = task.student_connection
    ModelPriceFactory(connection=connection, model="demo")
    spec = {"kind": "rubric", "rubric": RUBRIC, "model": f"{connection.slug}/demo"}
    Task.objects.filter(pk=task.pk).update(evaluator=spec)
    return Task.objects.get(pk=task.pk)


def queue(task, items, *, labelled=True):
    """Queue answers, half of them right, that a person has labelled as they are."""
    for number in range(items):
        label = ("billing", "shipping")[number % 2]
        is_right = number % 4 < 2
        answer = label if is_right else "returns"
        item = LabelItemFactory(
            task=task,
            call=True,
            inputs={"text": TEXTS[label].format(number)},
            answer={"label": answer},
        )
        if labelled:
            HumanLabelFactory(item=item, word="good" if is_right else "bad")


def test_a_round_asks_about_every_item_and_measures_the_judge(task):
    queue(task, 60)
    assert "heard 60" in judge_round(task.pk)
    now = passport_state(task, task.evaluator)
    assert (now.state, now.passport.labels) == (PassportState.VALID, 60)
    assert now.passport.accuracy == now.passport.self_consistency == 1.0
    assert JudgeVerdict.objects.exclude(again="").count() == 20
    roles = set(LedgerEntry.objects.values_list("role", "purpose", "subject"))
    assert [(role, purpose) for role, purpose, _ in roles] == [("judge", "judge")]


def test_a_second_round_asks_only_what_is_missing(task):
    queue(task, 10, labelled=False)
    judge_round(task.pk)
    paid = LedgerEntry.objects.count()
    assert judge_round(task.pk) == "heard 0"
    assert LedgerEntry.objects.count() == paid
    queue(task, 3, labelled=False)
    assert judge_round(task.pk) == "heard 3"


def test_what_a_killed_round_has_paid_for_is_not_paid_again(task):
    queue(task, 10, labelled=False)
    judge_round(task.pk)
    paid = LedgerEntry.objects.count()
    JudgeVerdict.objects.all().delete()
    assert judge_round(task.pk) == "heard 10"
    assert LedgerEntry.objects.count() == paid


def test_of_two_workers_one_asks_and_a_dead_one_holds_nothing_for_long(task):
    queue(task, 2, labelled=False)
    held = JudgeRound.objects.create(task=task, asking_until=timezone.now() + timedelta(seconds=30))
    assert judge_round(task.pk) == "somebody else asks"
    assert not JudgeVerdict.objects.exists()
    JudgeRound.objects.filter(pk=held.pk).update(asking_until=timezone.now())
    assert judge_round(task.pk) == "heard 2"


def test_a_round_stops_at_the_budget_and_says_so(task):
    Task.objects.filter(pk=task.pk).update(budget_usd=Decimal("0.0006"))
    queue(task, 20, labelled=False)
    assert judge_round(task.pk) == "stopped"
    spent = sum(LedgerEntry.objects.values_list("cost_usd", flat=True))
    assert spent <= Decimal("0.0006")
    found = JudgeRound.objects.get(task=task)
    assert found.asking_until is None
    assert "budget" in found.error.lower()


def test_another_rubric_is_another_judge_that_is_asked_anew(task):
    queue(task, 4, labelled=False)
    judge_round(task.pk)
    changed = {**task.evaluator, "rubric": RUBRIC.replace("desk", "team")}
    Task.objects.filter(pk=task.pk).update(evaluator=changed)
    assert judge_round(task.pk) == "heard 4"
    hashes = set(JudgeVerdict.objects.values_list("judge_hash", flat=True))
    assert hashes == {judge_of(task.evaluator).hash, judge_of(changed).hash}
