from decimal import Decimal

import pytest

from kaizen_engine.errors import PriceUnknown
from kaizen_engine.optimize import strategy
from llm_app.services.connections import price_set
from optimization_app.config import JobConfig
from optimization_app.services.start import job_plan
from optimization_app.strategies import strategy_warnings
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput
from tasks_app.models import Task

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", sorted(strategy.STRATEGIES))
def test_every_strategy_can_be_planned_with_reasoning(ready_task: Task, name: str) -> None:
    plain = job_plan(ready_task, {"optimizer_type": name})
    reasoned = job_plan(ready_task, {"optimizer_type": name, "reasoning": True})
    low, high = plain.estimate["calls"]
    assert 0 < low <= high <= 2 * low
    assert reasoned.config.reasoning is True
    assert reasoned.estimate["calls"][1] > high


def test_a_teacher_with_a_price_of_its_own_is_in_the_estimate(ready_task: Task) -> None:
    connection = ready_task.project.connections.get(slug=ready_task.student.partition("/")[0])
    actor = Actor.system(ready_task.project_id)
    price_set(
        actor=actor,
        connection=connection,
        model="strong",
        input_usd_per_mtok=1000,
        output_usd_per_mtok=5000,
    )
    changes = {"optimizer_type": "miprov2", "teacher": f"{connection.slug}/strong"}
    dear = job_plan(ready_task, changes | {"budget_usd": 1000}).estimate["usd"]
    cheap = job_plan(ready_task, {"optimizer_type": "miprov2"}).estimate["usd"]
    assert Decimal(dear[0]) > Decimal(cheap[1])


def test_reasoning_is_a_flag(ready_task: Task) -> None:
    with pytest.raises(InvalidInput) as refused:
        job_plan(ready_task, {"reasoning": "yes"})
    assert list(refused.value.errors) == ["config.reasoning"]


def test_a_job_from_before_a_setting_existed_has_its_default(ready_task: Task) -> None:
    stored = job_plan(ready_task, {"reasoning": True}).config.to_json()
    assert JobConfig.from_json(stored).reasoning is True
    del stored["reasoning"]
    assert JobConfig.from_json(stored).reasoning is None


def test_workers_say_at_their_start_which_strategies_they_cannot_run(
    ready_task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strategy, "_PACKAGES", {"miprov2": ("a_package_that_is_not_there",)})
    assert strategy_warnings() == []
    Task.objects.filter(pk=ready_task.pk).update(optimizer="miprov2")
    (warning,) = strategy_warnings()
    assert "miprov2" in warning
    assert "a_package_that_is_not_there" in warning
    assert "worker.lock" in warning


def test_the_first_of_several_students_is_searched_for(ready_task: Task) -> None:
    connection = ready_task.project.connections.get(slug=ready_task.student.partition("/")[0])
    for model in ("small", "large"):
        price_set(
            actor=Actor.system(ready_task.project_id),
            connection=connection,
            model=model,
            input_usd_per_mtok=1,
            output_usd_per_mtok=5,
        )
    small, large = f"{connection.slug}/small", f"{connection.slug}/large"
    plan = job_plan(ready_task, {"students": [small, large, small]})
    assert (plan.config.student, plan.config.students) == (small, [large])
    alone = job_plan(ready_task, {"student": small}).estimate["calls"]
    assert plan.estimate["calls"][1] > alone[1]
    named = job_plan(ready_task, {"students": [small, large], "student": large}).config
    assert (named.student, named.students) == (large, [small])
    assert JobConfig.from_json(named.to_json()) == named


@pytest.mark.parametrize("value", [[], "a/b", ["no-model"], [1], ["a/b"] * 6])
def test_students_are_a_short_list_of_models(ready_task: Task, value: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        job_plan(ready_task, {"students": value})
    assert list(refused.value.errors) == ["config.students"]


def test_a_student_without_a_price_is_refused_before_the_start(ready_task: Task) -> None:
    unpriced = f"{ready_task.student.partition('/')[0]}/unpriced"
    with pytest.raises(PriceUnknown, match="unpriced"):
        job_plan(ready_task, {"students": [ready_task.student, unpriced]})


def test_locked_passages_and_wishes_are_frozen_in_the_job(ready_task: Task) -> None:
    ready_task.locked_text = ["Never give advice."]
    ready_task.notes = "be shorter\n\n  no jargon "
    config = job_plan(ready_task, {}).config
    assert (config.locked, config.notes) == (["Never give advice."], ["be shorter", "no jargon"])
