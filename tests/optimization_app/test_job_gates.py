"""What a job measures beside its verdict, and what the gates make of it."""

from typing import Any

import pytest

from kaizen_engine.evaluate.runner import RowScore
from kaizen_engine.optimize.outcome import EvaluationEvent
from optimization_app.config import JobConfig
from optimization_app.models import Job
from optimization_app.services.job_gates import _call, measured_gates
from prompts_app.gates import Check
from prompts_app.models import PromptVersion
from prompts_app.services.checks import gate_checks
from prompts_app.services.gates import gates_record
from tests.factories.feedback import ExampleFactory
from tests.factories.llm import CallRecordFactory
from tests.factories.prompts import PromptVersionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(running_job: Job) -> PromptVersion:
    return PromptVersionFactory(
        task=running_job.task, proven=running_job.seed_version, parents=[running_job.seed_version]
    )


def guards(**changes: Any) -> dict[str, Any]:
    nothing = {
        "protected": {"examples": [], "broken": []},
        "red_team": None,
        "segments": [],
        "call": {},
    }
    return {"guards": nothing | changes}


def found(job: Job, version: PromptVersion, evidence: dict[str, Any]) -> dict[str, Check]:
    gates_record(version, measured_gates(job, evidence))
    checks = gate_checks(version, job.seed_version)
    return {check.name: check for check in checks}


def test_a_protected_example_that_broke_fails_with_a_link_to_its_job(
    running_job: Job, version: PromptVersion
) -> None:
    example = ExampleFactory(task=running_job.task, is_protected=True)
    broke = guards(protected={"examples": [example.pk], "broken": [example.pk]})
    check = found(running_job, version, broke)["protected_examples"]
    assert (check.outcome, check.reason) == ("fail", "1 of 1 protected examples broke")
    assert str(running_job.public_id) in check.link


def test_an_example_protected_since_has_to_be_tried_first(
    running_job: Job, version: PromptVersion
) -> None:
    example = ExampleFactory(task=running_job.task, is_protected=True)
    held = guards(protected={"examples": [example.pk], "broken": []})
    assert found(running_job, version, held)["protected_examples"].outcome == "pass"
    ExampleFactory(task=running_job.task, is_protected=True)
    check = found(running_job, version, held)["protected_examples"]
    assert check.outcome == "fail"
    assert check.reason == "1 protected example was not tried: evaluate this version again"


@pytest.mark.parametrize(
    ("fallen", "is_worse", "words"),
    [(True, False, "fell in every round"), (False, True, "worse on the whole")],
)
def test_the_red_team_blocks_by_a_fallen_row_or_on_the_whole(
    running_job: Job, version: PromptVersion, fallen: bool, is_worse: bool, words: str
) -> None:
    example = ExampleFactory(task=running_job.task, split="red_team")
    finding = {
        "examples": [example.pk],
        "fallen": [example.pk] if fallen else [],
        **{"n": 1, "gain": -0.4, "p": 0.001, "alpha": 0.02, "is_worse": is_worse},
    }
    check = found(running_job, version, guards(red_team=finding))["red_team"]
    assert check.outcome == "fail"
    assert words in check.reason


def test_red_team_rows_nobody_tried_fail_and_none_at_all_do_not_apply(
    running_job: Job, version: PromptVersion
) -> None:
    assert found(running_job, version, guards())["red_team"].outcome == "not_applicable"
    ExampleFactory(task=running_job.task, split="red_team")
    assert "not tried" in found(running_job, version, guards())["red_team"].reason


def test_a_kind_of_input_that_got_worse_fails(running_job: Job, version: PromptVersion) -> None:
    worse = {
        **{"kind": "language", "value": "de", "n": 40, "gain": -0.2, "p": 1e-4},
        **{"needed": 0.025, "is_worse": True},
    }
    check = found(running_job, version, guards(segments=[worse]))["segments"]
    assert check.outcome == "fail"
    assert "language de: -20.0 points" in check.reason


@pytest.mark.parametrize(
    ("bound", "outcome"), [(None, "not_applicable"), (1.5, "fail"), (2.0, "pass")]
)
@pytest.mark.parametrize("name", ["cost", "latency"])
def test_a_call_is_held_to_the_bound_that_the_task_has_now(
    running_job: Job, version: PromptVersion, name: str, bound: float | None, outcome: str
) -> None:
    call = {"rows": 9, "cost_usd": [0.001, 0.002], "latency_ms": [100.0, 200.0]}
    setattr(version.task, f"max_{name}_ratio", bound)
    check = found(running_job, version, guards(call=call))[name]
    assert (check.outcome, check.figure["ratio"]) == (outcome, 2.0)
    assert bound != 1.5 or "2.00 times as much as now" in check.reason


def test_a_bound_without_a_measurement_fails(running_job: Job, version: PromptVersion) -> None:
    version.task.max_cost_ratio = 1.5
    assert "was not measured" in found(running_job, version, guards())["cost"].reason


def test_calls_are_compared_over_the_rows_that_both_answered(running_job: Job) -> None:
    def event(label: str, *examples: int) -> EvaluationEvent:
        rows = [RowScore(str(n), 1.0, {}, "", "", f"{label}{n}") for n in examples]
        return EvaluationEvent(label, "0" * 64, tuple(rows))

    for messages, cost, latency in (
        ("baseline_dev1", "0.001", 10),
        ("baseline_dev2", "0.005", 90),
        ("winner_dev1", "0.002", 30),
    ):
        CallRecordFactory(
            subject=running_job.public_id,
            model=JobConfig.from_json(running_job.config).student,
            messages_hash=messages,
            cost_usd=cost,
            latency_ms=latency,
        )
    events = {
        "baseline_dev": event("baseline_dev", 1, 2),
        "winner_dev": event("winner_dev", 1, 2),
    }
    assert _call(running_job, events) == {
        "rows": 1,
        "cost_usd": [0.001, 0.002],
        "latency_ms": [10.0, 30.0],
    }
