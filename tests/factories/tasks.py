"""Tasks: a text and a label by default, with every field the model needs."""

import factory
from factory.django import DjangoModelFactory

from kaizen_engine.states import FeedbackOrigin
from tasks_app.models import Task
from tests.factories.llm import ConnectionFactory
from tests.factories.projects import ProjectFactory


def object_schema(**properties):
    """Return a JSON Schema of an object that needs all the properties."""
    return {"type": "object", "properties": properties, "required": list(properties)}


class TaskFactory(DjangoModelFactory):
    """`student_connection` belongs to the task's project; `setup=True` leaves the models out."""

    class Meta:
        model = Task

    project = factory.SubFactory(ProjectFactory)
    slug = factory.Sequence(lambda n: f"task{n}")
    name = factory.LazyAttribute(lambda task: task.slug.title())
    input_schema = factory.LazyFunction(lambda: object_schema(text={"type": "string"}))
    output_schema = factory.LazyFunction(lambda: object_schema(label={"type": "string"}))
    student_connection = factory.SubFactory(
        ConnectionFactory, project=factory.SelfAttribute("..project")
    )
    student_model = "demo"

    class Params:
        setup = factory.Trait(student_connection=None, student_model="")
        scored = factory.Trait(feedback_origin=FeedbackOrigin.RANDOM.value)
