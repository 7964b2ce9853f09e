"""Git by page: where repositories are, which file is whose, and whether it can be read."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseStopPolling

from kaizen_engine.errors import KaizenError
from projects_app.exceptions import InvalidInput
from projects_app.lists import Shown, show
from projects_app.models import Project, Role
from projects_app.pages import Visit, project_page
from projects_app.settings_pages import require_admin
from prompts_app.models import GitConnection, Repository, WithoutEvidence
from prompts_app.services.repositories import git_connection_create, repository_connect
from prompts_app.services.repository_test import repository_test_ask
from tasks_app.choices import TaskChoiceField
from tasks_app.models import Task

RULES = {
    WithoutEvidence.HOLD: gettext_lazy("is held until somebody approves it"),
    WithoutEvidence.ALLOW: gettext_lazy("goes live"),
}


class RefusableForm(forms.Form):
    def refuse(self, error: KaizenError) -> None:
        """Put a service's refusal beside its field."""
        found = error.errors if isinstance(error, InvalidInput) else {}
        for name, text in (found or {"": str(error)}).items():
            self.add_error(name if name in self.fields else None, text)


class GitForm(RefusableForm):
    slug = forms.SlugField(label=gettext_lazy("Short name"), max_length=40)
    url = forms.CharField(
        label=gettext_lazy("Place"),
        required=False,
        max_length=500,
        help_text=gettext_lazy(
            "Address or folder of a bare repository. Left empty: one of Kaizen's own."
        ),
    )
    merge_without_evidence = forms.ChoiceField(
        label=gettext_lazy("A merge that the evidence does not carry"),
        choices=[(rule.value, words) for rule, words in RULES.items()],
    )


class RepositoryForm(RefusableForm):
    task = TaskChoiceField(
        label=gettext_lazy("Prompt"), queryset=Task.objects.none(), to_field_name="slug"
    )
    connection = forms.ModelChoiceField(
        label=gettext_lazy("Place"),
        queryset=GitConnection.objects.none(),
        to_field_name="slug",
    )
    path = forms.CharField(
        label=gettext_lazy("File"),
        required=False,
        max_length=255,
        help_text=gettext_lazy("Left empty: prompts/, the prompt's short name, and .prompt.yml."),
    )
    base_branch = forms.CharField(
        label=gettext_lazy("Branch"),
        max_length=100,
        initial="main",
        help_text=gettext_lazy("Its merges count."),
    )

    def __init__(self, project: Project, data: Any = None) -> None:
        super().__init__(data)
        free = Task.objects.filter(project=project, archived_at=None, repository=None)
        self.fields["task"].queryset = free.order_by("slug")  # type: ignore[attr-defined]
        mine = GitConnection.objects.filter(project=project)
        self.fields["connection"].queryset = mine  # type: ignore[attr-defined]


@require_safe
@project_page
def git_page(visit: Visit) -> HttpResponse:
    return _show(visit)


@require_POST
@project_page
def git_add_page(visit: Visit) -> HttpResponse:
    require_admin(visit)
    form = GitForm(visit.request.POST)
    if form.is_valid():
        data = dict(form.cleaned_data)
        rule = WithoutEvidence(data.pop("merge_without_evidence"))
        try:
            made = git_connection_create(
                actor=visit.actor, project=visit.project, merge_without_evidence=rule, **data
            )
        except KaizenError as error:
            form.refuse(error)
        else:
            said = _("%(slug)s is connected. Name the file of a prompt in it.")
            messages.success(visit.request, said % {"slug": made.slug})
            return redirect("settings:git", project=visit.project.slug)
    return _show(visit, place=form, status=400)


@require_POST
@project_page
def git_file_page(visit: Visit) -> HttpResponse:
    """Say in which file a prompt lives."""
    require_admin(visit)
    form = RepositoryForm(visit.project, visit.request.POST)
    if form.is_valid():
        try:
            made = repository_connect(actor=visit.actor, **form.cleaned_data)
        except KaizenError as error:
            form.refuse(error)
        else:
            said = _("Versions of %(task)s are proposed as changes of %(path)s.")
            messages.success(visit.request, said % {"task": made.task.name, "path": made.path})
            return redirect("settings:git", project=visit.project.slug)
    return _show(visit, file=form, status=400)


@require_POST
@project_page
def git_test_page(visit: Visit, task: str) -> HttpResponse:
    require_admin(visit)
    try:
        repository_test_ask(actor=visit.actor, repository=_repository(visit, task))
    except KaizenError as error:
        messages.error(visit.request, _("It was not tested: %(why)s.") % {"why": error})
    return redirect("settings:git", project=visit.project.slug)


@require_safe
@project_page
def git_tested_fragment(visit: Visit, task: str) -> HttpResponse:
    """Answer the page's poll; 286 with the outcome ends the polling."""
    repository = _repository(visit, task)
    context = {"project": visit.project, "repository": repository}
    response = render(visit.request, "settings/_repository_test.html", context)
    if not repository.is_tested_now:
        response.status_code = HttpResponseStopPolling.status_code
    return response


def _show(visit: Visit, *, status: int = 200, **forms: Any) -> HttpResponse:
    rows = Repository.objects.filter(task__project=visit.project)
    page: Shown[Repository] = show(
        rows.select_related("task", "connection").order_by("task__slug"),
        visit.request.GET.get("page"),
    )
    context = {
        "project": visit.project,
        "places": list(GitConnection.objects.filter(project=visit.project)[:100]),
        "page": page,
        "place": forms.get("place") or GitForm(),
        "file": forms.get("file") or RepositoryForm(visit.project),
        "may_write": visit.allows(Role.ADMIN),
    }
    return render(visit.request, "settings/git.html", context, status=status)


def _repository(visit: Visit, task: str) -> Repository:
    rows = Repository.objects.select_related("task", "connection")
    found = rows.filter(task__project=visit.project, task__slug=task).first()
    if found is None:
        raise Http404
    return found
