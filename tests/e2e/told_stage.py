"""Channels of every kind, and messages that waited, arrived and failed; and their pages."""

from datetime import timedelta
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from kaizen_engine.states import DeliveryState
from projects_app.models import ChannelKind, Event
from prompts_app.models import PromptVersion
from tests.factories.notifications import (
    HOOK_SECRET,
    ChannelFactory,
    DeliveryFactory,
    NotificationFactory,
)

HOOK = UUID(int=21)


def told_pages(version: PromptVersion) -> dict[str, str]:
    project = (version.task.project.slug,)
    return {
        "notifications": reverse("notifications:page", args=project),
        "a channel": reverse("notifications:channel", args=(*project, HOOK)),
    }


def told(version: PromptVersion) -> None:
    """Leave a webhook that answers, a chat that is off, and a message that waits for its turn."""
    project, facts = version.task.project, {"prompt": version.task.slug, "version": version.number}
    hook = ChannelFactory(
        **{"public_id": HOOK, "project": project, "name": "Release bot", "secret": HOOK_SECRET},
        **{"kind": ChannelKind.WEBHOOK.value, "address": "https://hooks.example.com/kaizen"},
        **{"secret_last4": "ests", "events": ["promoted", "rolled_back"]},
    )
    ChannelFactory(
        **{"project": project, "name": "Support room", "kind": ChannelKind.CHAT.value},
        **{"address": "Slack", "is_active": False},
    )
    live = NotificationFactory(project=project, facts=facts)
    DeliveryFactory(
        **{"channel": hook, "notification": live, "state": DeliveryState.DELIVERED.value},
        **{"tries": 1, "answer": "204", "ended_at": timezone.now()},
    )
    failed = NotificationFactory(
        project=project, event=Event.JOB_FAILED.value, key="job_failed:1", facts=facts
    )
    later = {"tries": 2, "next_at": timezone.now() + timedelta(minutes=5)}
    wait = DeliveryFactory(
        channel=hook, notification=failed, error="the receiver answered 503", **later
    )
    # Old enough not to be asked for again and again.
    type(wait).objects.filter(pk=wait.pk).update(created_at=timezone.now() - timedelta(hours=1))
