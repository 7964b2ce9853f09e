"""Passports: what a task's judge may say, and that one changed word ends it."""

import pytest

from kaizen_engine.states import PassportState
from optimization_app.models import HumanLabel
from optimization_app.passports import judge_of, passport_state
from optimization_app.services.judge_gate import judge_check, judge_facts
from optimization_app.services.passports import passport_measure
from projects_app.models import AuditEntry
from prompts_app.models import GateOutcome
from tasks_app.models import Task
from tests.factories.labels import (
    HumanLabelFactory,
    JudgePassportFactory,
    JudgeVerdictFactory,
    LabelItemFactory,
)

pytestmark = pytest.mark.django_db

RUBRIC = "A good answer names the desk."
RUBRIC_JUDGE = {"kind": "rubric", "rubric": RUBRIC, "model": "models/judge"}


@pytest.fixture
def task(task):
    Task.objects.filter(pk=task.pk).update(evaluator=RUBRIC_JUDGE)
    return Task.objects.get(pk=task.pk)


@pytest.fixture
def judge(task):
    return judge_of(task.evaluator)


def label_many(task, judge, *, agreed=60, of=60, **item):
    """Store items with a label and a verdict; judge and people agree on the first `agreed`."""
    turned = {"good": "bad", "bad": "good"}
    for number in range(of):
        word = "good" if number % 2 else "bad"
        one = LabelItemFactory(task=task, **item)
        HumanLabelFactory(item=one, word=word)
        said = word if number < agreed else turned[word]
        JudgeVerdictFactory(item=one, judge_hash=judge.hash, word=said)


def test_sixty_blind_random_labels_make_a_passport_with_its_figures(task, judge, system_actor):
    label_many(task, judge, agreed=56)
    passport = passport_measure(actor=system_actor, task=task, judge=judge)
    assert (passport.labels, passport.judge_hash) == (60, judge.hash)
    assert passport.kappa == pytest.approx(2 * 56 / 60 - 1)
    assert passport_state(task, task.evaluator).state is PassportState.VALID
    entry = AuditEntry.objects.get(action="kaizen.judge.measured")
    assert entry.data["labels"] == 60


def test_fifty_nine_labels_are_too_few(task, judge, system_actor):
    label_many(task, judge, of=59)
    assert passport_measure(actor=system_actor, task=task, judge=judge) is None
    assert passport_state(task, task.evaluator).state is PassportState.MISSING


@pytest.mark.parametrize("which", ["unsure", "told", "unanswered", "other judge"])
def test_labels_that_are_not_blind_on_random_answers_do_not_count(task, judge, system_actor, which):
    label_many(task, judge, of=59)
    if which == "unsure":
        label_many(task, judge, of=1, is_random=False)
    elif which == "told":
        label_many(task, judge, of=1)
        HumanLabel.objects.filter(pk=HumanLabel.objects.latest("pk").pk).update(is_blind=False)
    elif which == "unanswered":
        HumanLabelFactory(item=LabelItemFactory(task=task))
    else:
        JudgeVerdictFactory(item=HumanLabelFactory(item=LabelItemFactory(task=task)).item)
    assert passport_measure(actor=system_actor, task=task, judge=judge) is None


def test_the_bound_has_to_hold_the_floor_that_the_task_has_now(task, judge):
    JudgePassportFactory(task=task, judge_hash=judge.hash, kappa_low=0.65)
    assert passport_state(task, task.evaluator).state is PassportState.VALID
    task.judge_floor = 0.7
    now = passport_state(task, task.evaluator)
    assert now.state is PassportState.BELOW_FLOOR
    assert not now.may_confirm
    assert "at least 0.65 and has to be 0.70" in now.words


@pytest.mark.parametrize(
    "change",
    [
        {"rubric": RUBRIC.replace("desk", "team")},
        {"model": "models/other"},
        {"temperature": 0.3},
        {"kind": "pairwise"},
    ],
    ids=str,
)
def test_one_changed_word_model_or_parameter_expires_the_passport(task, judge, change):
    JudgePassportFactory(task=task, judge_hash=judge.hash)
    assert passport_state(task, task.evaluator).may_confirm
    changed = {**RUBRIC_JUDGE, **change}
    now = passport_state(task, changed)
    assert now.state is PassportState.EXPIRED
    assert not now.may_confirm
    check = judge_check(judge_facts(task, changed))
    assert check.outcome == GateOutcome.FAILED
    assert "has expired" in check.reason


def test_weights_and_a_second_judge_leave_the_passport_as_it_is(task, judge):
    JudgePassportFactory(task=task, judge_hash=judge.hash)
    second = {"second": {"model": "models/second", "share": 0.2}}
    whole = {
        "kind": "composite",
        "parts": [
            {"kind": "exact_match", "weight": 0.3},
            {**RUBRIC_JUDGE, **second, "name": "helpful", "weight": 0.7},
        ],
    }
    assert passport_state(task, whole).state is PassportState.VALID
    assert judge_of(whole).name == "helpful"


def test_without_a_judge_no_passport_is_needed(task):
    now = passport_state(task, "exact_match")
    assert (now.state, now.may_confirm) == (PassportState.NOT_NEEDED, True)
    check = judge_check(judge_facts(task, "exact_match"))
    assert check.outcome == GateOutcome.NOT_APPLICABLE


def test_a_passport_of_another_prompt_is_worth_nothing_here(task, judge):
    JudgePassportFactory(judge_hash=judge.hash)
    assert passport_state(task, task.evaluator).state is PassportState.MISSING
