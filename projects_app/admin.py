"""Projects, people, keys and the audit trail in the admin."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminSplitDateTime
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.db import models
from django.http import HttpRequest

from projects_app.actors import Actor
from projects_app.admin_scope import ProjectScopedAdmin, ServiceForm, actor_of
from projects_app.models import ApiKey, AuditEntry, Membership, Project, Role, Scope, User
from projects_app.services.keys import api_key_create, api_key_revoke
from projects_app.services.projects import member_set, project_create, project_update


@admin.register(User)
class UserAdmin(StockUserAdmin):  # type: ignore[type-arg]
    """People are made by whoever runs the installation: superusers only."""

    fieldsets = (
        *(StockUserAdmin.fieldsets or ()),
        ("Kaizen", {"fields": ("time_zone", "git_login")}),
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)


@admin.register(Project)
class ProjectAdmin(ProjectScopedAdmin):
    project_path = ""
    write_role = Role.ADMIN
    can_change = True
    list_display = ("name", "slug", "two_person_rule", "serve_on", "created_at")
    fields = ("slug", "name", "two_person_rule", "serve_on")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("slug", "name", "two_person_rule", "serve_on") if obj else ("slug", "name")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("slug",) if obj else ()

    def save_by_service(self, actor: Actor, form: ServiceForm, *, change: bool) -> models.Model:
        project = form.instance
        if not change:
            return project_create(slug=project.slug, name=project.name, by=actor.user)
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        return project_update(actor=actor, project=project, **changes)


@admin.register(Membership)
class MembershipAdmin(ProjectScopedAdmin):
    write_role = Role.ADMIN
    can_add = True
    can_change = True
    list_display = ("user", "project", "role", "created_at")
    list_filter = ("role",)
    fields = ("project", "user", "role")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("project", "user") if obj else ()

    def save_by_service(self, actor: Actor, form: ServiceForm, *, change: bool) -> models.Model:
        member = form.instance
        return member_set(actor=actor, project=member.project, user=member.user, role=member.role)


class ApiKeyForm(ServiceForm):
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, scope.value) for scope in Scope],
        widget=forms.CheckboxSelectMultiple,
    )
    expires_at = forms.SplitDateTimeField(
        required=False,
        widget=AdminSplitDateTime,
        help_text="Left empty: one year from now, the longest.",
    )

    class Meta:
        model = ApiKey
        fields: ClassVar = ["project", "name", "scopes", "expires_at"]


@admin.register(ApiKey)
class ApiKeyAdmin(ProjectScopedAdmin):
    form = ApiKeyForm
    write_role = Role.ADMIN
    can_add = True
    actions = ("revoke",)
    list_display = ("name", "project", "prefix", "last_used_at", "expires_at", "revoked_at")
    search_fields = ("name", "prefix")
    kept = ("prefix", "created_by", "created_at", "last_used_at", "last_used_ip", "revoked_at")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        made = ("project", "name", "scopes", "expires_at")
        return (*made, *self.kept) if obj else made

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.kept if obj else ()

    def save_by_service(self, actor: Actor, form: ServiceForm, *, change: bool) -> models.Model:
        names = ("project", "name", "scopes", "expires_at")
        key, form.shown_once = api_key_create(  # type: ignore[attr-defined]
            actor=actor, **{name: form.cleaned_data[name] for name in names}
        )
        return key

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        messages.warning(request, f"Copy this key now, it is shown only once: {form.shown_once}")

    @admin.action(description="Revoke the chosen keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        for key in queryset.select_related("project"):
            if self._may(request, key, self.write_role):
                api_key_revoke(actor=actor_of(request, key.project), key=key)
        messages.success(request, "The chosen keys are refused from now on.")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return self._may(request, None, self.write_role)


@admin.register(AuditEntry)
class AuditEntryAdmin(ProjectScopedAdmin):
    list_display = ("at", "actor", "action", "object_type", "object_id", "reason")
    list_filter = ("action",)
    search_fields = ("actor", "action", "object_id")
    ordering = ("-id",)
