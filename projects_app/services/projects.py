"""Projects and who belongs to them."""

from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from projects_app.actors import Actor
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere
from projects_app.models import Membership, Project, Role, User
from projects_app.services.audit import audit_record
from projects_app.validation import check_model

CHANGEABLE = frozenset(
    {"name", "two_person_rule", "serve_on", "daily_budget_usd", "confirm_over_usd"}
)


@transaction.atomic
def project_create(*, slug: str, name: str, by: User | None = None) -> Project:
    """Make a tenant. `by` must be a superuser and becomes its admin; None is the system itself."""
    if by is not None and not (by.is_active and by.is_superuser):
        raise NotAllowed(f"user:{by.username} may not do this: only a superuser makes projects")
    project = Project(slug=slug, name=name)
    check_model(project)
    project.save()
    actor = Actor.member(by, project) if by else Actor.system(project.pk)
    audit_record(actor=actor, action="kaizen.project.created", subject=project, slug=slug)
    if by is not None:
        member_set(actor=actor, project=project, user=by, role=Role.ADMIN)
    return project


@transaction.atomic
def project_update(*, actor: Actor, project: Project, **changes: Any) -> Project:
    actor.require(role=Role.ADMIN, project_id=project.pk)
    unknown = sorted(set(changes) - CHANGEABLE)
    if unknown:
        raise InvalidInput(f"these cannot be changed: {unknown}")
    stored = Project.objects.filter(pk=project.pk).values(*changes).first() if changes else None
    for field, value in changes.items():
        setattr(project, field, value)
    check_model(project)
    project.save(update_fields=[*changes])
    before, told = (
        {name: str(value) if isinstance(value, Decimal) else value for name, value in one.items()}
        for one in (stored or {}, changes)
    )
    audit_record(
        actor=actor, action="kaizen.project.updated", subject=project, **told, before=before
    )
    return project


@transaction.atomic
def member_set(*, actor: Actor, project: Project, user: User, role: Role | str) -> Membership:
    """Give the user that role, whether or not they had another; the last admin keeps theirs."""
    actor.require(role=Role.ADMIN, project_id=project.pk)
    role = _known(role)
    if role is not Role.ADMIN:
        _keep_an_admin(project, user)
    held = Membership.objects.filter(project=project, user=user).first()
    try:
        with transaction.atomic():
            membership, _ = Membership.objects.update_or_create(
                project=project, user=user, defaults={"role": role.value}
            )
    except IntegrityError as error:
        raise Conflict("this member was added by somebody else just now", code="stale") from error
    audit_record(
        actor=actor,
        action="kaizen.member.set",
        subject=project,
        member=user.username,
        role=role.value,
        before={"role": held.role if held else None},
    )
    return membership


@transaction.atomic
def member_remove(*, actor: Actor, project: Project, user: User) -> None:
    actor.require(role=Role.ADMIN, project_id=project.pk)
    _keep_an_admin(project, user)
    removed, _ = Membership.objects.filter(project=project, user=user).delete()
    if not removed:
        raise NotHere(f"{user.username} is not a member of {project.slug}")
    audit_record(actor=actor, action="kaizen.member.removed", subject=project, member=user.username)


def _known(role: Role | str) -> Role:
    try:
        return Role(role)
    except ValueError as error:
        message = f"{role!r} is not a role; there are {', '.join(Role)}"
        raise InvalidInput(message, errors={"role": message}) from error


def _keep_an_admin(project: Project, user: User) -> None:
    # Locking every admin row makes two admins who demote each other take turns.
    admins = Membership.objects.select_for_update().filter(project=project, role=Role.ADMIN.value)
    if [row.user_id for row in admins] == [user.pk]:
        raise Conflict("a project keeps at least one admin", code="last_admin")
