"""An evaluation from start to end: what it pays for, what it looks at, and what it is worth."""

from decimal import Decimal

import pytest

from feedback_app.models import Example, TaskCounter
from kaizen_engine.states import JobKind, JobState, StopReason, Verdict
from optimization_app.models import EvaluationRow, Job
from optimization_app.selectors import job_sentence
from optimization_app.services.cancel import job_cancel
from optimization_app.services.evaluate import evaluation_start
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput
from prompts_app.models import Tag
from prompts_app.services.checks import measured
from tests.factories.prompts import PromptVersionFactory, artifact_for
from tests.optimization_app import evaluations, stage
from tests.optimization_app.evaluations import build, calls_of, edited, evaluate, live

pytestmark = pytest.mark.usefixtures("live_database")
BOTH = pytest.mark.parametrize("live_database", ["sqlite", "postgres"], indirect=True)


@BOTH
def test_a_version_by_itself_is_scored_row_by_row():
    task = build({"dev": 40, "test": 30})
    job = evaluate(live(task))
    assert (job.kind, job.state, job.stop_reason) == (
        JobKind.EVALUATE,
        JobState.SUCCEEDED,
        StopReason.FINISHED,
    )
    assert (job.verdict, calls_of(job), job.calls) == (Verdict.NONE, 40, 40)
    assert EvaluationRow.objects.filter(job=job, label="baseline_dev").count() == 40
    assert set(job.result["evaluation"]["splits"]) == {"dev"}
    assert "on 40 rows of dev" in job_sentence(job)


def test_only_rows_that_are_new_are_paid_for():
    task = build({"dev": 100})
    first = evaluate(live(task))
    evaluations.add_rows(task, stage.messages(130)[100:])
    second = evaluate(live(task))
    assert (calls_of(first), calls_of(second)) == (100, 30)
    assert second.estimate["calls"] == [30, 30]
    assert second.estimate["cached"] == second.result["evaluation"]["cached"] == 100
    assert EvaluationRow.objects.filter(job=second).count() == 130


def test_a_changed_prompt_pays_for_itself_and_not_for_the_live_one():
    task = build({"dev": 50})
    evaluate(live(task))
    job = evaluate(edited(task))
    assert calls_of(job) == 50
    assert EvaluationRow.objects.filter(job=job).count() == 100


def test_a_changed_label_and_a_changed_evaluator_are_scored_anew_for_nothing():
    task = build({"dev": 30})
    before = evaluate(live(task))
    Example.objects.update(outputs={"label": "K1"})
    task.evaluator = {"kind": "contains", "texts": ["K1"]}
    task.save()
    after = evaluate(live(task))
    assert calls_of(after) == 0
    assert after.spent_usd == 0
    score = [job.result["evaluation"]["splits"]["dev"]["after"]["mean"] for job in (before, after)]
    assert score[0] != score[1]


def test_an_edit_that_is_better_goes_live_on_the_evidence_of_a_look():
    task = build({"dev": 40, "test": 80})
    version = edited(task)
    job = evaluate(version, look=True)
    assert job.verdict == Verdict.CONFIRMED
    assert measured(version).verdict == Verdict.CONFIRMED
    assert version.evidence == {}
    evaluations.promote(version)
    assert Tag.objects.get(task=task, name="production").version == version


def test_an_edit_that_is_no_better_cannot_go_live():
    task = build({"dev": 40, "test": 80})
    version = edited(task, "Label the text, please.")
    job = evaluate(version, look=True)
    assert job.verdict not in {Verdict.CONFIRMED, Verdict.LIKELY}
    with pytest.raises(Conflict):
        evaluations.promote(version)


def test_without_a_look_the_hold_out_is_refused_in_words_and_not_read():
    task = build({"dev": 20, "test": 40})
    with pytest.raises(InvalidInput, match="hold-out") as caught:
        evaluate(live(task), split="test")
    assert caught.value.code == "look_required"
    job = evaluate(live(task), split="all")
    assert set(job.result["evaluation"]["splits"]) == {"dev"}
    assert not Example.objects.exclude(looks=0).exists()


def test_a_look_counts_once_for_the_rows_it_has_read():
    task = build({"dev": 20, "test": 40})
    job = evaluate(live(task), split="test", look=True)
    assert (job.result["evaluation"]["look"], job.result["evaluation"]["looked_at"]) == (1, 40)
    assert set(Example.objects.filter(split="test").values_list("looks", flat=True)) == {1}
    assert set(Example.objects.filter(split="dev").values_list("looks", flat=True)) == {0}
    again = evaluate(live(task), split="test", look=True)
    assert (again.result["evaluation"]["look"], calls_of(again)) == (2, 0)


def test_what_a_version_demonstrates_proves_nothing_for_it():
    task = build({"dev": 20})
    row = Example.objects.first()
    demos = [{"inputs": row.inputs, "outputs": row.outputs}]
    artifact = artifact_for(task).to_dict() | {"demos": demos}
    version = PromptVersionFactory(task=task, artifact=artifact)
    job = evaluate(version, alone=True)
    assert job.result["evaluation"]["splits"]["dev"]["rows"] == 19


def test_dev_rows_do_not_take_back_what_the_hold_out_said():
    task = build({"dev": 40, "test": 80})
    version = edited(task)
    evaluate(version, look=True)
    job = evaluate(version)
    assert job.verdict != Verdict.CONFIRMED
    assert measured(version).verdict == Verdict.CONFIRMED


def test_a_cap_holds_and_the_next_run_goes_on_where_it_ended():
    task = build({"dev": 60})
    actor = Actor.system(task.project_id)
    job, _ = evaluation_start(actor=actor, version=live(task), trigger="test")
    Job.objects.filter(pk=job.pk).update(budget_usd=Decimal("0.003"))
    job = evaluations.work_on(job)
    paid = calls_of(job)
    assert (job.state, job.stop_reason) == (JobState.SUCCEEDED, StopReason.BUDGET_USD)
    assert job.spent_usd <= Decimal("0.003")
    assert 0 < paid < 60
    assert "rows of dev, of 60 (the money cap was reached)" in job_sentence(job)
    rest = evaluate(live(task))
    assert (rest.stop_reason, calls_of(rest)) == (StopReason.FINISHED, 60 - paid)


def test_a_stopped_evaluation_tells_nothing_of_the_hold_out_and_did_not_look():
    task = build({"test": 60})
    actor = Actor.system(task.project_id)
    job, _ = evaluation_start(
        actor=actor, version=live(task), trigger="test", split="test", look=True
    )
    Job.objects.filter(pk=job.pk).update(budget_usd=Decimal("0.003"))
    job = evaluations.work_on(job)
    assert (job.state, job.stop_reason) == (JobState.FAILED, StopReason.BUDGET_USD)
    assert job.result["evaluation"]["splits"] == {}
    assert not Example.objects.exclude(looks=0).exists()


def test_a_cancelled_evaluation_lets_no_task_cool_down():
    task = build({"dev": 20})
    actor = Actor.system(task.project_id)
    job, _ = evaluation_start(actor=actor, version=live(task), trigger="test")
    job_cancel(actor=actor, job=job)
    assert not TaskCounter.objects.filter(not_before__isnull=False).exists()


def test_a_task_without_rows_is_refused_before_anything_starts():
    task = build({})
    with pytest.raises(InvalidInput) as caught:
        evaluate(live(task))
    assert caught.value.code == "no_rows"


def test_feedback_that_no_search_took_is_evaluated_and_still_counts_for_one():
    task = build({})
    stage.log(30)
    job = evaluate(live(task))
    assert job.state == JobState.SUCCEEDED
    task.counter.refresh_from_db()
    assert task.counter.unconsumed == 30


def test_a_second_click_finds_the_first_ones_job():
    task = build({"dev": 20})
    actor, version = Actor.system(task.project_id), live(task)
    started = [
        evaluation_start(actor=actor, version=version, trigger="test", split=split)
        for split in ("dev", "dev", "all")
    ]
    assert [is_new for _, is_new in started] == [True, False, True]
    assert started[0][0] == started[1][0]
