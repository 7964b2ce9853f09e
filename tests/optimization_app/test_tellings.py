"""Each event is told once, in the transaction in which it happens, to the channels that hear it."""

from typing import Any

import pytest
from django.db import transaction
from django.db.models import Q
from django.urls import resolve

from kaizen_engine.states import GateBasis, JobState, StopReason, TopicLife, Verdict
from optimization_app.models import InsightSighting, Job
from optimization_app.services.finish import job_fail
from optimization_app.services.moves import job_move
from projects_app.actors import Actor
from projects_app.models import Delivery, Notification
from prompts_app.models import PromptVersion
from prompts_app.services.tags import tag_rollback, version_promote
from tests.factories.insights import InsightFactory
from tests.factories.notifications import EVENTS, ChannelFactory
from tests.factories.optimization import JobFactory
from tests.factories.prompts import PromptVersionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def job() -> Job:
    job = JobFactory(running=True)
    ChannelFactory(project=job.task.project)
    return job


def told() -> dict[str, dict[str, Any]]:
    return {row.event: row.facts for row in Notification.objects.all()}


def promote(version: PromptVersion, **how: Any) -> None:
    system = Actor.system(version.task.project_id)
    version_promote(actor=system, task=version.task, version=version, **how)


def test_promotion_and_rollback_are_told_with_what_they_replaced(job: Job) -> None:
    first = job.seed_version
    promote(first, basis=GateBasis.IMPORT)
    better = PromptVersionFactory(task=job.task, proven=first, parents=[first])
    promote(better, basis=GateBasis.EVIDENCE)
    tag_rollback(actor=Actor.system(job.task.project_id), task=job.task)
    rolled = told()["rolled_back"]
    assert (rolled["version"], rolled["replaced"]) == (first.number, better.number)
    assert Notification.objects.filter(event="promoted").count() == 2
    assert Delivery.objects.count() == 3
    for row in Notification.objects.all():
        assert resolve(row.path)


def test_another_tag_is_not_told(job: Job) -> None:
    promote(job.seed_version, basis=GateBasis.IMPORT, tag="staging")
    assert told() == {}


def test_a_failed_job_is_told_once(job: Job) -> None:
    assert job_fail(job=job, stop_reason=StopReason.PROVIDER_DOWN, where=Q(), error="<b>x</b>")
    assert not job_fail(job=job, stop_reason=StopReason.ERROR, where=Q(), error="late")
    facts = told()["job_failed"]
    assert (facts["prompt"], facts["stop_reason"]) == (job.task.slug, "provider_down")
    assert "<b>" not in str(facts)
    assert Delivery.objects.count() == 1


def test_a_draft_is_told_with_the_figures_that_decide(job: Job) -> None:
    draft = PromptVersionFactory(task=job.task, number=7, system="Another.")
    side = {"before": {"mean": 0.5}, "after": {"mean": 0.75}, "n": 48, "low": 0.1, "high": 0.4}
    evidence = {"verdict": Verdict.CONFIRMED.value, "holdout": side}
    Job.objects.update(result_version=draft, state="publishing", result={"evidence": evidence})
    system = Actor.system(job.task.project_id)
    assert job_move(actor=system, job=job, to=JobState.SUCCEEDED)
    facts = told()["draft_ready"]
    assert (facts["version"], facts["score_after"], facts["rows"]) == (7, 0.75, 48)


def test_a_job_without_a_draft_has_nothing_to_tell(job: Job) -> None:
    Job.objects.update(state="publishing")
    assert job_move(actor=Actor.system(job.task.project_id), job=job, to=JobState.SUCCEEDED)
    assert told() == {}


def test_a_topic_that_fails_again_is_told_and_a_steady_one_is_not(job: Job) -> None:
    insight = InsightFactory(task=job.task, name="<script>alert(1)</script>")
    seen = {"insight": insight, "rows": 9, "scored": 8, "failures": 6}
    for number, life in enumerate((TopicLife.STEADY, TopicLife.REGRESSED)):
        other = JobFactory(seed_version=job.seed_version, succeeded=True) if number else job
        InsightSighting.objects.create(job=other.public_id, life=life.value, **seen)
    assert list(told()) == ["regressed"]
    assert told()["regressed"]["failures"] == 6
    assert "script" not in str(told())


def test_only_channels_that_hear_the_event_are_told(job: Job) -> None:
    deaf = ChannelFactory(project=job.task.project, events=["job_failed"])
    ChannelFactory(project=job.task.project, is_active=False)
    ChannelFactory(events=EVENTS)
    promote(job.seed_version, basis=GateBasis.IMPORT)
    assert Delivery.objects.exclude(channel=deaf).count() == Delivery.objects.count() == 1


def test_what_is_rolled_back_with_its_transaction_was_never_told(job: Job) -> None:
    with transaction.atomic():
        promote(job.seed_version, basis=GateBasis.IMPORT)
        assert told()
        transaction.set_rollback(True)
    assert not Notification.objects.exists()
    assert not Delivery.objects.exists()


def test_a_notification_that_cannot_be_written_stops_no_rollback(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(job.seed_version, basis=GateBasis.IMPORT)
    better = PromptVersionFactory(task=job.task, proven=job.seed_version)
    promote(better, basis=GateBasis.EVIDENCE)

    def fail(**_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("prompts_app.receivers.notification_record", fail)
    moved = tag_rollback(actor=Actor.system(job.task.project_id), task=job.task)
    assert moved.version == job.seed_version


def test_without_a_channel_nothing_is_written() -> None:
    job = JobFactory(running=True)
    promote(job.seed_version, basis=GateBasis.IMPORT)
    assert told() == {}
