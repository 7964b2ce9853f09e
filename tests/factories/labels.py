"""Questions of the labelling queue, what people and judges say of them, and passports."""

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from kaizen_engine.states import LabelKind, LabelWord
from optimization_app.models import HumanLabel, JudgePassport, JudgeVerdict, LabelItem
from tests.factories.feedback import ExampleFactory, FeedbackFactory
from tests.factories.projects import UserFactory
from tests.factories.tasks import TaskFactory


class LabelItemFactory(DjangoModelFactory):
    """A random answer of an example; the traits name the other kinds."""

    class Meta:
        model = LabelItem

    task = factory.SubFactory(TaskFactory)
    kind = LabelKind.ANSWER.value
    example = factory.SubFactory(ExampleFactory, task=factory.SelfAttribute("..task"))
    content_hash = factory.Sequence(lambda n: f"{n:064x}")
    inputs = factory.Sequence(lambda n: {"text": f"message {n}"})
    answer = factory.LazyFunction(lambda: {"label": "billing"})

    class Params:
        pair = factory.Trait(
            kind=LabelKind.PAIR.value,
            reference=factory.LazyFunction(lambda: {"label": "shipping"}),
        )
        call = factory.Trait(
            example=None,
            feedback=factory.SubFactory(
                FeedbackFactory,
                task=factory.SelfAttribute("..task"),
                inputs=factory.SelfAttribute("..inputs"),
                score=None,
                origin="random",
            ),
        )


class HumanLabelFactory(DjangoModelFactory):
    class Meta:
        model = HumanLabel

    item = factory.SubFactory(LabelItemFactory)
    person = factory.SubFactory(UserFactory)
    word = LabelWord.GOOD.value
    given_at = factory.LazyFunction(timezone.now)


class JudgeVerdictFactory(DjangoModelFactory):
    class Meta:
        model = JudgeVerdict

    item = factory.SubFactory(LabelItemFactory)
    judge_hash = "a" * 64
    word = LabelWord.GOOD.value
    score = 1.0
    reasons = factory.LazyFunction(lambda: {"judge": "It names the right desk."})


class JudgePassportFactory(DjangoModelFactory):
    """One that holds; `weak=True` is below the floor."""

    class Meta:
        model = JudgePassport

    task = factory.SubFactory(TaskFactory)
    judge_hash = "a" * 64
    judge = factory.LazyFunction(dict)
    labels = 60
    accuracy = 0.93
    kappa = 0.86
    kappa_low = 0.78
    floor = 0.6

    class Params:
        weak = factory.Trait(kappa=0.55, kappa_low=0.42)
