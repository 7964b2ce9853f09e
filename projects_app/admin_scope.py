"""The admin of one tenant: whatever a member sees, picks, searches or acts on is their project's.

Roles decide, not Django's model permissions: a viewer reads, an editor writes, and each model's
`write_role` says from which role on. The rules stand in the services; this only hides what they
would refuse.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from projects_app.actors import RANK, Actor
from projects_app.exceptions import InvalidInput, ServiceError
from projects_app.models import Membership, Project, Role, User


def memberships_of(user: Any) -> dict[int, Role]:
    """Return the role by project id; for a superuser every project, as its admin."""
    if not user.is_active:
        return {}
    if user.is_superuser:
        return dict.fromkeys(Project.objects.values_list("pk", flat=True), Role.ADMIN)
    rows = Membership.objects.filter(user=user).values_list("project_id", "role")
    return {project_id: Role(role) for project_id, role in rows}


def actor_of(request: HttpRequest, project: Project) -> Actor:
    return Actor.member(
        request.user,  # type: ignore[arg-type]
        project,
        request_id=getattr(request, "request_id", ""),
        ip=request.META.get("REMOTE_ADDR") or None,
    )


class ServiceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form that saves through a service, so that a refusal stands beside its field."""

    def perform(self) -> models.Model | None:
        """Call the service; `get_form` of the admin binds this."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            with transaction.atomic():
                saved = self.perform()
        except InvalidInput as error:
            for name, text in (error.errors or {"": str(error)}).items():
                self.add_error(name if name in self.fields else None, text)
        except ServiceError as error:
            self.add_error(None, str(error))
        else:
            self.instance.pk = saved.pk if saved else self.instance.pk


class ProjectScopedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    project_path = "project"
    write_role = Role.EDITOR
    can_add = False
    can_change = False
    can_delete = False
    list_per_page = 25
    show_full_result_count = False
    actions: Any = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        projects = list(memberships_of(request.user))
        return super().get_queryset(request).filter(**{f"{self._project_key}__in": projects})

    @property
    def _project_key(self) -> str:
        return self.project_path or "pk"

    def project_of(self, obj: Any) -> Project:
        for name in filter(None, self.project_path.split("__")):
            obj = getattr(obj, name)
        return obj  # type: ignore[no-any-return]

    def save_by_service(
        self, actor: Actor, form: ServiceForm, *, change: bool
    ) -> models.Model | None:
        """Write what the form holds through the services, and return the row."""
        raise NotImplementedError

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        plain = super().get_form(request, obj, change=change, **kwargs)

        def perform(form: ServiceForm) -> models.Model | None:
            actor = actor_of(request, self.project_of(form.instance))
            return self.save_by_service(actor, form, change=change)

        bases = (plain,) if issubclass(plain, ServiceForm) else (ServiceForm, plain)
        return type(plain.__name__, bases, {"perform": perform})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Do nothing: the form has called the service."""

    def _may(self, request: HttpRequest, obj: Any, role: Role) -> bool:
        roles = memberships_of(request.user)
        if obj is None or obj.pk is None:
            return any(RANK[held] >= RANK[role] for held in roles.values())
        held = roles.get(self.project_of(obj).pk)
        return held is not None and RANK[held] >= RANK[role]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(memberships_of(request.user))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, obj, Role.VIEWER)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.can_add and self._may(request, None, self.write_role)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.can_change and self._may(request, obj, self.write_role)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.can_delete and self._may(request, obj, self.write_role)

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField | None:  # type: ignore[type-arg]
        """Offer only rows of the projects in which the member may write."""
        kwargs["queryset"] = self._choices(db_field.remote_field.model, request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _choices(self, model: type[models.Model], request: HttpRequest) -> QuerySet[Any]:
        roles = memberships_of(request.user)
        own = [pk for pk, held in roles.items() if RANK[held] >= RANK[self.write_role]]
        if model is Project:
            return Project.objects.filter(pk__in=own)
        if model is User:
            everybody = Q() if request.user.is_superuser else Q(memberships__project__in=own)  # type: ignore[union-attr]
            return User.objects.filter(everybody).distinct()
        registered = self.admin_site._registry.get(model)
        if not isinstance(registered, ProjectScopedAdmin):
            return model._default_manager.none()
        return registered.get_queryset(request).filter(**{f"{registered._project_key}__in": own})
