"""Channels, what happened and each message in the admin: to read, and to send again."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest

from projects_app.admin_scope import ProjectScopedAdmin, actor_of
from projects_app.exceptions import ServiceError
from projects_app.models import Channel, Delivery, Notification, Role
from projects_app.services.deliveries import delivery_send_again


@admin.register(Channel)
class ChannelAdmin(ProjectScopedAdmin):
    """Added and changed on the project's page, where a secret is shown once."""

    list_display = ("name", "project", "kind", "address", "is_active", "created_at", "removed_at")
    list_filter = ("kind", "is_active")
    search_fields = ("name",)
    fields = (
        *("project", "name", "kind", "address", "events", "is_active"),
        *("created_by", "created_at", "removed_at"),
    )


@admin.register(Notification)
class NotificationAdmin(ProjectScopedAdmin):
    list_display = ("at", "event", "project", "path")
    list_filter = ("event",)
    list_select_related = ("project",)
    ordering = ("-id",)


@admin.register(Delivery)
class DeliveryAdmin(ProjectScopedAdmin):
    write_role = Role.ADMIN
    actions = ("export_csv", "send_again")
    list_display = ("created_at", "channel", "notification", "state", "tries", "answer", "error")
    list_filter = ("state",)
    list_select_related = ("channel", "notification")
    ordering = ("-id",)

    @admin.action(description="Send the chosen failed messages again", permissions=["write"])
    def send_again(self, request: HttpRequest, queryset: Any) -> None:
        rows, sent = list(queryset.select_related("project")[: self.list_per_page]), 0
        for row in rows:
            try:
                delivery_send_again(actor=actor_of(request, row.project), delivery=row)
            except ServiceError as error:
                messages.error(request, f"{row}: {error}.")
            else:
                sent += 1
        if sent:
            messages.success(request, f"{sent} on their way again.")
