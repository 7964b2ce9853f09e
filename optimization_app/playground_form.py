"""The form of the playground: two variants, the inputs that the prompt declares, and which rows."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from feedback_app.models import Dataset
from kaizen_engine.errors import InvalidArtifact
from kaizen_engine.evaluate.runner import DEFAULT_MAX_TOKENS
from kaizen_engine.prompts.artifact import InputField, PromptArtifact
from llm_app.models import ModelPrice
from optimization_app.services.playground import MOST_ROWS, rows_to_try
from optimization_app.services.playground_estimate import Row, Variant
from projects_app.exceptions import InvalidInput
from projects_app.models import Project
from projects_app.payload import PayloadRefused, check_payload
from prompts_app.models import PromptVersion
from tasks_app.fit import LONE_OUTPUT
from tasks_app.models import Task

ONE, ROWS = "one", "rows"
NAMES = ("a", "b")
LONGEST_TEXT = 200_000
OWN_PARAMS = ("temperature", "max_tokens")


def models_to_choose(project: Project, *more: str) -> list[tuple[str, str]]:
    """Return the models that have a price, since no other may be asked."""
    rows = ModelPrice.objects.filter(connection__project=project)
    pairs = rows.values_list("connection__slug", "model").order_by("connection__slug", "model")
    priced = [f"{slug}/{model}" for slug, model in pairs[:500]]
    without = [one for one in more if one and one not in priced]
    return [(one, one) for one in priced] + [(one, f"{one} (no price yet)") for one in without]


class VariantForm(forms.Form):
    """One text with its model and parameters, begun from a version."""

    system = forms.CharField(
        label=_("Instruction"),
        required=False,
        max_length=LONGEST_TEXT,
        strip=False,
        widget=forms.Textarea({"rows": 8, "spellcheck": "false"}),
    )
    user_template = forms.CharField(
        label=_("Message"),
        max_length=LONGEST_TEXT,
        strip=False,
        widget=forms.Textarea({"rows": 3, "spellcheck": "false"}),
        help_text=_("{{name}} is replaced by the input of that name."),
    )
    model = forms.ChoiceField(label=_("Model"))
    temperature = forms.FloatField(
        label=_("Temperature"), required=False, min_value=0, max_value=2, initial=0
    )
    max_tokens = forms.IntegerField(
        label=_("Most tokens"), required=False, min_value=1, max_value=32_768
    )
    with_demos = forms.BooleanField(required=False, initial=True)

    def __init__(self, base: PromptVersion, models: list[tuple[str, str]], **options: Any) -> None:
        self.base = base
        super().__init__(initial=_initial(base, models), **options)
        self.fields["model"].choices = models  # type: ignore[attr-defined]
        count = len(base.artifact.get("demos", []))
        label = ngettext("With its %(count)d example", "With its %(count)d examples", count)
        self.fields["with_demos"].label = label % {"count": count}
        if not count:
            del self.fields["with_demos"]

    def variant(self) -> Variant:
        """Return what was typed; raises InvalidArtifact naming what the text breaks."""
        data, before = self.cleaned_data, PromptArtifact.from_dict(self.base.artifact)
        params = dict(before.params)
        for name in OWN_PARAMS:
            typed, known = data.get(name), params.get(name)
            if typed is None:
                params.pop(name, None)
            elif typed != (_usual(name) if known is None else known):
                params[name] = typed
        artifact = before.with_(
            system=_newlines(data["system"]),
            user_template=_newlines(data["user_template"]),
            demos=before.demos if data.get("with_demos") else (),
            params=params,
        )
        return Variant(self.base, artifact, data["model"])

    def say(self, error: InvalidArtifact) -> None:
        """Put what the artifact's rules refuse beside the field it is about."""
        where, _colon, what = str(error).partition(": ")
        self.add_error(where if where in self.fields else None, what or str(error))


class RowsForm(forms.Form):
    """What is asked: the inputs that are typed here, or rows that are there already."""

    rows_from = forms.ChoiceField(
        label=_("Run on"),
        choices=[(ONE, _("one input")), (ROWS, _("rows of a dataset"))],
        initial=ONE,
        widget=forms.RadioSelect,
    )
    dataset = forms.ChoiceField(label=_("Dataset"), required=False)
    count = forms.IntegerField(
        label=_("Rows"), required=False, min_value=1, max_value=MOST_ROWS, initial=10
    )
    is_scored = forms.BooleanField(label=_("Score the answers"), required=False, initial=True)

    def __init__(
        self, task: Task, fields: Iterable[InputField], data: Any = None, **o: Any
    ) -> None:
        super().__init__(data, **o)
        self.task = task
        self.names = {f"input-{place}": field for place, field in enumerate(fields)}
        datasets = Dataset.objects.filter(task=task, frozen_at__isnull=False).order_by("-id")
        self.datasets = {str(one.public_id): one for one in datasets[:100]}
        self.fields["dataset"].choices = [  # type: ignore[attr-defined]
            ("", _("all examples of the prompt")),
            *((key, one.name) for key, one in self.datasets.items()),
        ]
        for name, field in self.names.items():
            self.fields[name] = _input_of(field)
        self.fields["expected"] = forms.CharField(
            label=_("Expected answer"),
            required=False,
            strip=False,
            widget=forms.Textarea({"rows": 2, "spellcheck": "false"}),
            help_text=_("Optional: what is right, to score the answers. Several fields as JSON."),
        )

    @property
    def inputs(self) -> list[forms.BoundField]:
        return [self[name] for name in self.names]

    @property
    def source(self) -> str:
        """Say in words which rows were asked for."""
        if self.cleaned_data["rows_from"] == ONE:
            return ""
        dataset = self.datasets.get(self.cleaned_data["dataset"])
        return dataset.name if dataset else str(_("examples of the prompt"))

    def rows(self) -> list[Row]:
        """Return the rows; raises InvalidInput naming the field that is wrong."""
        data = self.cleaned_data
        if data["rows_from"] == ROWS:
            dataset = self.datasets.get(data["dataset"])
            return rows_to_try(self.task, dataset, data["count"] or 0)
        inputs = {field.name: self._typed(name, field) for name, field in self.names.items()}
        return [Row(inputs, self._expected())]

    def _typed(self, name: str, field: InputField) -> Any:
        text = _newlines(self.cleaned_data.get(name) or "")
        if field.type != "json":
            return text
        return _json(text, name) if text.strip() else None

    def _expected(self) -> Mapping[str, Any]:
        text = _newlines(self.cleaned_data.get("expected") or "")
        if not text.strip():
            return {}
        outputs = self.task.output_schema.get("properties") or {LONE_OUTPUT: {}}
        if len(outputs) > 1:
            value = _json(text, "expected")
            if not isinstance(value, dict) or set(value) != set(outputs):
                names = ", ".join(outputs)
                raise InvalidInput("", errors={"expected": f"must be an object with {names}"})
            return value
        name, schema = next(iter(outputs.items()))
        is_text = schema.get("type", "string") == "string"
        return {name: text if is_text else _json(text, "expected")}


@dataclass(frozen=True)
class Asked:
    """The whole form, checked together."""

    variants: Sequence[VariantForm]
    rows: RowsForm

    def is_valid(self) -> bool:
        return all([*(one.is_valid() for one in self.variants), self.rows.is_valid()])

    def read_variants(self) -> list[Variant] | None:
        found = []
        for form in self.variants:
            try:
                found.append(form.variant())
            except InvalidArtifact as error:
                form.say(error)
        return found if len(found) == len(self.variants) else None

    @property
    def errors(self) -> list[tuple[str, str, str]]:
        """Return place, label and text of every error, for the summary above the form."""
        found = []
        for form in (*self.variants, self.rows):
            name = f"{form.prefix.upper()}: " if form.prefix else ""
            for key, texts in form.errors.items():
                field = form[key] if key in form.fields else None
                label = str(field.label) if field else ""
                place = field.id_for_label if field else ""
                found += [(place, f"{name}{label}", str(text)) for text in texts]
        return found


def fields_of(versions: Iterable[PromptVersion]) -> list[InputField]:
    """Return the inputs that any of the versions declares, each once."""
    found: dict[str, InputField] = {}
    for version in versions:
        for field in PromptArtifact.from_dict(version.artifact).inputs:
            found.setdefault(field.name, field)
    return list(found.values())


def _initial(base: PromptVersion, models: list[tuple[str, str]]) -> dict[str, Any]:
    artifact, params = base.artifact, base.artifact.get("params", {})
    student = base.task.student
    return {
        "system": artifact.get("system", ""),
        "user_template": artifact["user_template"],
        "model": student or (models[0][0] if models else ""),
        "temperature": params.get("temperature", _usual("temperature")),
        "max_tokens": params.get("max_tokens", _usual("max_tokens")),
        "with_demos": True,
    }


def _usual(name: str) -> float:
    return DEFAULT_MAX_TOKENS if name == "max_tokens" else 0.0


def _input_of(field: InputField) -> forms.Field:
    hints = {"json": _("JSON"), "image_url": _("address of an image"), "audio_url": _("address")}
    lines = 1 if field.type.endswith("_url") else 3
    return forms.CharField(
        label=field.name,
        required=False,
        strip=False,
        max_length=1_000_000,
        widget=forms.Textarea({"rows": lines}),
        help_text=field.description or hints.get(field.type, ""),
    )


def _json(text: str, field: str) -> Any:
    try:
        value = msgspec.json.decode(text)
        check_payload(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError, PayloadRefused) as error:
        message = f"this is not acceptable JSON: {error}"
        raise InvalidInput(message, errors={field: message}) from error
    return value


def _newlines(text: str) -> str:
    """Browsers send every line break as two characters; a prompt has one."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
