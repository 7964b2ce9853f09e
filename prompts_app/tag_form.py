"""The form by which a tag of a team's own is set."""

from django import forms
from django.utils.translation import gettext_lazy as _

from prompts_app.models import PromptVersion
from tasks_app.models import Task


class TagForm(forms.Form):
    name = forms.CharField(max_length=60, label=_("Tag"))
    number = forms.IntegerField(min_value=1, max_value=2**31 - 1, label=_("Version number"))

    def __init__(self, task: Task, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self.task = task

    def clean_number(self) -> PromptVersion:
        """Return the version of that number."""
        number = self.cleaned_data["number"]
        version = self.task.versions.filter(number=number).only("id", "number", "task_id").first()
        if version is None:
            raise forms.ValidationError(
                _("This prompt has no version %(n)s."), params={"n": number}
            )
        return version
