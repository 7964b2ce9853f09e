"""What a person may see of projects; every list that a page shows starts here."""

from django.db.models import QuerySet

from projects_app.exceptions import NotHere
from projects_app.models import Membership, Project, Role, User


def projects_of(user: User) -> QuerySet[Project]:
    """Return the projects the user is a member of; all of them for an active superuser."""
    if not user.is_active:
        return Project.objects.none()
    if user.is_superuser:
        return Project.objects.all()
    return Project.objects.filter(memberships__user=user)


def role_in(user: User, project: Project) -> Role | None:
    """Return the user's role in the project, or None for an outsider."""
    if not user.is_active:
        return None
    if user.is_superuser:
        return Role.ADMIN
    row = Membership.objects.filter(user=user, project=project).first()
    return Role(row.role) if row else None


def project_by_slug(slug: str) -> Project:
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        raise NotHere(f"there is no project {slug}", code="unknown_project")
    return project
