"""The filters of the inbox, as the query string has them."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from feedback_app import inbox
from feedback_app.inbox import Wanted
from feedback_app.row_words import ORIGINS
from projects_app.models import Project
from tasks_app.choices import task_choices

ANY = ("", _("any"))
STATES = (
    ("", _("all but dismissed")),
    (inbox.OPEN, _("waits for a job")),
    (inbox.TAKEN, _("taken by a job")),
    (inbox.EXAMPLE, _("is an example")),
    (inbox.DISMISSED, _("dismissed")),
    (inbox.REDACTED, _("redacted")),
)
MOST_TASKS = 1000


class InboxForm(forms.Form):
    text = forms.CharField(
        required=False, max_length=200, label=_("Words"), widget=forms.TextInput({"type": "search"})
    )
    task = forms.ChoiceField(required=False, label=_("Prompt"))
    state = forms.ChoiceField(required=False, label=_("State"), choices=STATES)
    origin = forms.ChoiceField(required=False, label=_("From"), choices=(ANY, *ORIGINS.items()))
    thumb = forms.ChoiceField(
        required=False, label=_("Thumb"), choices=(ANY, ("up", _("up")), ("down", _("down")))
    )
    low = forms.FloatField(required=False, min_value=0, max_value=1, label=_("Score from"))
    high = forms.FloatField(required=False, min_value=0, max_value=1, label=_("Score to"))
    before = forms.DateField(
        required=False, label=_("Before"), widget=forms.DateInput({"type": "date"})
    )
    version = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def __init__(self, project: Project, data: Any) -> None:
        super().__init__(data)
        for name in ("low", "high"):
            self.fields[name].widget.attrs["step"] = "any"
        field: Any = self.fields["task"]
        field.choices = [ANY, *task_choices(project, limit=MOST_TASKS)]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        low, high = data.get("low"), data.get("high")
        if low is not None and high is not None and low > high:
            self.add_error("high", _("The highest score is below the lowest."))
        return data

    @property
    def wanted(self) -> Wanted:
        """Return the filter; what is not valid counts as not given."""
        self.is_valid()
        return Wanted(**{name: value for name, value in self.cleaned_data.items() if value != ""})
