"""A diff as rows of a page: lines that stayed, and before beside after where they did not."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from kaizen_engine.prompts.diff import DiffSpan, Op, Unit, diff_texts

TITLES: Mapping[str, str] = {"system": "Instruction", "user_template": "User message"}
NOTES: Mapping[Unit, str] = {
    "word": "",
    "line": "These texts are very long, so whole lines are compared, not words.",
    "text": "These texts are too long to compare: the whole of each is shown.",
}
SHOWN_AROUND = 2
FEWEST_FOLDED = 4
# A page stays light whatever is stored; the whole text is a download away.
MOST_CHARACTERS = 120_000
SIDES: Mapping[Op, tuple[str, ...]] = {
    "equal": ("before", "after"),
    "delete": ("before",),
    "insert": ("after",),
}
_LINES = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True)
class DiffRow:
    """`before` and `after` hold the same spans where nothing changed; `is_folded` hides those."""

    before: list[DiffSpan]
    after: list[DiffSpan]
    is_changed: bool
    is_folded: bool = False

    @property
    def before_html(self) -> SafeString:
        return _marked(self.before)

    @property
    def after_html(self) -> SafeString:
        return _marked(self.after)

    @property
    def text(self) -> str:
        return "".join(span.text for span in self.after)

    @property
    def lines(self) -> int:
        return self.text.count("\n") or 1


@dataclass(frozen=True)
class TextDiff:
    title: str
    rows: list[DiffRow]
    unit: Unit = "word"
    is_cut: bool = False

    @property
    def is_changed(self) -> bool:
        return any(row.is_changed for row in self.rows)

    @property
    def note(self) -> str:
        return NOTES[self.unit]


def text_diffs(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[TextDiff]:
    """Compare instruction and user message of two prompts; nothing before: the text as it is."""
    return [
        text_diff(title, before.get(name, "") if before else after[name], after[name])
        for name, title in TITLES.items()
    ]


def text_diff(title: str, before: str, after: str) -> TextDiff:
    cut = [text[:MOST_CHARACTERS] for text in (before, after)]
    found = diff_texts(*cut)
    rows = list(_folded(diff_rows(found.spans)))
    return TextDiff(title, rows, found.unit, is_cut=cut != [before, after])


def diff_rows(spans: Iterable[DiffSpan]) -> list[DiffRow]:
    """Return rows that end where a line ends on both sides, the unchanged ones joined."""
    rows = _Rows()
    for span in spans:
        if span.op != "equal":
            rows.take(span)
            continue
        if rows.is_between_lines:
            rows.close()
        for line in _LINES.findall(span.text):
            rows.take(DiffSpan("equal", line))
            if line.endswith("\n"):
                rows.close()
    rows.close()
    return rows.done


@dataclass
class _Rows:
    """`ends` is the last character of each side of the row that is being filled."""

    done: list[DiffRow] = field(default_factory=list)
    spans: list[DiffSpan] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)

    def take(self, span: DiffSpan) -> None:
        self.spans.append(span)
        for side in SIDES[span.op]:
            self.ends[side] = span.text[-1]

    @property
    def is_between_lines(self) -> bool:
        """Say whether neither side is within a line."""
        return all(end == "\n" for end in self.ends.values())

    def close(self) -> None:
        if not self.spans:
            return
        before, after = self._side("insert"), self._side("delete")
        is_changed = any(span.op != "equal" for span in self.spans)
        last = self.done[-1] if self.done else None
        if last and not is_changed and not last.is_changed:
            self.done[-1] = DiffRow(last.before + before, last.after + after, is_changed=False)
        else:
            self.done.append(DiffRow(before, after, is_changed))
        self.spans, self.ends = [], {}

    def _side(self, hidden: str) -> list[DiffSpan]:
        return [span for span in self.spans if span.op != hidden]


def _folded(rows: list[DiffRow]) -> Iterator[DiffRow]:
    """Hide the middle of long stretches in which nothing changed; a text of one row stays open."""
    for row in rows:
        lines = row.after
        hidden = len(lines) - 2 * SHOWN_AROUND
        if row.is_changed or len(rows) == 1 or hidden < FEWEST_FOLDED:
            yield row
            continue
        yield _same(lines[:SHOWN_AROUND])
        yield _same(lines[SHOWN_AROUND:-SHOWN_AROUND], is_folded=True)
        yield _same(lines[-SHOWN_AROUND:])


def _marked(spans: list[DiffSpan]) -> SafeString:
    """Return the spans escaped, what changed marked; templates would take ten times as long."""
    hidden = '<span class="kz-hidden-word">{} </span>'
    opens = {
        "delete": format_html("<del>" + hidden, _("removed:")),
        "insert": format_html("<ins>" + hidden, _("added:")),
    }
    ends = {"delete": SafeString("</del>"), "insert": SafeString("</ins>")}
    parts: list[str] = [""]
    for span in spans:
        marks = (opens[span.op], ends[span.op]) if span.op != "equal" else ("", "")
        parts += (marks[0], span.text, marks[1])
    # One call for all: a call for each span is most of the time that a long prompt takes.
    return format_html("{}" * len(parts), *parts)


def _same(lines: list[DiffSpan], *, is_folded: bool = False) -> DiffRow:
    return DiffRow(lines, lines, is_changed=False, is_folded=is_folded)
