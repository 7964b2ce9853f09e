"""The checklist of a new project: hidden and shown again, and what the demo put there."""

import uuid
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from projects_app.models import FirstSteps, Project, Role
from projects_app.services.audit import audit_record

ABSENT = "there is no demo data in this project"


@dataclass(frozen=True)
class DemoMade:
    """What the demo put into a project, by public ids."""

    task: uuid.UUID
    connection: uuid.UUID


def checklist_hide(*, actor: Actor, project: Project) -> FirstSteps:
    return _turn(actor, project, is_hidden=True)


def checklist_show(*, actor: Actor, project: Project) -> FirstSteps:
    return _turn(actor, project, is_hidden=False)


def refuse_second_demo(project: Project) -> None:
    """Raise Conflict (demo_present) where the demo data is in the project already."""
    if FirstSteps.objects.filter(project=project, demo_task__isnull=False).exists():
        message = "the demo data is in this project already; remove it before loading it again"
        raise Conflict(message, code="demo_present")


@transaction.atomic
def demo_note(
    *, actor: Actor, project: Project, task: uuid.UUID, connection: uuid.UUID
) -> FirstSteps:
    """Remember what the demo made, so that it can be removed; Conflict (demo_present) if it is."""
    actor.require(role=Role.ADMIN, project_id=project.pk)
    FirstSteps.objects.get_or_create(project=project)
    absent = FirstSteps.objects.filter(project=project, demo_task=None)
    now = timezone.now()
    if not absent.update(demo_task=task, demo_connection=connection, demo_since=now):
        refuse_second_demo(project)
    audit_record(actor=actor, action="kaizen.demo.started", subject=project, task=str(task))
    return FirstSteps.objects.get(project=project)


@transaction.atomic
def demo_forget(*, actor: Actor, project: Project) -> DemoMade:
    """Return what the demo made, for its removal; Conflict (demo_absent) where there is none."""
    actor.require(role=Role.ADMIN, project_id=project.pk)
    made = _made(project)
    present = FirstSteps.objects.filter(project=project, demo_task=made.task)
    if not present.update(demo_task=None, demo_connection=None, demo_since=None):
        raise Conflict(ABSENT, code="demo_absent")
    audit_record(actor=actor, action="kaizen.demo.removed", subject=project, task=str(made.task))
    return made


def _made(project: Project) -> DemoMade:
    found = FirstSteps.objects.filter(project=project).first()
    if found is None or found.demo_task is None or found.demo_connection is None:
        raise Conflict(ABSENT, code="demo_absent")
    return DemoMade(found.demo_task, found.demo_connection)


@transaction.atomic
def _turn(actor: Actor, project: Project, *, is_hidden: bool) -> FirstSteps:
    """Hide or show; whoever comes second finds it done."""
    actor.require(role=Role.EDITOR, project_id=project.pk)
    FirstSteps.objects.get_or_create(project=project)
    rows = FirstSteps.objects.filter(project=project, hidden_at__isnull=is_hidden)
    if rows.update(hidden_at=timezone.now() if is_hidden else None):
        action = "kaizen.checklist.hidden" if is_hidden else "kaizen.checklist.shown"
        audit_record(actor=actor, action=action, subject=project)
    return FirstSteps.objects.get(project=project)
