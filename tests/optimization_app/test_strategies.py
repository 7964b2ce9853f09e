from decimal import Decimal

import pytest

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
