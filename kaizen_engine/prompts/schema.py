"""Between JSON Schema and the fields of an artifact, and names that DSPy can carry."""

import hashlib
import keyword
import re
from collections.abc import Iterable, Mapping
from typing import Any

from kaizen_engine.errors import InvalidSchema
from kaizen_engine.prompts.artifact import InputField, OutputField
from kaizen_engine.prompts.template import ImportedTemplate, import_template

__all__ = [
    "ImportedTemplate",
    "import_template",
    "infer_schema",
    "inputs_from_schema",
    "outputs_from_schema",
    "safe_field_name",
    "safe_field_names",
]

SINGLE_OUTPUT = "output"
_SAFE = re.compile(r"[a-z][a-z0-9_]*")
# Attributes of DSPy's signatures, examples, modules and of pydantic models.
_RESERVED = frozenset(
    (
        *("signature", "fields", "instructions", "demos", "config", "lm", "new_signature"),
        *("reasoning", "rationale", "completions", "trace", "traces", "train", "augmented"),
        *("copy", "json", "schema", "dict", "construct", "validate", "parse_obj", "parse_raw"),
        *("parse_file", "from_orm", "update_forward_refs", "history", "callbacks", "stage"),
        *("append", "prepend", "insert", "delete", "with_instructions", "equals"),
        *("dump_state", "load_state", "input_fields", "output_fields", "inputs", "labels"),
        *("keys", "values", "items", "get", "without", "prediction", "register", "mro"),
        *("append_instructions", "from_completions", "get_lm_usage", "set_lm_usage"),
        *("schema_json", "with_inputs", "with_updated_fields"),
    )
)
_MEDIA = {"image": "image_url", "audio": "audio_url"}


def inputs_from_schema(schema: Mapping[str, Any]) -> tuple[InputField, ...]:
    """Read an object schema; strings are text, or media by `contentMediaType`, the rest json.

    Raises InvalidSchema.
    """
    return tuple(
        InputField(name, _input_type(part), str(part.get("description", "")))
        for name, part in _properties(schema).items()
    )


def outputs_from_schema(schema: Mapping[str, Any]) -> tuple[OutputField, ...]:
    """Read an object schema, or that of one bare value, which is then called `output`.

    Raises InvalidSchema.
    """
    if _type_of("output", schema) != "object" or not schema.get("properties"):
        return (_output(SINGLE_OUTPUT, schema),)
    return tuple(_output(name, part) for name, part in _properties(schema).items())


def infer_schema(value: Any) -> dict[str, Any]:
    """Return the JSON Schema of one example; a null or an empty list leaves its type open."""
    if isinstance(value, Mapping):
        parts = {str(name): infer_schema(part) for name, part in value.items()}
        return {"type": "object", "properties": parts, "required": list(parts)}
    if isinstance(value, list | tuple):
        kinds = [infer_schema(part) for part in value]
        alike = bool(kinds) and all(kind == kinds[0] for kind in kinds)
        return {"type": "array", "items": kinds[0]} if alike else {"type": "array"}
    for kind, types in (("boolean", bool), ("integer", int), ("number", float), ("string", str)):
        if isinstance(value, types):
            return {"type": kind}
    return {}


def safe_field_name(name: str) -> str:
    """Return `name` where DSPy can carry it, else `f_` and a slug of it."""
    if _SAFE.fullmatch(name) and not _is_reserved(name):
        return name
    slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return f"f_{slug or hashlib.sha256(name.encode('utf-8')).hexdigest()[:8]}"


def safe_field_names(names: Iterable[str]) -> dict[str, str]:
    """Return a safe name for each name, all different, by order of appearance."""
    safe: dict[str, str] = {}
    for name in names:
        wanted, tries = safe_field_name(name), 1
        while wanted in safe.values():
            tries += 1
            wanted = f"{safe_field_name(name)}_{tries}"
        safe[name] = wanted
    return safe


def _is_reserved(name: str) -> bool:
    return name in _RESERVED or keyword.iskeyword(name) or name.startswith("model_")


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        raise InvalidSchema("expected an object schema with properties")
    for name, part in properties.items():
        if not isinstance(part, Mapping):
            raise InvalidSchema(f"{name}: expected a JSON Schema object")
    return properties


def _type_of(name: str, part: Mapping[str, Any]) -> str:
    kind = part.get("type")
    if isinstance(kind, list):
        kinds = [one for one in kind if one != "null"]
        kind = kinds[0] if len(kinds) == 1 else kinds
    if kind is None and not any(key in part for key in ("$ref", "anyOf", "oneOf", "allOf")):
        kind = "object" if part.get("properties") else "string"
    if kind not in ("string", "integer", "number", "boolean", "array", "object"):
        raise InvalidSchema(f"{name}: expected one type that a prompt can answer with")
    return str(kind)


def _input_type(part: Mapping[str, Any]) -> str:
    if _type_of("inputs", part) != "string":
        return "json"
    return _MEDIA.get(str(part.get("contentMediaType", "")).split("/")[0], "text")


def _output(name: str, part: Mapping[str, Any]) -> OutputField:
    kind = _type_of(name, part)
    nested = kind in ("array", "object") and set(part) - {"type", "description"}
    return OutputField(
        name=name,
        type=kind,
        enum=_labels(name, kind, part.get("enum")),
        description=str(part.get("description", "")),
        schema={key: value for key, value in part.items() if key != "description"}
        if nested
        else None,
    )


def _labels(name: str, kind: str, values: Any) -> tuple[str, ...] | None:
    if values is None or kind in ("array", "object", "boolean"):
        return None
    types = {"string": str, "integer": int}.get(kind)
    if not isinstance(values, list) or not values or types is None:
        raise InvalidSchema(f"{name}: expected a list of text or integer labels")
    for value in values:
        if not isinstance(value, types) or isinstance(value, bool):
            raise InvalidSchema(f"{name}: {str(value)[:60]!r} is not a label of type {kind}")
    return tuple(dict.fromkeys(str(value) for value in values))
