"""Whether inputs and outputs fit what a task declares. A task without a schema takes anything."""

from collections.abc import Mapping
from typing import Any

from kaizen_engine.prompts.schema import inputs_from_schema
from projects_app.exceptions import InvalidInput
from tasks_app.models import Task

LONE_OUTPUT = "output"
LARGEST_MEDIUM = 192 * 1024


def declared(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the declared fields by name; every one of them is needed to render a prompt."""
    properties: Mapping[str, Any] = schema.get("properties") or {}
    return properties


def check_inputs(task: Task, inputs: Mapping[str, Any]) -> None:
    """Raise InvalidInput naming a declared field that is missing, or a field nobody declared.

    `additionalProperties: true` in the task's input schema lets further fields be kept.
    """
    fields = declared(task.input_schema)
    _refuse_missing(fields, inputs, "inputs")
    for name, kind in media_of(task).items():
        _check_medium(name, kind, inputs[name])
    if fields and task.input_schema.get("additionalProperties") is not True:
        _refuse_unknown(fields, inputs, "inputs")


def media_of(task: Task) -> Mapping[str, str]:
    """Return the inputs that are an image or a sound, by name: `image_url` or `audio_url`."""
    # Every row that is logged comes through here: reading the whole schema would slow them all.
    if not any("contentMediaType" in part for part in declared(task.input_schema).values()):
        return {}
    fields = inputs_from_schema(task.input_schema)
    return {field.name: field.type for field in fields if field.type.endswith("_url")}


def as_output(task: Task, value: Any) -> dict[str, Any] | None:
    """Return an answer as its fields; a bare value is the only field of a one-field task."""
    return None if value is None else _as_fields(task, value, "output")


def as_label(task: Task, value: Any) -> dict[str, Any] | None:
    """Return a correction as its fields: all the declared ones, no others, with known labels."""
    if value is None:
        return None
    fields, label = declared(task.output_schema), _as_fields(task, value, "corrected_output")
    if fields:
        _refuse_missing(fields, label, "corrected_output")
        _refuse_unknown(fields, label, "corrected_output")
    for name in fields:
        if not _is_known_label(fields[name], label[name]):
            labels = ", ".join(map(str, fields[name]["enum"]))
            raise _refusal(f"corrected_output.{name}", f"{label[name]!r} is none of {labels}")
    return label


def fits(task: Task, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> bool:
    """Return whether a row can be rendered and scored under the task's present schemas."""
    wanted = declared(task.output_schema)
    return (
        fits_inputs(task, inputs)
        and all(outputs.get(name) is not None for name in wanted)
        and all(_is_known_label(wanted[name], outputs[name]) for name in wanted)
    )


def fits_inputs(task: Task, inputs: Mapping[str, Any]) -> bool:
    return all(name in inputs for name in declared(task.input_schema))


def _check_medium(name: str, kind: str, value: Any) -> None:
    """An image or a sound is an address, or itself as a data URI of a size that fits a prompt."""
    medium = kind.removesuffix("_url")
    starts = ("https://", "http://", f"data:{medium}/")
    if not isinstance(value, str) or not value.startswith(starts):
        raise _refusal(f"inputs.{name}", f"must be an http address or a data:{medium}/ URI")
    if len(value) > LARGEST_MEDIUM:
        limit = f"{LARGEST_MEDIUM // 1024} KiB"
        raise _refusal(f"inputs.{name}", f"is larger than {limit}; give its address instead")


def _as_fields(task: Task, value: Any, place: str) -> dict[str, Any]:
    fields = declared(task.output_schema)
    if isinstance(value, dict) and not _is_the_lone_object(fields, value):
        return value
    if len(fields) > 1:
        raise _refusal(place, f"must be an object with the fields {', '.join(fields)}")
    return {next(iter(fields), LONE_OUTPUT): value}


def _is_the_lone_object(fields: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """Tell `{"city": …}` as the value of the only field, an object, from the object of fields."""
    if len(fields) != 1:
        return False
    name, schema = next(iter(fields.items()))
    return schema.get("type") == "object" and name not in value


def _is_known_label(schema: Mapping[str, Any], value: Any) -> bool:
    labels = schema.get("enum")
    return not labels or value in labels


def _refuse_missing(fields: Mapping[str, Any], given: Mapping[str, Any], place: str) -> None:
    missing = [name for name in fields if name not in given]
    if missing:
        raise _refusal(f"{place}.{missing[0]}", "is declared by the task and missing here")


def _refuse_unknown(fields: Mapping[str, Any], given: Mapping[str, Any], place: str) -> None:
    unknown = [name for name in given if name not in fields]
    if unknown:
        known = ", ".join(fields)
        raise _refusal(f"{place}.{unknown[0]}", f"is not declared by the task, which has: {known}")


def _refusal(field: str, message: str) -> InvalidInput:
    return InvalidInput(f"{field} {message}", errors={field: message})
