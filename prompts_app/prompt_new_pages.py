"""New prompts: written on a page, or taken from a prompt file."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from kaizen_engine.errors import KaizenError
from kaizen_engine.prompts.plain_yaml import LARGEST_BYTES
from llm_app.models import ModelPrice
from projects_app.exceptions import Conflict, InvalidInput
from projects_app.models import Project, Role
from projects_app.pages import Visit, project_page
from prompts_app.services.prompt_imports import prompt_import, version_import
from prompts_app.services.prompts import prompt_create
from tasks_app.choices import TaskChoiceField
from tasks_app.models import Task

MOST_MODELS = 200
FIELDS = {"template": "user", "messages": "user", "input_schema": "user", "student": "model"}


class PromptForm(forms.Form):
    name = forms.CharField(max_length=80, label=gettext_lazy("Name"))
    system = forms.CharField(
        required=False,
        strip=False,
        label=gettext_lazy("Instruction"),
        widget=forms.Textarea({"rows": 6}),
        help_text=gettext_lazy("What the model is asked to do; the system message."),
    )
    user = forms.CharField(
        strip=False,
        label=gettext_lazy("User message"),
        widget=forms.Textarea({"rows": 4}),
        help_text=gettext_lazy("Inputs stand in double braces, as in {{text}}."),
    )
    labels = forms.CharField(
        required=False,
        label=gettext_lazy("Possible answers"),
        help_text=gettext_lazy(
            "Separated by commas, as in billing, shipping. Left empty, the answer is free text."
        ),
    )
    model = forms.CharField(
        required=False,
        label=gettext_lazy("Model"),
        widget=forms.TextInput({"list": "models"}),
        help_text=gettext_lazy("connection/model. Left empty, a job cannot run before one is set."),
    )

    def clean_labels(self) -> list[str]:
        given = (one.strip() for one in self.cleaned_data["labels"].split(","))
        return [label for label in given if label]


class ImportForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("Prompt file (.prompt.yml), 1 MiB at most"),
        widget=forms.ClearableFileInput({"accept": ".yml,.yaml"}),
    )
    task = TaskChoiceField(
        Task.objects.none(),
        required=False,
        to_field_name="slug",
        label=gettext_lazy("Into"),
        empty_label=gettext_lazy("a new prompt, live at once"),
        help_text=gettext_lazy("An existing prompt gets a draft; what is live stays."),
    )
    name = forms.CharField(
        required=False,
        max_length=80,
        label=gettext_lazy("Name of a new prompt"),
        help_text=gettext_lazy("Left empty, the name that the file says."),
    )
    reason = forms.CharField(
        required=False, max_length=500, label=gettext_lazy("Why, for the draft's history")
    )

    def __init__(self, project: Project, *args: Any) -> None:
        super().__init__(*args)
        tasks = Task.objects.filter(project=project, archived_at=None).order_by("slug")
        self.fields["task"].queryset = tasks  # type: ignore[attr-defined]

    def clean_file(self) -> bytes:
        """Return what the file holds."""
        file = self.cleaned_data["file"]
        if file.size > LARGEST_BYTES:
            raise forms.ValidationError(_("The file is larger than 1 MiB."))
        return bytes(file.read())


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def new_page(visit: Visit) -> HttpResponse:
    _require_editor(visit)
    form = PromptForm(visit.request.POST or None)
    if visit.request.method != "POST" or not form.is_valid():
        return _new(visit, form, 400 if form.is_bound else 200)
    try:
        task, _version = prompt_create(actor=visit.actor, project=visit.project, **_fields(form))
    except KaizenError as error:
        _put(form, error, "user")
        return _new(visit, form, 409 if isinstance(error, Conflict) else 400)
    messages.success(visit.request, _("The prompt is made, and its version 1 is live."))
    return redirect("prompts:prompt", visit.project.slug, task.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def import_page(visit: Visit) -> HttpResponse:
    _require_editor(visit)
    if visit.request.method != "POST":
        return _import(visit, ImportForm(visit.project), 200)
    form = ImportForm(visit.project, visit.request.POST, visit.request.FILES)
    if not form.is_valid():
        return _import(visit, form, 400)
    perform = _import_draft if form.cleaned_data["task"] else _import_prompt
    try:
        return perform(visit, form.cleaned_data)
    except KaizenError as error:
        _put(form, error, "file")
        return _import(visit, form, 409 if isinstance(error, Conflict) else 400)


def _import_prompt(visit: Visit, given: dict[str, Any]) -> HttpResponse:
    task, _version = prompt_import(
        actor=visit.actor, project=visit.project, content=given["file"], name=given["name"]
    )
    messages.success(visit.request, _("The prompt is imported, and its version 1 is live."))
    return redirect("prompts:prompt", visit.project.slug, task.slug)


def _import_draft(visit: Visit, given: dict[str, Any]) -> HttpResponse:
    version, is_new = version_import(
        actor=visit.actor, task=given["task"], content=given["file"], reason=given["reason"]
    )
    said = (
        _("The file is version %(n)s now.") if is_new else _("The text is version %(n)s already.")
    )
    messages.success(visit.request, said % {"n": version.number})
    return redirect("prompts:version", visit.project.slug, given["task"].slug, version.number)


def _fields(form: PromptForm) -> dict[str, Any]:
    given = form.cleaned_data
    user, system = (given[name].replace("\r\n", "\n") for name in ("user", "system"))
    chat = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    labels = given["labels"]
    return {
        "name": given["name"],
        "messages": chat if system.strip() else chat[1:],
        "output_schema": {"type": "string", "enum": labels} if labels else None,
        "student": given["model"],
    }


def _put(form: forms.Form, error: KaizenError, default: str) -> None:
    """Set a refusal beside its field."""
    if isinstance(error, InvalidInput) and error.errors:
        for name, words in error.errors.items():
            form.add_error(_field(form, FIELDS.get(name, name), default), words)
    elif isinstance(error, Conflict) and error.code == "taken":
        form.add_error("name", str(error))
    else:
        form.add_error(default, str(error))


def _field(form: forms.Form, name: str, default: str) -> str:
    return name if name in form.fields else default


def _new(visit: Visit, form: PromptForm, status: int) -> HttpResponse:
    prices = ModelPrice.objects.filter(connection__project=visit.project)
    pairs = prices.order_by("connection__slug", "model").values_list("connection__slug", "model")
    models = [f"{slug}/{model}" for slug, model in pairs[:MOST_MODELS]]
    context = {"project": visit.project, "form": form, "models": models}
    return render(visit.request, "prompts_app/prompt_new.html", context, status=status)


def _import(visit: Visit, form: ImportForm, status: int) -> HttpResponse:
    context = {"project": visit.project, "form": form}
    return render(visit.request, "prompts_app/prompt_import.html", context, status=status)


def _require_editor(visit: Visit) -> None:
    if not visit.allows(Role.EDITOR):
        raise PermissionDenied("this needs the editor role")
