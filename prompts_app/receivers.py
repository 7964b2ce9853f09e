"""What this app hears: of its own audit entries, to tell channels of promotions and rollbacks."""

from typing import Any

from django.dispatch import receiver

from kaizen_engine.states import GateBasis
from projects_app.models import AuditEntry, Event
from projects_app.services.notifications import notification_record
from projects_app.signals import audited
from prompts_app.models import PromptVersion
from prompts_app.places import version_place
from prompts_app.selectors import PRODUCTION


@receiver(audited, dispatch_uid="prompts_app.tell_of_move")
def tell_of_move(sender: Any, *, entry: AuditEntry, subject: Any, **_: Any) -> None:
    """Only what goes live is told; other tags are their owners' own affair."""
    moved = entry.action == "kaizen.prompt.tag_moved" and isinstance(subject, PromptVersion)
    if not moved or entry.data["tag"] != PRODUCTION:
        return
    is_rollback = entry.data["basis"] == GateBasis.ROLLBACK
    notification_record(
        project_id=subject.task.project_id,
        event=Event.ROLLED_BACK if is_rollback else Event.PROMOTED,
        key=f"{subject.task.public_id}:{entry.data['revision']}",
        facts={
            "prompt": subject.task.slug,
            "version": entry.data["number"],
            "replaced": entry.data["replaced"],
            "basis": entry.data["basis"],
            "by": entry.actor,
        },
        path=version_place(subject, entry.data["replaced"]),
    )
