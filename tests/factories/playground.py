"""Runs of the playground and their answers; the variants are versions of the run's task."""

import factory
from factory.django import DjangoModelFactory

from optimization_app.models import PlaygroundAnswer, PlaygroundRun
from tests.factories.prompts import PromptVersionFactory


def variant_of(version, **changes):
    return {
        "from": version.number,
        "artifact": version.artifact,
        "model": version.task.student,
        "most_usd": "0.01",
    } | changes


class PlaygroundRunFactory(DjangoModelFactory):
    """One input for two copies of `version`."""

    class Meta:
        model = PlaygroundRun
        exclude = ("version",)

    version = factory.SubFactory(PromptVersionFactory)
    task = factory.SelfAttribute("version.task")
    started_by_label = "user:editor"
    variants = factory.LazyAttribute(lambda run: [variant_of(run.version)] * 2)
    rows = factory.LazyFunction(
        lambda: [{"inputs": {"text": "a parcel"}, "expected": {}, "example": None}]
    )


class PlaygroundAnswerFactory(DjangoModelFactory):
    class Meta:
        model = PlaygroundAnswer

    run = factory.SubFactory(PlaygroundRunFactory)
    variant = 0
    row = 0
    text = "shipping"
    score = 1.0
    input_tokens = 40
    output_tokens = 2
    cost_usd = "0.0000072"
    latency_ms = 12
