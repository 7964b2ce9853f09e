"""Who is acting: a member, an API key or the system itself; services ask it what it may do."""

from dataclasses import dataclass
from typing import Self

from projects_app.exceptions import NotAllowed, NotHere
from projects_app.models import ApiKey, Project, Role, Scope, User
from projects_app.selectors import role_in

RANK = {Role.VIEWER: 0, Role.EDITOR: 1, Role.APPROVER: 2, Role.ADMIN: 3}


@dataclass(frozen=True)
class Actor:
    """`label` is what the audit trail shows: `user:<name>`, `key:<prefix>` or `system`."""

    label: str
    project_id: int
    user: User | None = None
    role: Role | None = None
    scopes: frozenset[str] = frozenset()
    is_system: bool = False
    request_id: str = ""
    ip: str | None = None
    key_id: int | None = None

    @classmethod
    def member(
        cls, user: User, project: Project, *, request_id: str = "", ip: str | None = None
    ) -> Self:
        """Return the actor for an active member, with no role at all for anybody else."""
        role = role_in(user, project)
        return cls(f"user:{user.username}", project.pk, user, role, request_id=request_id, ip=ip)

    @classmethod
    def key(cls, key: ApiKey, *, request_id: str = "", ip: str | None = None) -> Self:
        return cls(
            f"key:{key.prefix}",
            key.project_id,
            user=key.created_by,
            scopes=frozenset(key.scopes),
            request_id=request_id,
            ip=ip,
            key_id=key.pk,
        )

    @classmethod
    def system(cls, project_id: int) -> Self:
        return cls("system", project_id, is_system=True)

    def allows(self, *, role: Role, scope: Scope | None = None) -> bool:
        if self.is_system:
            return True
        if self.role is not None:
            return RANK[self.role] >= RANK[role]
        return scope is not None and scope.value in self.scopes

    def require(
        self, *, role: Role, scope: Scope | None = None, project_id: int | None = None
    ) -> None:
        """Raise NotAllowed unless the member's role or the key's scope permits it.

        With `project_id`, the project of the thing acted on, another tenant's raises NotHere.
        """
        if project_id is not None and project_id != self.project_id:
            raise NotHere("there is nothing here for this project")
        if not self.allows(role=role, scope=scope):
            needed = f"the {role} role" + (f" or the {scope} scope" if scope else "")
            raise NotAllowed(f"{self.label} may not do this: it needs {needed}")
