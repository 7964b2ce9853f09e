"""Feedback, datasets and examples in the admin: to read and to search."""

from django.contrib import admin

from feedback_app.models import Dataset, Example, Feedback
from projects_app.admin_scope import ProjectScopedAdmin


@admin.register(Feedback)
class FeedbackAdmin(ProjectScopedAdmin):
    list_display = ("event_id", "task", "score", "thumb", "origin", "created_at")
    list_filter = ("origin", "thumb")
    search_fields = ("event_id", "comment")
    ordering = ("-id",)


@admin.register(Dataset)
class DatasetAdmin(ProjectScopedAdmin):
    list_display = ("name", "project", "task", "is_representative", "created_at")
    search_fields = ("name",)


@admin.register(Example)
class ExampleAdmin(ProjectScopedAdmin):
    project_path = "task__project"
    list_display = ("public_id", "task", "split", "origin", "is_deciding", "looks", "created_at")
    list_filter = ("split", "origin", "is_deciding")
    ordering = ("-id",)
