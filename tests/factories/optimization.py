"""Jobs and what they leave behind."""

from datetime import timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from kaizen_engine.states import JobState, StopReason, Verdict
from optimization_app.models import EvaluationRow, Job, Step, Trial
from tests.factories.feedback import ExampleFactory
from tests.factories.prompts import PromptVersionFactory


class JobFactory(DjangoModelFactory):
    """A queued job; the traits name the other states."""

    class Meta:
        model = Job

    task = factory.SelfAttribute("seed_version.task")
    seed_version = factory.SubFactory(PromptVersionFactory)
    optimizer = "bootstrap"

    class Params:
        running = factory.Trait(
            state=JobState.RUNNING.value,
            attempts=1,
            fence=1,
            worker_id="somebody",
            started_at=factory.LazyFunction(timezone.now),
            heartbeat_at=factory.LazyFunction(timezone.now),
            lease_until=factory.LazyFunction(lambda: timezone.now() + timedelta(minutes=5)),
            deadline_at=factory.LazyFunction(lambda: timezone.now() + timedelta(minutes=30)),
        )
        stale = factory.Trait(
            running=True,
            lease_until=factory.LazyFunction(lambda: timezone.now() - timedelta(seconds=1)),
        )
        succeeded = factory.Trait(
            state=JobState.SUCCEEDED.value,
            stop_reason=StopReason.FINISHED.value,
            verdict=Verdict.EQUAL.value,
            finished_at=factory.LazyFunction(timezone.now),
        )


class StepFactory(DjangoModelFactory):
    class Meta:
        model = Step

    job = factory.SubFactory(JobFactory)
    name = "draft"


class TrialFactory(DjangoModelFactory):
    class Meta:
        model = Trial

    job = factory.SubFactory(JobFactory)
    number = factory.Sequence(lambda n: n)
    score = 0.5
    rows = 40
    artifact = factory.SelfAttribute("job.seed_version.artifact")
    artifact_hash = factory.SelfAttribute("job.seed_version.hash")


class EvaluationRowFactory(DjangoModelFactory):
    class Meta:
        model = EvaluationRow

    job = factory.SubFactory(JobFactory)
    label = "baseline_dev"
    example = factory.SubFactory(ExampleFactory, task=factory.SelfAttribute("..job.task"))
    artifact_hash = factory.SelfAttribute("job.seed_version.hash")
    messages_hash = "0" * 64
    score = 1.0
    output = factory.SelfAttribute("example.outputs")
