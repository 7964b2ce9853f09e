"""Channels, and messages on their way to them."""

import factory
from factory.django import DjangoModelFactory

from kaizen_engine.states import DeliveryState
from projects_app.models import Channel, ChannelKind, Delivery, Event, Notification
from projects_app.secrets import encrypt
from projects_app.senders import secret_place
from tests.factories.projects import ProjectFactory

HOOK_SECRET = "kz_hook_only-for-tests"
EVENTS = [event.value for event in Event if event is not Event.TEST]


class ChannelFactory(DjangoModelFactory):
    class Meta:
        model = Channel
        skip_postgeneration_save = True

    project = factory.SubFactory(ProjectFactory)
    name = factory.Sequence(lambda n: f"channel {n}")
    kind = ChannelKind.EMAIL.value
    address = "team@example.org"
    events = factory.LazyFunction(lambda: list(EVENTS))

    @factory.post_generation
    def secret(self, create: bool, text: str | None, **_: object) -> None:
        """Seal it under the row's own name, as the service does."""
        if text:
            self.secret_encrypted = encrypt(text, secret_place(self))
            self.save(update_fields=["secret_encrypted"])


class NotificationFactory(DjangoModelFactory):
    class Meta:
        model = Notification

    project = factory.SubFactory(ProjectFactory)
    event = Event.PROMOTED.value
    key = factory.Sequence(lambda n: f"promoted:{n}")
    facts = factory.LazyFunction(
        lambda: {"prompt": "triage", "version": 4, "replaced": 3, "by": "user:ada"}
    )
    path = factory.LazyAttribute(lambda row: f"/p/{row.project.slug}/prompts/triage/compare/3/4/")


class DeliveryFactory(DjangoModelFactory):
    class Meta:
        model = Delivery

    channel = factory.SubFactory(ChannelFactory)
    project = factory.SelfAttribute("channel.project")
    notification = factory.SubFactory(
        NotificationFactory, project=factory.SelfAttribute("..project")
    )

    class Params:
        failed = factory.Trait(
            state=DeliveryState.FAILED.value, tries=6, error="the receiver answered 500"
        )
