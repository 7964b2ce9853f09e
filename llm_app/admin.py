"""Connections, prices and spend in the admin. A secret goes in and never comes out."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from llm_app.models import Connection, LedgerEntry, ModelPrice
from llm_app.services.connections import (
    connection_create,
    connection_secret_set,
    connection_update,
    price_set,
)
from projects_app.actors import Actor
from projects_app.admin_forms import ServiceForm
from projects_app.admin_lists import latest_filter
from projects_app.admin_scope import ProjectScopedAdmin
from projects_app.models import Role


class ConnectionForm(ServiceForm):
    secret = forms.CharField(
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Stored encrypted and never shown. Left empty it stays as it is, but a new "
        "address without a new secret removes it.",
    )

    class Meta:
        model = Connection
        fields: ClassVar = ["project", "slug", "kind", "base_url", "requests_per_minute"]


@admin.register(Connection)
class ConnectionAdmin(ProjectScopedAdmin):
    form = ConnectionForm
    write_role = Role.ADMIN
    can_add = True
    can_change = True
    list_display = ("slug", "project", "kind", "base_url", "masked_secret", "requests_per_minute")
    search_fields = ("slug",)
    fields = ("project", "slug", "kind", "base_url", "secret", "requests_per_minute")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("project", "slug", "kind") if obj else ()

    @admin.display(description="Secret")
    def masked_secret(self, obj: Connection) -> str:
        return f"…{obj.secret_last4}" if obj.secret_last4 else "none"

    def save_by_service(self, actor: Actor, form: ServiceForm, *, change: bool) -> models.Model:
        data = form.cleaned_data
        secret = data.pop("secret", "")
        if not change:
            return connection_create(actor=actor, secret=secret, **data)
        stored = Connection.objects.get(pk=form.instance.pk)
        connection = connection_update(actor=actor, connection=stored, **data)
        if secret:
            connection_secret_set(actor=actor, connection=connection, secret=secret)
        return connection


@admin.register(ModelPrice)
class ModelPriceAdmin(ProjectScopedAdmin):
    project_path = "connection__project"
    write_role = Role.ADMIN
    can_add = True
    can_change = True
    list_display = ("__str__", "input_usd_per_mtok", "output_usd_per_mtok", "source", "read_at")
    list_select_related = ("connection",)
    search_fields = ("model",)
    names = ("connection", "model", "input_usd_per_mtok", "output_usd_per_mtok", "source")
    fields = names

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("connection", "model") if obj else ()

    def subject_of(self, obj: ModelPrice) -> models.Model:
        return obj.connection

    def save_by_service(self, actor: Actor, form: ServiceForm, *, change: bool) -> models.Model:
        return price_set(actor=actor, **{name: getattr(form.instance, name) for name in self.names})


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ProjectScopedAdmin):
    list_display = ("at", "role", "model", "input_tokens", "output_tokens", "cost_usd")
    list_filter = (latest_filter("role", "role"), latest_filter("model", "model"))
    lookups = ("role", "model")
    ordering = ("-id",)
