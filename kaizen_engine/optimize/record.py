"""A job's order as plain JSON and back, so that a run can be repeated where its rows are not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from kaizen_engine.evaluate.runner import Example
from kaizen_engine.optimize.outcome import JobSpec
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import Origin, Split

ROW_LISTS = ("examples", "protected", "red_team")


def spec_to_json(spec: JobSpec) -> dict[str, Any]:
    """Return all but the rows, which may be many: see `rows_to_json`."""
    plain = {field.name: getattr(spec, field.name) for field in fields(spec)}
    kept = {name: value for name, value in plain.items() if name not in ROW_LISTS}
    return kept | {"artifact": spec.artifact.to_dict()}


def rows_to_json(spec: JobSpec) -> list[dict[str, Any]]:
    """Return every row in its order, with the list it is on."""
    return [
        {"list": name, **asdict(row), "split": row.split.value, "origin": row.origin.value}
        for name in ROW_LISTS
        for row in getattr(spec, name)
    ]


def spec_from_json(body: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> JobSpec:
    """Return the order. Raises ValueError for what no order of this version looks like."""
    lists: dict[str, list[Example]] = {name: [] for name in ROW_LISTS}
    try:
        for row in rows:
            lists[row["list"]].append(_row(row))
        return JobSpec(**{**body, **lists, "artifact": PromptArtifact.from_dict(body["artifact"])})
    except (KeyError, TypeError) as error:
        message = f"it was made by another version of Kaizen, or by none: {error}"
        raise ValueError(message) from error


def _row(row: Mapping[str, Any]) -> Example:
    known: Sequence[str] = [field.name for field in fields(Example)]
    plain = {name: row[name] for name in known if name in row}
    return Example(**{**plain, "split": Split(row["split"]), "origin": Origin(row["origin"])})
