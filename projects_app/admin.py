"""Projects, people, keys and the audit trail in the admin."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from projects_app import notification_admin  # noqa: F401 - it registers the admins of channels
from projects_app.actors import Actor
from projects_app.admin_forms import ServiceForm
from projects_app.admin_lists import latest_filter
from projects_app.admin_scope import ProjectScopedAdmin, actor_of
from projects_app.exceptions import ServiceError
from projects_app.models import ApiKey, AuditEntry, Membership, Project, Role, User
from projects_app.scopes import SCOPES
from projects_app.services.keys import api_key_create, api_key_revoke
from projects_app.services.projects import (
    member_remove,
    member_set,
    project_create,
    project_update,
)

# Roles in projects decide here; a second system of rights beside them would only mislead.
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(StockUserAdmin):  # type: ignore[type-arg]
    """People are made by whoever runs the installation: superusers only."""

    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email", "time_zone", "git_login")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    list_filter = ("is_active", "is_staff", "is_superuser")
    filter_horizontal = ()


@admin.register(Project)
class ProjectAdmin(ProjectScopedAdmin):
    project_path = ""
    write_role = Role.ADMIN
    can_change = True
    list_display = ("name", "slug", "two_person_rule", "serve_on", "daily_budget_usd")
    fields = (
        *("slug", "name", "two_person_rule", "serve_on"),
        *("daily_budget_usd", "confirm_over_usd"),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.fields if obj else ("slug", "name")

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
    can_delete = True
    list_display = ("user", "project", "role", "created_at")
    list_filter = ("role",)
    fields = ("project", "user", "role")

    def subject_of(self, obj: Membership) -> models.Model:
        return obj.project

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("project", "user") if obj else ()

    def save_by_service(self, actor: Actor, form: ServiceForm, *, change: bool) -> models.Model:
        member = form.instance
        return member_set(actor=actor, project=member.project, user=member.user, role=member.role)

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        member_remove(actor=actor_of(request, obj.project), project=obj.project, user=obj.user)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except ServiceError as error:
            messages.error(request, f"Nobody was removed: {error}.")
            return redirect("admin:projects_app_membership_change", object_id)


class ApiKeyForm(ServiceForm):
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, f"{scope.value}: {words}") for scope, words in SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    expires_at = forms.DateTimeField(
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
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
    actions = ("export_csv", "revoke")
    list_display = ("name", "project", "prefix", "last_used_at", "expires_at", "revoked_at")
    search_fields = ("name", "prefix__exact")
    kept = ("prefix", "created_by", "created_at", "last_used_at", "last_used_ip", "revoked_at")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        made = ("project", "name", "scopes", "expires_at")
        return (*made, *self.kept) if obj else made

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.kept if obj else ()

    def save_by_service(self, actor: Actor, form: ServiceForm, *, change: bool) -> models.Model:
        names = ("project", "name", "scopes", "expires_at")
        values = {name: form.cleaned_data[name] for name in names}
        key, text = api_key_create(actor=actor, **values)
        key.shown_once = text  # type: ignore[attr-defined]
        return key

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        one_button = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().add_view(request, form_url, {**one_button, **(extra_context or {})})

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Answer with the key itself: a message would leave it in a cookie until the next page."""
        context = {
            **self.admin_site.each_context(request),
            "title": "Copy this key now",
            "opts": self.opts,
            "key": obj,
        }
        page = TemplateResponse(request, "admin/projects_app/apikey/shown_once.html", context)
        page["Cache-Control"] = "no-store"
        return page

    @admin.action(description="Revoke the chosen keys", permissions=["write"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        keys = list(queryset.select_related("project"))
        own = [key for key in keys if self.may(request, key, self.write_role)]
        for key in own:
            api_key_revoke(actor=actor_of(request, key.project), key=key)
        if own:
            messages.success(request, f"Refused from now on: {', '.join(map(str, own))}.")
        if len(own) < len(keys):
            messages.error(request, "Only an admin of its project revokes a key.")


@admin.register(AuditEntry)
class AuditEntryAdmin(ProjectScopedAdmin):
    list_display = ("at", "actor", "action", "object_type", "object_id", "reason")
    list_filter = (latest_filter("action", "action"),)
    lookups = ("object_type", "object_id", "action")
    search_fields = ("actor__exact", "action__exact")
    search_help_text = "A whole name: of who did it, or of the action."
    ordering = ("-id",)
