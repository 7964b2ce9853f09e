"""The rows of a dataset as a page and as files; the hold-out is in none of them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from feedback_app.inbox import spellings
from feedback_app.inbox_words import in_short
from feedback_app.models import Dataset, Example
from feedback_app.row_words import SPLIT_WORDS
from kaizen_engine.evaluate.texts import value_text
from kaizen_engine.states import Split
from tasks_app.fit import declared

# A search reads no more rows than this; repeats are counted in no larger dataset.
MOST_READ = 5_000
MOST_COMPARED = 50_000
MOST_SHOWN = 10
BATCH = 500


class RowsForm(forms.Form):
    text = forms.CharField(
        required=False, max_length=200, label=_("Words"), widget=forms.TextInput({"type": "search"})
    )
    split = forms.ChoiceField(
        required=False,
        label=_("Split"),
        choices=[
            ("", _("any")),
            ("none", _("not dealt out yet")),
            *((one.value, SPLIT_WORDS.get(one.value, one.value)) for one in Split if one != "test"),
        ],
    )

    def rows_of(self, dataset: Dataset) -> QuerySet[Example]:
        self.is_valid()
        rows = readable_rows(dataset).order_by("id")
        split, text = self.cleaned_data.get("split"), self.cleaned_data.get("text")
        if split:
            rows = rows.filter(split="" if split == "none" else split)
        return _with_words(rows, text) if text else rows


@dataclass(frozen=True)
class Row:
    said: str
    expected: str
    split: str
    use: str
    metadata: str


def readable_rows(dataset: Dataset) -> QuerySet[Example]:
    """Return all rows but those of the hold-out, which a person who reads them would spoil."""
    return Example.objects.filter(dataset=dataset).exclude(split=Split.TEST.value)


def shown_row(example: Example) -> Row:
    return Row(
        said=in_short(example.inputs),
        expected=in_short(example.outputs or example.rated_output),
        split=SPLIT_WORDS.get(example.split, example.split),
        use=str(_use_of(example)),
        metadata=in_short(example.metadata) if example.metadata else "",
    )


def repeats_of(dataset: Dataset) -> tuple[int, list[tuple[int, str]]] | None:
    """Return how many rows repeat another, and the most repeated; None where nobody counts."""
    if dataset.report.get("stored", 0) > MOST_COMPARED:
        return None
    groups = Example.objects.filter(dataset=dataset).values("group").annotate(rows=Count("id"))
    repeated = list(groups.filter(rows__gt=1).order_by("-rows", "group")[:MOST_READ])
    most = repeated[:MOST_SHOWN]
    firsts: dict[str, Example] = {}
    for row in readable_rows(dataset).filter(group__in=[one["group"] for one in most]):
        firsts.setdefault(row.group, row)
    return sum(one["rows"] - 1 for one in repeated), [
        (one["rows"], in_short(firsts[one["group"]].inputs))
        for one in most
        if one["group"] in firsts
    ]


def csv_header(dataset: Dataset) -> list[str]:
    inputs, outputs = _fields_of(dataset)
    names = [*(f"inputs.{name}" for name in inputs), *(f"expected.{name}" for name in outputs)]
    return [*names, "split", "metadata"]


def csv_lines(dataset: Dataset, rows: QuerySet[Example]) -> Iterator[list[str]]:
    """Yield lines that an import reads back as they are."""
    inputs, outputs = _fields_of(dataset)
    for row in rows.iterator(BATCH):
        given = [value_text(row.inputs.get(name)) for name in inputs]
        right = [value_text((row.outputs or {}).get(name)) for name in outputs]
        yield [*given, *right, row.split, value_text(row.metadata) if row.metadata else ""]


def jsonl_lines(rows: QuerySet[Example]) -> Iterator[str]:
    for row in rows.iterator(BATCH):
        said = {"inputs": row.inputs, "expected": row.outputs, "split": row.split}
        yield json.dumps({**said, "metadata": row.metadata}, ensure_ascii=False) + "\n"


def _fields_of(dataset: Dataset) -> tuple[list[str], list[str]]:
    task, first = dataset.task, readable_rows(dataset).order_by("id").first()
    inputs = list(declared(task.input_schema)) if task else []
    outputs = list(declared(task.output_schema)) if task else []
    return (
        inputs or list(first.inputs if first else ()),
        outputs or list((first.outputs or {}) if first else ()),
    )


def _use_of(example: Example) -> Any:
    if example.redacted_at:
        return _("redacted")
    if example.is_tied:
        return _("left out: too near to rows of another split")
    if not example.split:
        return _("waits for a job")
    return _("seen by a search or a person") if example.is_seen else _("not used yet")


def _with_words(rows: QuerySet[Example], text: str) -> QuerySet[Example]:
    last = list(rows.values_list("id", flat=True)[MOST_READ - 1 : MOST_READ])
    if last:
        rows = rows.filter(id__lte=last[0])
    as_text: dict[str, Any] = {
        f"{name}_text": Cast(name, TextField()) for name in ("inputs", "outputs", "metadata")
    }
    said = Q()
    for name in as_text:
        for spelled in spellings(text):
            said |= Q(**{f"{name}__icontains": spelled})
    return rows.alias(**as_text).filter(said)
