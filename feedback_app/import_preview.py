"""The first rows of a file that is being imported, and what each of its columns may become."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from feedback_app.column_mapping import Unmappable, cell_of
from feedback_app.dataset_columns import METADATA, SPLIT_COLUMN, DatasetColumns
from feedback_app.inbox_words import in_short
from feedback_app.services.file_imports import Looked
from kaizen_engine.states import Split
from tasks_app.fit import LONE_OUTPUT, declared
from tasks_app.models import Task

SHORT = 80
MOST_COLUMNS = 100


@dataclass(frozen=True)
class Column:
    """`name` of its field in the form; `target` is what it becomes as things stand."""

    name: str
    title: str
    sample: str
    target: str
    choices: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Preview:
    """`rows` are a line and its cells, or a line and its problem; hold-out rows are not shown."""

    format: str
    columns: Sequence[Column]
    rows: Sequence[tuple[int, Sequence[str], str]]
    hidden: int


def preview_of(
    task: Task, looked: Looked, columns: DatasetColumns, written: Mapping[str, str]
) -> Preview:
    """Return the preview; of a form that was sent back, with what was `written` there."""
    titles = looked.columns[:MOST_COLUMNS]
    shown = [row for row in looked.rows if not _is_hold_out(looked.guess, row.cells)]
    made = [
        Column(
            name=f"column-{place}",
            title=title,
            sample=_sample(title, [row.cells for row in shown]),
            target=written.get(f"column-{place}", columns.targets.get(title, "")),
            choices=_choices(task, title),
        )
        for place, title in enumerate(titles)
    ]
    rows = [
        (row.line, [in_short(cell_of(row.cells, title), SHORT) for title in titles], row.problem)
        for row in shown
    ]
    return Preview(looked.format, made, rows, len(looked.rows) - len(shown))


def word_of(target: str) -> str:
    """Say what a column becomes."""
    head, _dot, name = target.partition(".")
    words = {
        "inputs": _("input: %(name)s"),
        "outputs": _("expected: %(name)s"),
        METADATA: _("metadata, kept beside"),
        SPLIT_COLUMN: _("names the split"),
    }
    return words.get(head, _("leave out")) % ({"name": name} if name else {})


def _choices(task: Task, title: str) -> list[tuple[str, str]]:
    """A prompt without fields takes any; a column then keeps its own name."""
    given, wanted = declared(task.input_schema), declared(task.output_schema)
    inputs = list(given) or [title.rpartition(".")[2]]
    targets = [
        *("", *(f"inputs.{name}" for name in inputs)),
        *(f"outputs.{name}" for name in wanted or (LONE_OUTPUT,)),
        *(METADATA, SPLIT_COLUMN),
    ]
    return [(target, word_of(target)) for target in targets]


def _sample(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    values = (cell_of(cells, title) for cells in rows)
    return next((in_short(value, SHORT) for value in values if value not in (None, "")), "")


def _is_hold_out(columns: DatasetColumns, cells: Mapping[str, Any]) -> bool:
    """Rows that say they are hold-out are for nobody to read."""
    try:
        return columns.split_of(cells) is Split.TEST
    except Unmappable:
        return False
