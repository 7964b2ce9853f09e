"""The audit trail: written in the transaction of the change it records."""

from typing import Any

from django.db import models

from projects_app.actors import Actor
from projects_app.models import AuditEntry
from projects_app.signals import audited


def audit_record(
    *, actor: Actor, action: str, subject: models.Model, reason: str = "", **data: Any
) -> AuditEntry:
    """Append one entry. `action` is dotted and unique, as in `kaizen.prompt.tag_moved`."""
    entry = AuditEntry.objects.create(
        project_id=actor.project_id,
        actor=actor.label,
        action=action,
        object_type=subject._meta.model_name or "",
        object_id=str(getattr(subject, "public_id", subject.pk)),
        data=data,
        reason=reason,
        request_id=actor.request_id,
        ip=actor.ip,
    )
    # Robust: whoever is told of a rollback must not be able to prevent it.
    audited.send_robust(sender=AuditEntry, entry=entry, subject=subject)
    return entry
