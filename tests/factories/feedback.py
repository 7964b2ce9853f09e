"""Feedback, the counter beside it, and the examples made of it."""

import hashlib

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory
from uuid_utils.compat import uuid7

from feedback_app.models import Dataset, Example, Feedback, FileImport, TaskCounter
from kaizen_engine.states import Origin, Split
from tests.factories.tasks import TaskFactory


class FeedbackFactory(DjangoModelFactory):
    """A good answer of a person; the task's counter is not touched."""

    class Meta:
        model = Feedback

    task = factory.SubFactory(TaskFactory)
    project = factory.SelfAttribute("task.project")
    event_id = factory.LazyFunction(lambda: uuid7().hex)
    content_hash = factory.LazyAttribute(
        lambda row: hashlib.sha256(row.event_id.encode()).hexdigest()
    )
    inputs = factory.Sequence(lambda n: {"text": f"message {n}"})
    output = factory.LazyFunction(lambda: {"label": "billing"})
    score = 1.0
    origin = factory.SelfAttribute("task.feedback_origin")

    class Params:
        bad = factory.Trait(score=0.0)
        corrected = factory.Trait(score=0.0, corrected_output={"label": "shipping"})
        consumed = factory.Trait(consumed_by=factory.LazyFunction(uuid7))


class TaskCounterFactory(DjangoModelFactory):
    class Meta:
        model = TaskCounter

    task = factory.SubFactory(TaskFactory)
    unconsumed = 0
    total = factory.SelfAttribute("unconsumed")


class DatasetFactory(DjangoModelFactory):
    class Meta:
        model = Dataset

    task = factory.SubFactory(TaskFactory)
    project = factory.SelfAttribute("task.project")
    name = factory.Sequence(lambda n: f"dataset {n}")

    class Params:
        representative = factory.Trait(is_representative=True)
        frozen = factory.Trait(
            file_name="rows.csv",
            frozen_at=factory.LazyFunction(timezone.now),
            content_hash=factory.LazyAttribute(
                lambda row: hashlib.sha256(row.name.encode()).hexdigest()
            ),
            report=factory.LazyFunction(lambda: {"stored": 1, "failed": 0, "problems": []}),
        )


class ExampleFactory(DjangoModelFactory):
    """A deciding row of dev, made of no feedback."""

    class Meta:
        model = Example

    task = factory.SubFactory(TaskFactory)
    inputs = factory.Sequence(lambda n: {"text": f"message {n}"})
    outputs = factory.LazyFunction(lambda: {"label": "billing"})
    group = factory.LazyAttribute(lambda row: hashlib.sha256(repr(row.inputs).encode()).hexdigest())
    split = Split.DEV.value
    origin = Origin.RANDOM.value
    is_deciding = factory.LazyAttribute(lambda row: row.origin == Origin.RANDOM.value)

    class Params:
        from_feedback = factory.Trait(
            feedback=factory.SubFactory(
                FeedbackFactory,
                task=factory.SelfAttribute("..task"),
                inputs=factory.SelfAttribute("..inputs"),
                output=factory.SelfAttribute("..outputs"),
                consumed=True,
            )
        )


class FileImportFactory(DjangoModelFactory):
    """A file whose columns are not chosen yet; the file itself is for the test to put there."""

    class Meta:
        model = FileImport

    task = factory.SubFactory(TaskFactory)
    project = factory.SelfAttribute("task.project")
    name = "from a file"
    file_name = "rows.csv"
    size = 1
