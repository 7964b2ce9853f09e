"""The admin of one tenant: whatever a member sees, picks, searches or acts on is their project's.

Roles decide, not Django's model permissions: a viewer reads, an editor writes, and each model's
`write_role` says from which role on. The rules stand in the services; this only hides what they
would refuse.
"""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from projects_app.actors import RANK, Actor
from projects_app.admin_forms import ServiceForm
from projects_app.admin_lists import ExportingLists
from projects_app.admin_paginator import BoundedPaginator
from projects_app.models import Membership, Project, Role, User

SCRIPTS = ("vendor/jquery/jquery.min.js", "jquery.init.js", "admin/RelatedObjectLookups.js")


def roles_of(request: HttpRequest) -> dict[int, Role]:
    """Return the member's role by project id, read once a request; services ask again."""
    known: dict[int, Role] | None = getattr(request, "kaizen_roles", None)
    if known is None:
        known = memberships_of(request.user)
        request.kaizen_roles = known  # type: ignore[attr-defined]
    return known


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


class ProjectScopedAdmin(ExportingLists):
    project_path = "project"
    write_role = Role.EDITOR
    can_add = False
    can_change = False
    can_delete = False
    list_per_page = 25
    show_full_result_count = False
    paginator = BoundedPaginator
    lookups: tuple[str, ...] = ()

    @property
    def media(self) -> forms.Media:
        """Leave out the stock scripts for fields that are filled from others: there are none."""
        return forms.Media(js=[f"admin/js/{name}" for name in SCRIPTS])

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        projects = list(roles_of(request))
        return super().get_queryset(request).filter(**{f"{self._project_key}__in": projects})

    @property
    def _project_key(self) -> str:
        return self.project_path or "pk"

    def project_of(self, obj: Any) -> Project:
        for name in filter(None, self.project_path.split("__")):
            obj = getattr(obj, name)
        return obj  # type: ignore[no-any-return]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        chosen = request.POST.get("action", "")
        if request.method == "POST" and chosen and chosen not in self.get_actions(request):
            raise PermissionDenied
        title = str(self.opts.verbose_name_plural)
        # A list needs none of the scripts of forms.
        scripts = forms.Media(js=["admin/js/actions.js"])
        named = {"title": title[:1].upper() + title[1:], "media": scripts, **(extra_context or {})}
        return super().changelist_view(request, named)

    def subject_of(self, obj: Any) -> models.Model:
        """Return what the audit trail names when `obj` changes."""
        return obj  # type: ignore[no-any-return]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse to filter by what no page shows: a hash could be guessed letter by letter."""
        field = lookup.partition("__")[0]
        shown = {"id", "pk", *self.lookups, *self.list_display, *map(str, self.list_filter)}
        return field in shown and super().lookup_allowed(lookup, value, request)

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

    def may(self, request: HttpRequest, obj: Any, role: Role) -> bool:
        """Say whether the member holds the role where `obj` is, or anywhere when there is none."""
        roles = roles_of(request)
        if obj is None or obj.pk is None:
            return any(RANK[held] >= RANK[role] for held in roles.values())
        held = roles.get(self.project_of(obj).pk)
        return held is not None and RANK[held] >= RANK[role]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(roles_of(request))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, obj, Role.VIEWER)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.can_add and self.may(request, None, self.write_role)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.can_change and self.may(request, obj, self.write_role)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.can_delete and self.may(request, obj, self.write_role)

    def has_write_permission(self, request: HttpRequest) -> bool:
        """Say whether there is a project to act in, for actions with the permission `write`."""
        return self.may(request, None, self.write_role)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Show the audit trail of the object, which knows every door and not the admin alone."""
        obj = self.get_object(request, object_id)
        if obj is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        subject = self.subject_of(obj)
        about = {
            "object_type": subject._meta.model_name,
            "object_id": getattr(subject, "public_id", subject.pk),
        }
        trail = reverse("admin:projects_app_auditentry_changelist")
        return redirect(f"{trail}?{urlencode(about)}")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Leave out the links beside a choice: they lead away from a half-filled form."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        for link in ("add", "change", "delete", "view"):
            if field and hasattr(field.widget, f"can_{link}_related"):
                setattr(field.widget, f"can_{link}_related", False)
        return field

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField | None:  # type: ignore[type-arg]
        """Offer only rows of the projects in which the member may write."""
        choices = self._choices(db_field.remote_field.model, request)
        field = super().formfield_for_foreignkey(db_field, request, queryset=choices, **kwargs)
        options = list(choices[:2])
        if field and field.required and len(options) == 1:
            field.initial = options[0]
        return field

    def _choices(self, model: type[models.Model], request: HttpRequest) -> QuerySet[Any]:
        own = [pk for pk, held in roles_of(request).items() if RANK[held] >= RANK[self.write_role]]
        if model is Project:
            return Project.objects.filter(pk__in=own)
        if model is User:
            everybody = Q() if request.user.is_superuser else Q(memberships__project__in=own)
            return User.objects.filter(everybody).distinct()
        registered = self.admin_site._registry.get(model)
        if not isinstance(registered, ProjectScopedAdmin):
            return model._default_manager.none()
        return registered.get_queryset(request).filter(**{f"{registered._project_key}__in": own})
