"""Git in the admin: where repositories are, which file is whose, and what was proposed."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from kaizen_engine.states import PullRequestState
from projects_app.actors import Actor
from projects_app.admin_forms import ServiceForm, decide
from projects_app.admin_scope import ProjectScopedAdmin, actor_of
from projects_app.models import Role
from prompts_app.models import GitConnection, PullRequest, Repository, WithoutEvidence
from prompts_app.services.pulls import pull_propose
from prompts_app.services.repositories import git_connection_create, repository_connect

PROPOSED = "Proposed again: {} is opened within a minute."


class GitConnectionForm(ServiceForm):
    class Meta:
        model = GitConnection
        fields: ClassVar = ["project", "slug", "url", "merge_without_evidence"]
        help_texts: ClassVar = {
            "url": "Address or folder of a bare repository. Left empty: one of Kaizen's own."
        }


@admin.register(GitConnection)
class GitConnectionAdmin(ProjectScopedAdmin):
    form = GitConnectionForm
    write_role = Role.ADMIN
    can_add = True
    list_display = ("slug", "project", "kind", "place", "merge_without_evidence")
    search_fields = ("slug",)
    fields = ("project", "slug", "url", "merge_without_evidence")

    @admin.display(description="Place", ordering="url")
    def place(self, connection: GitConnection) -> str:
        return connection.url or "Kaizen's own"

    def save_by_service(self, actor: Actor, form: ServiceForm, *, change: bool) -> models.Model:
        data = form.cleaned_data
        rule = WithoutEvidence(data.pop("merge_without_evidence"))
        return git_connection_create(actor=actor, merge_without_evidence=rule, **data)


class RepositoryForm(ServiceForm):
    path = forms.CharField(
        required=False,
        max_length=255,
        label="File",
        help_text="Left empty: prompts/, the task's short name, and .prompt.yml.",
    )

    class Meta:
        model = Repository
        fields: ClassVar = ["task", "connection", "path", "base_branch"]
        help_texts: ClassVar = {"base_branch": "Its merges count."}


@admin.register(Repository)
class RepositoryAdmin(ProjectScopedAdmin):
    form = RepositoryForm
    project_path = "task__project"
    write_role = Role.ADMIN
    can_add = True
    list_display = ("task", "connection", "path", "base_branch")
    list_select_related = ("task", "connection")
    search_fields = ("task__slug", "path")
    ordering = ("task__slug",)
    fields = ("task", "connection", "path", "base_branch")

    def save_by_service(self, actor: Actor, form: ServiceForm, *, change: bool) -> models.Model:
        return repository_connect(actor=actor, **form.cleaned_data)


@admin.register(PullRequest)
class PullRequestAdmin(ProjectScopedAdmin):
    project_path = "version__task__project"
    list_display = ("title", "version", "state", "head", "is_held", "created_at")
    list_filter = ("state",)
    list_select_related = ("version__task",)
    search_fields = ("head", "version__task__slug")
    ordering = ("-id",)
    fields = (
        *("title", "state", "held", "error", "version", "repository", "head"),
        *("number", "url", "merged_by", "merge_sha", "retry_at", "closed_at", "shown_body"),
    )
    change_form_template = "admin/prompts_app/pullrequest/change_form.html"

    @admin.display(description="Held", boolean=True)
    def is_held(self, pull: PullRequest) -> bool:
        return bool(pull.held)

    @admin.display(description="Body")
    def shown_body(self, pull: PullRequest) -> str:
        return format_html("<pre>{}</pre>", pull.body)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("shown_body",)

    def get_urls(self) -> list[URLPattern]:
        propose = self.admin_site.admin_view(require_POST(self.propose))
        name = "prompts_app_pullrequest_propose"
        return [path("<path:object_id>/propose/", propose, name=name), *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        pull = self.get_object(request, object_id)
        extra = {**(extra_context or {})}
        if pull is not None:
            has_failed = pull.state == PullRequestState.FAILED
            extra["may_propose"] = has_failed and self.may(request, pull, Role.EDITOR)
        return super().change_view(request, object_id, form_url, extra)

    def propose(self, request: HttpRequest, object_id: str) -> HttpResponse:
        pull = self.get_object(request, object_id)
        if pull is None:
            raise Http404
        if not self.may(request, pull, Role.EDITOR):
            raise PermissionDenied
        actor, version = actor_of(request, pull.version.task.project), pull.version
        success = PROPOSED.format(version)
        decide(request, lambda _: pull_propose(actor=actor, version=version), success)
        return redirect("admin:prompts_app_pullrequest_change", pull.pk)
