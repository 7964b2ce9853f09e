"""Tests of promptfoo: `vars` with `assert` in YAML or JSON, columns with `__expected` in CSV.

Only an assertion that gives an answer makes an example of a test: `equals`, or a plain
`__expected`. The others check an answer and do not say what it should be.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from kaizen_engine.data.formats.reading import Cells, Unreadable, rest_of, row_of

NAME = "promptfoo"
EXPECTED, METADATA = "__expected", "__metadata:"
_CHECKS = (
    *("contains", "icontains", "contains-all", "contains-any", "icontains-all", "icontains-any"),
    *("regex", "starts-with", "is-json", "contains-json", "javascript", "python", "webhook", "fn"),
    *("llm-rubric", "similar", "factuality", "model-graded-closedqa", "grade", "rouge-n", "cost"),
    *("latency", "levenshtein", "perplexity", "eval", "file", "not-contains", "not-equals"),
)
_ANSWERS = ("equals", "iequals")


def fits(cells: Cells) -> bool:
    return isinstance(cells.get("vars"), Mapping) or any(
        isinstance(name, str) and name.startswith((EXPECTED, METADATA)) for name in cells
    )


def read(cells: Cells) -> dict[str, Any]:
    return _test(cells) if isinstance(cells.get("vars"), Mapping) else _line(cells)


def _test(cells: Cells) -> dict[str, Any]:
    metadata = dict(cells.get("metadata") or {})
    if cells.get("description"):
        metadata["description"] = cells["description"]
    given = dict(cells["vars"])
    for name, value in given.items():
        if isinstance(value, list):
            raise Unreadable(f"{name} is a list of values, each of which is a test: write each out")
        _refuse_file(value)
    return row_of(given, _first(_of_assertion(one) for one in cells.get("assert") or ()), metadata)


def _line(cells: Cells) -> dict[str, Any]:
    names = [name for name in cells if name.startswith("__")]
    metadata = {
        name.removeprefix(METADATA): cells[name] for name in names if name.startswith(METADATA)
    }
    if cells.get("__description"):
        metadata["description"] = cells["__description"]
    checks = [cells[name] for name in names if name.startswith(EXPECTED)]
    return row_of(rest_of(cells, *names), _first(_of_text(one) for one in checks), metadata)


def _of_assertion(assertion: Any) -> Any:
    if not isinstance(assertion, Mapping) or assertion.get("type") not in _ANSWERS:
        return None
    return _refuse_file(assertion.get("value"))


def _of_text(text: Any) -> Any:
    """Return the answer that `__expected` spells; `contains: x` checks one and is none."""
    if not isinstance(text, str) or not text.strip():
        return None
    head, colon, rest = text.partition(":")
    kind = head.strip().partition("(")[0]
    if colon and kind in _ANSWERS:
        return rest.strip()
    return None if kind in _CHECKS and (colon or kind.endswith("json")) else text


def _first(answers: Iterable[Any]) -> Any:
    return next((answer for answer in answers if answer is not None), None)


def _refuse_file(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("file://"):
        raise Unreadable(f"it refers to another file, {value[:80]}")
    return value
