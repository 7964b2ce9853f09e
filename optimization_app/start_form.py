"""The form that asks for a job: the same settings that the API takes, with the task's as its start.

It refuses what is no number or no date; every rule about jobs is the service's.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from feedback_app.models import Dataset
from optimization_app.amounts import plain_usd
from optimization_app.config_readers import (
    LARGEST_TOKENS,
    LONGEST_WISH,
    MOST_STUDENTS,
    MOST_WISHES,
)
from optimization_app.models import Job
from optimization_app.services.rerun import changes_of
from optimization_app.strategy_words import strategy_choices
from projects_app.exceptions import InvalidInput
from tasks_app.models import Task

MOST_DATASETS = 200
MODELS = {"list": "models", "autocomplete": "off", "spellcheck": "false"}
REASONING = (
    ("", _("as the current prompt does")),
    ("yes", _("thinks before it answers")),
    ("no", _("answers at once")),
)
SAID: Mapping[bool | None, str] = {True: "yes", False: "no"}


class StartForm(forms.Form):
    optimizer_type = forms.ChoiceField(label=_("Strategy"), widget=forms.RadioSelect)
    dataset_id = forms.ChoiceField(label=_("Rows"), required=False)
    student = forms.CharField(
        label=_("Student"),
        required=False,
        widget=forms.TextInput(MODELS),
        help_text=_("The model that will run the prompt, written connection/model."),
    )
    teacher = forms.CharField(
        label=_("Teacher"),
        required=False,
        widget=forms.TextInput(MODELS),
        help_text=_("The model that writes candidates and demonstrations; empty: the student."),
    )
    students = forms.CharField(
        label=_("More students"),
        required=False,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Models that answer dev as well, for comparison, with commas between them."),
    )
    num_trials = forms.IntegerField(label=_("Trials"), min_value=1, max_value=15)
    num_fewshot_examples = forms.IntegerField(
        label=_("Demonstrations, at most"), min_value=1, max_value=24
    )
    budget_usd = forms.DecimalField(
        label=_("Budget in US dollars"), min_value=Decimal(0), max_digits=10, decimal_places=4
    )
    minutes = forms.IntegerField(label=_("Minutes, at most"), min_value=1, max_value=30)
    budget_tokens = forms.IntegerField(
        label=_("Tokens, at most"),
        help_text=_("Empty: no cap."),
        required=False,
        min_value=0,
        max_value=LARGEST_TOKENS,
    )
    reasoning = forms.ChoiceField(label=_("The new prompt"), required=False, choices=REASONING)
    notes = forms.CharField(
        label=_("Wishes for this job"),
        required=False,
        max_length=MOST_WISHES * (LONGEST_WISH + 2),
        widget=forms.Textarea({"rows": 3}),
        help_text=_("One a line, quoted to gepa and analyst; the other strategies hear none."),
    )

    def __init__(self, task: Task, data: Mapping[str, Any]) -> None:
        super().__init__(data, label_suffix="")
        self._choose("optimizer_type", strategy_choices())
        datasets = Dataset.objects.filter(task=task, frozen_at__isnull=False).order_by("-pk")
        named = [(str(one.public_id), one.name) for one in datasets[:MOST_DATASETS]]
        self._choose("dataset_id", [("", _("all of the prompt")), *named])
        for name, field in self.fields.items():
            if field.help_text and name != "optimizer_type":
                field.widget.attrs["aria-describedby"] = f"id_{name}_helptext"

    def _choose(self, name: str, choices: list[tuple[str, object]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    @property
    def changes(self) -> dict[str, Any]:
        """Return what was asked for, as the service reads it."""
        said = self.cleaned_data
        wanted: dict[str, Any] = {
            "optimizer_type": said["optimizer_type"],
            "num_trials": said["num_trials"],
            "num_fewshot_examples": said["num_fewshot_examples"],
            "budget_usd": str(said["budget_usd"]),
            "budget_tokens": said["budget_tokens"],
            "minutes": said["minutes"],
            "reasoning": {"yes": True, "no": False}.get(said["reasoning"]),
            "notes": [line for line in said["notes"].splitlines() if line.strip()],
        }
        wanted |= {name: said[name].strip() for name in ("student", "teacher") if said[name]}
        if said["dataset_id"]:
            wanted["dataset_id"] = said["dataset_id"]
        more = [name.strip() for name in said["students"].split(",") if name.strip()]
        if more:
            wanted["students"] = [wanted["student"], *more] if "student" in wanted else more
        return wanted

    def refuse(self, error: Exception) -> None:
        """Show what a service refused, next to its field where it names one."""
        named = error.errors if isinstance(error, InvalidInput) else {}
        for name, why in named.items():
            field = name.removeprefix("config.")
            known = field if field in self.fields else None
            self.add_error(known, why if known else f"{name}: {why}")
        if not named:
            self.add_error(None, str(error))


def settings_of(task: Task) -> dict[str, Any]:
    """Return what the form begins with: the prompt's own settings."""
    return {
        "optimizer_type": task.optimizer,
        "num_trials": task.num_trials,
        "num_fewshot_examples": task.max_demos,
        "budget_usd": plain_usd(task.budget_usd),
        "budget_tokens": "" if task.budget_tokens is None else task.budget_tokens,
        "minutes": task.minutes,
        "student": task.student,
        "teacher": "" if task.teacher == task.student else task.teacher,
        "reasoning": SAID.get(task.reasoning, ""),
        "dataset_id": "",
        "students": "",
        "notes": "",
    }


def settings_of_job(job: Job) -> dict[str, Any]:
    """Return what an earlier job was asked for, in the form's words."""
    said = changes_of(job)
    words: dict[str, Any] = {
        "budget_usd": plain_usd(Decimal(said["budget_usd"])),
        "budget_tokens": "" if said["budget_tokens"] is None else said["budget_tokens"],
        "reasoning": SAID.get(said["reasoning"], ""),
        "students": ", ".join(said.get("students", [])[1 : MOST_STUDENTS + 1]),
        "notes": "\n".join(said["notes"]),
    }
    kept = ("optimizer_type", "num_trials", "num_fewshot_examples", "minutes")
    named = {name: said.get(name, "") for name in ("student", "teacher", "dataset_id")}
    return {name: said[name] for name in kept} | named | words
