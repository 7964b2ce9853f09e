"""Insights and what would fill their gaps."""

import factory
from factory.django import DjangoModelFactory
from uuid_utils.compat import uuid7

from optimization_app.models import Insight, InsightSighting, SuggestedExample
from tests.factories.tasks import TaskFactory


class InsightFactory(DjangoModelFactory):
    class Meta:
        model = Insight

    task = factory.SubFactory(TaskFactory)
    name = factory.Sequence(lambda n: f"card, arrived, day{n}")
    rows = 12
    scored = 10
    failures = 4
    share = 0.2
    finding = "4 of 10 scored rows fail."
    first_job = factory.LazyFunction(uuid7)
    last_job = factory.SelfAttribute("first_job")


class InsightSightingFactory(DjangoModelFactory):
    class Meta:
        model = InsightSighting

    insight = factory.SubFactory(InsightFactory)
    job = factory.LazyFunction(uuid7)
    life = factory.SelfAttribute("insight.life")
    rows = 12
    scored = 10
    failures = 4


class SuggestedExampleFactory(DjangoModelFactory):
    class Meta:
        model = SuggestedExample

    insight = factory.SubFactory(InsightFactory)
    content_hash = factory.Sequence(lambda n: f"{n:064x}")
    inputs = factory.Sequence(lambda n: {"text": f"message {n}"})
    outputs = factory.LazyFunction(lambda: {"label": "billing"})
    writer = "demo/demo"
