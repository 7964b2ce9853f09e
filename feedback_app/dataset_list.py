"""The list of datasets with its filters, and the first step of an import beside it."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from feedback_app.file_rows import ENDINGS
from feedback_app.selectors import dataset_list, dataset_splits
from projects_app.lists import show
from projects_app.models import Project, Role
from projects_app.pages import Visit
from tasks_app.choices import task_choices

MOST_TASKS = 1000


class DatasetListForm(forms.Form):
    name = forms.CharField(
        required=False, max_length=200, label=_("Name"), widget=forms.TextInput({"type": "search"})
    )
    task = forms.ChoiceField(required=False, label=_("Prompt"))

    def __init__(self, project: Project, data: Any) -> None:
        super().__init__(data)
        field: Any = self.fields["task"]
        field.choices = [("", _("any")), *task_choices(project, limit=MOST_TASKS)]

    def narrow(self, rows: Any) -> Any:
        self.is_valid()
        if self.cleaned_data.get("name"):
            rows = rows.filter(name__icontains=self.cleaned_data["name"])
        if self.cleaned_data.get("task"):
            rows = rows.filter(task__slug=self.cleaned_data["task"])
        return rows


def dataset_list_context(
    visit: Visit, *, written: Mapping[str, Any], errors: Mapping[str, str]
) -> dict[str, Any]:
    form = DatasetListForm(visit.project, visit.request.GET)
    shown = show(form.narrow(dataset_list(visit.project)), visit.request.GET.get("page"))
    splits = dataset_splits(shown)
    return {
        "project": visit.project,
        "form": form,
        "page": shown,
        "rows": [(one, sum(splits.get(one.pk, {}).values())) for one in shown],
        "tasks": form.fields["task"].choices[1:],  # type: ignore[attr-defined]
        "endings": ",".join(ENDINGS),
        "written": written or {"task": visit.request.GET.get("task", "")},
        "errors": errors,
        "may_write": visit.allows(Role.EDITOR),
    }
