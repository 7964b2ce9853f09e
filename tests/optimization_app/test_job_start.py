from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_q.models import OrmQ

from feedback_app.models import Feedback, TaskCounter
from feedback_app.signals import threshold_reached
from kaizen_engine.errors import PriceUnknown
from kaizen_engine.states import JobKind, JobState
from llm_app.models import ModelPrice
from optimization_app.config import JobConfig
from optimization_app.models import Job
from optimization_app.services.start import _insert, job_plan, job_start, job_start_automatic
from optimization_app.worker import sweep_thresholds
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput, ServiceError
from projects_app.models import AuditEntry
from prompts_app.models import PromptVersion, Tag
from tasks_app.models import Task
from tests.factories.feedback import ExampleFactory
from tests.factories.optimization import JobFactory

pytestmark = pytest.mark.django_db


def test_a_job_takes_the_feedback_and_the_settings_of_its_task(
    ready_task: Task, editor_actor: Actor
) -> None:
    job, created = job_start(actor=editor_actor, task=ready_task, trigger="api")
    assert created
    assert job.state == JobState.QUEUED
    assert set(Feedback.objects.values_list("consumed_by", flat=True)) == {job.public_id}
    assert TaskCounter.objects.get(task=ready_task).unconsumed == 0
    assert job.config["num_trials"] == ready_task.num_trials
    assert job.estimate["calls"][0] > 0
    assert AuditEntry.objects.filter(action="kaizen.job.queued").count() == 1


def test_the_loser_of_a_race_gets_the_winners_job(ready_task: Task, editor_actor: Actor) -> None:
    winner, _ = job_start(actor=editor_actor, task=ready_task, trigger="api")
    assert job_start(actor=editor_actor, task=ready_task, trigger="api") == (winner, False)


def test_the_constraint_decides_when_both_saw_no_live_job(
    ready_task: Task, editor_actor: Actor
) -> None:
    winner, _ = job_start(actor=editor_actor, task=ready_task, trigger="api")
    plan = job_plan(ready_task, {})
    assert _insert(editor_actor, plan, "api", at_least=0) == (winner, False)


def test_a_second_live_job_of_a_task_cannot_be_inserted(queued_job: Job) -> None:
    for state in (JobState.QUEUED, JobState.RUNNING, JobState.PUBLISHING):
        with pytest.raises(IntegrityError), transaction.atomic():
            JobFactory(seed_version=queued_job.seed_version, state=state.value)


def test_evaluations_and_ended_jobs_do_not_hold_the_task(queued_job: Job) -> None:
    JobFactory(seed_version=queued_job.seed_version, kind=JobKind.EVALUATE.value)
    JobFactory(seed_version=queued_job.seed_version, succeeded=True)
    assert Job.objects.count() == 3


def test_a_message_goes_out_only_after_the_commit(
    ready_task: Task, editor_actor: Actor, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        job_start(actor=editor_actor, task=ready_task, trigger="api")
        assert not OrmQ.objects.exists()
    assert OrmQ.objects.filter(key="long").count() == 1


def test_a_viewer_and_an_outsider_may_not_start_a_job(
    ready_task: Task, viewer_actor: Actor, outsider_actor: Actor
) -> None:
    for actor in (viewer_actor, outsider_actor):
        with pytest.raises(ServiceError):
            job_start(actor=actor, task=ready_task, trigger="api")
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda task: Task.objects.update(archived_at=timezone.now()), "task_archived"),
        (lambda task: Tag.objects.all().delete(), "no_active_version"),
        (lambda task: Task.objects.update(student_model=""), "no_student"),
    ],
)
def test_a_task_that_is_not_ready_is_refused(
    ready_task: Task, editor_actor: Actor, change, code: str
) -> None:
    change(ready_task)
    ready_task.refresh_from_db()
    with pytest.raises(InvalidInput) as refused:
        job_start(actor=editor_actor, task=ready_task, trigger="api")
    assert refused.value.code == code
    assert not Job.objects.exists()


def test_a_model_without_a_price_is_refused(ready_task: Task, editor_actor: Actor) -> None:
    ModelPrice.objects.all().delete()
    with pytest.raises(PriceUnknown, match="demo"):
        job_start(actor=editor_actor, task=ready_task, trigger="api")


@pytest.mark.parametrize("cap", [{"budget_usd": "0.0001"}, {"budget_tokens": 10}])
def test_a_budget_below_the_estimate_is_refused(
    ready_task: Task, editor_actor: Actor, cap: dict[str, object]
) -> None:
    ModelPrice.objects.update(input_usd_per_mtok=Decimal(1000))
    with pytest.raises(Conflict) as refused:
        job_start(actor=editor_actor, task=ready_task, trigger="api", config=cap)
    assert refused.value.code == "budget_too_small"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("optimizer_type", "magic"),
        ("num_trials", 0),
        ("num_trials", True),
        ("num_fewshot_examples", "many"),
        ("budget_usd", "NaN"),
        ("budget_usd", [1]),
        ("budget_tokens", -1),
        ("minutes", 31),
        ("student", "no-slash"),
        ("colour", "red"),
    ],
)
def test_a_bad_setting_is_refused_by_its_name(
    ready_task: Task, editor_actor: Actor, name: str, value: object
) -> None:
    with pytest.raises(InvalidInput) as refused:
        job_start(actor=editor_actor, task=ready_task, trigger="api", config={name: value})
    assert list(refused.value.errors) == [f"config.{name}"]


def test_a_full_threshold_starts_one_job(ready_task: Task) -> None:
    threshold_reached.send_robust(sender=Task, task_id=ready_task.pk)
    threshold_reached.send_robust(sender=Task, task_id=ready_task.pk)
    job = Job.objects.get()
    assert (job.trigger, job.started_by_label) == ("threshold", "system")


def test_too_little_feedback_starts_nothing(ready_task: Task) -> None:
    TaskCounter.objects.update(unconsumed=4)
    assert job_start_automatic(ready_task.pk) is None


def test_rows_another_job_took_meanwhile_start_nothing(ready_task: Task) -> None:
    Feedback.objects.update(consumed_by=ready_task.public_id)
    assert job_start_automatic(ready_task.pk) is None
    assert not Job.objects.exists()


def test_a_task_in_setup_state_never_triggers(
    ready_task: Task, live_version: PromptVersion
) -> None:
    Tag.objects.all().delete()
    assert job_start_automatic(ready_task.pk) is None
    assert TaskCounter.objects.get().not_before is None


def test_a_refused_automatic_job_is_tried_again_later(ready_task: Task) -> None:
    ModelPrice.objects.all().delete()
    assert job_start_automatic(ready_task.pk) is None
    counter = TaskCounter.objects.get()
    assert counter.not_before is not None
    assert counter.failures_in_a_row == 0


def test_a_refused_automatic_job_is_in_the_audit_trail_and_not_every_time(
    ready_task: Task,
) -> None:
    Task.objects.update(budget_usd=Decimal("0.0001"))
    ModelPrice.objects.update(input_usd_per_mtok=Decimal(1000))
    for _ in range(2):
        TaskCounter.objects.update(not_before=None)
        assert job_start_automatic(ready_task.pk) is None
    entry = AuditEntry.objects.get(action="kaizen.job.refused")
    assert entry.object_id == str(ready_task.public_id)
    assert "budget" in entry.reason
    assert entry.data == {"code": "budget_too_small"}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("num_trials", 50),
        ("max_demos", 0),
        ("optimizer", "magic"),
        ("evaluator", {"kind": "nonsense"}),
    ],
)
def test_a_tasks_own_settings_are_read_as_strictly_as_a_callers(
    ready_task: Task, editor_actor: Actor, setting: str, value: object
) -> None:
    setattr(ready_task, setting, value)
    with pytest.raises(InvalidInput, match=setting) as refused:
        job_start(actor=editor_actor, task=ready_task, trigger="api")
    assert list(refused.value.errors) == [setting]
    assert not Job.objects.exists()


def test_a_caller_may_overrule_a_setting_that_does_not_fit(
    ready_task: Task, editor_actor: Actor
) -> None:
    ready_task.num_trials = 50
    job, _ = job_start(actor=editor_actor, task=ready_task, trigger="api", config={"num_trials": 3})
    assert job.config["num_trials"] == 3


def test_a_config_from_before_a_setting_existed_has_its_default(ready_task: Task) -> None:
    for name, value in JobConfig.of_task(ready_task, {}).to_json().items():
        stored = JobConfig.of_task(ready_task, {"num_trials": 7}).to_json()
        del stored[name]
        assert getattr(JobConfig.from_json(stored), name) is not None or value is None


def test_a_job_is_estimated_for_the_rows_it_will_search_on(
    ready_task: Task, editor_actor: Actor
) -> None:
    ExampleFactory.create_batch(50, task=ready_task, split="dev")
    plan = job_plan(ready_task, {"max_dev_rows": 30, "max_train_rows": 5})
    assert plan.estimate["rows"] == {"train": 5, "dev": 30, "test": 0}


def test_the_sweep_starts_what_a_signal_missed_unless_it_cools_down(ready_task: Task) -> None:
    TaskCounter.objects.update(not_before=timezone.now() + timedelta(minutes=1))
    assert sweep_thresholds() == 0
    TaskCounter.objects.update(not_before=timezone.now())
    assert sweep_thresholds() == 1


@pytest.mark.parametrize("own", [True, False, None])
def test_a_job_reasons_as_its_task_says_unless_the_caller_says_otherwise(
    ready_task: Task, own: bool | None
) -> None:
    ready_task.reasoning = own
    assert JobConfig.of_task(ready_task, {}).reasoning is own
    assert JobConfig.of_task(ready_task, {"reasoning": not own}).reasoning is not own
    assert JobConfig.of_task(ready_task, {"reasoning": None}).reasoning is None


def test_a_judges_calls_are_in_the_estimate_and_its_price_is_needed(
    ready_task: Task, editor_actor: Actor
) -> None:
    plain = job_plan(ready_task, {}).estimate
    connection = ready_task.student_connection
    assert connection is not None
    judge = {"kind": "pairwise", "model": f"{connection.slug}/judge", "rubric": "Kind."}
    ready_task.evaluator = judge
    with pytest.raises(PriceUnknown, match="judge"):
        job_start(actor=editor_actor, task=ready_task, trigger="api")
    price = ModelPrice.objects.get()
    ModelPrice.objects.create(
        connection=connection,
        model="judge",
        input_usd_per_mtok=price.input_usd_per_mtok,
        output_usd_per_mtok=price.output_usd_per_mtok,
    )
    judged = job_plan(ready_task, {}).estimate
    assert judged["calls"][1] == 4 * plain["calls"][1]
    job, _ = job_start(actor=editor_actor, task=ready_task, trigger="api")
    assert job.config["evaluator"] == judge
    assert JobConfig.from_json({**job.config, "metric": "exact_match"}).evaluator == judge


def test_a_job_from_before_evaluators_has_the_metric_it_was_started_with() -> None:
    assert JobConfig.from_json({"metric": "exact_match"}).evaluator == {"kind": "exact_match"}
