"""Jobs and what they leave behind."""

from datetime import timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from kaizen_engine.states import JobKind, JobState, StopReason, Verdict
from optimization_app.models import EvaluationRow, Job, Step, Trial
from tests.factories.feedback import ExampleFactory
from tests.factories.prompts import PromptVersionFactory


class JobFactory(DjangoModelFactory):
    """A queued search; `evaluating=<version>` is an evaluation, traits name the other states."""

    class Meta:
        model = Job
        exclude = ("evaluating",)
        skip_postgeneration_save = True

    task = factory.SelfAttribute("seed_version.task")
    seed_version = factory.SubFactory(PromptVersionFactory)
    optimizer = factory.LazyAttribute(lambda job: "" if job.evaluating else "bootstrap")
    evaluating = None
    kind = factory.LazyAttribute(
        lambda job: (JobKind.EVALUATE if job.evaluating else JobKind.OPTIMIZE).value
    )
    result_version = factory.SelfAttribute("evaluating")
    config = factory.LazyAttribute(
        lambda job: {"evaluation": {"splits": ["dev"]}} if job.evaluating else {}
    )

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

    @factory.post_generation
    def recorded(self, create, extracted, **kwargs):
        """Leave what a job without rows leaves behind, so that it can be exported."""
        if create and extracted:
            self.result = {"evidence": {}, "artifact": None}
            self.save(update_fields=["result"])
            prepared = {"examples": [], "look": 1, "hash": "0" * 64}
            StepFactory(job=self, name="prepared", data=prepared)


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
