"""The rules of `kaizen.prompt/1`. Every refusal names the field and says what was expected."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from kaizen_engine.errors import InvalidArtifact
from kaizen_engine.prompts.render import template_variables

LAYOUTS = ("chat", "user_only")
INPUT_TYPES = ("text", "json", "image_url", "audio_url")
OUTPUT_TYPES = ("string", "integer", "number", "boolean", "array", "object")
_KEYS = (
    *("schema", "layout", "system", "user_template", "inputs", "demos", "outputs", "reasoning"),
    *("model", "params"),
)
_NAME = re.compile(r"[^\W_][^{}\x00-\x1f]{0,63}|_[^{}\x00-\x1f]{0,63}")
_INTEGER_LABEL = re.compile(r"-?[0-9]{1,18}")


def check_artifact(data: Mapping[str, Any], schema: str) -> None:
    """Raise InvalidArtifact unless `data` keeps every rule."""
    if not isinstance(data, Mapping):
        _refuse("artifact", "expected a JSON object")
    _only("artifact", data, _KEYS, needed=("user_template", "inputs", "outputs"))
    if data.get("schema", schema) != schema:
        _refuse("schema", f"expected {schema!r}")
    _one_of("layout", data.get("layout", "chat"), LAYOUTS)
    for key in ("system", "user_template", "model"):
        _kind(key, data.get(key, ""), str, "text")
    _kind("reasoning", data.get("reasoning", False), bool, "true or false")
    _kind("params", data.get("params", {}), Mapping, "a JSON object")
    _check_inputs(data["inputs"])
    _check_outputs(data["outputs"], reasoning=data.get("reasoning", False))
    _check_demos(data.get("demos", []))
    _check_templates(data)


def _check_inputs(items: Any) -> None:
    names = _objects("inputs", items)
    for position, item in enumerate(items):
        where = f"inputs[{position}]"
        _only(where, item, ("name", "type", "description"), needed=("name",))
        _one_of(f"{where}.type", item.get("type", "text"), INPUT_TYPES)
        _kind(f"{where}.description", item.get("description", ""), str, "text")
    _distinct("inputs", names)


def _check_outputs(items: Any, *, reasoning: bool) -> None:
    names = _objects("outputs", items)
    if not items:
        _refuse("outputs", "expected at least one output")
    for position, item in enumerate(items):
        _check_output(f"outputs[{position}]", item)
    _distinct("outputs", names)
    if reasoning and "reasoning" in names:
        _refuse("outputs", "the name 'reasoning' is taken while reasoning is on")


def _check_output(where: str, item: Mapping[str, Any]) -> None:
    _only(where, item, ("name", "type", "enum", "description", "schema"), needed=("name",))
    _one_of(f"{where}.type", item.get("type", "string"), OUTPUT_TYPES)
    _kind(f"{where}.description", item.get("description", ""), str, "text")
    if item.get("schema") is not None:
        _kind(f"{where}.schema", item["schema"], Mapping, "a JSON object")
        if item.get("type") not in ("array", "object"):
            _refuse(f"{where}.schema", "only an array or object has one")
    if item.get("enum") is not None:
        _check_enum(f"{where}.enum", item.get("type", "string"), item["enum"])


def _check_enum(where: str, kind: str, labels: Any) -> None:
    if kind not in ("string", "integer"):
        _refuse(where, f"{kind} outputs have no labels")
    if not isinstance(labels, list) or not labels:
        _refuse(where, "expected a list of labels")
    for label in labels:
        if not isinstance(label, str) or label != label.strip() or not label.isprintable():
            _refuse(where, f"{label!r} is not one line of text without blanks around it")
        if not label or (kind == "integer" and not _INTEGER_LABEL.fullmatch(label)):
            _refuse(where, f"{label!r} is not a label for {kind} outputs")
    _distinct(where, labels)


def _check_demos(items: Any) -> None:
    if not isinstance(items, list):
        _refuse("demos", "expected a list")
    for position, item in enumerate(items):
        where = f"demos[{position}]"
        _kind(where, item, Mapping, "a JSON object")
        _only(where, item, ("inputs", "outputs"), needed=("inputs", "outputs"))
        for key in ("inputs", "outputs"):
            _kind(f"{where}.{key}", item[key], Mapping, "a JSON object")


def _check_templates(data: Mapping[str, Any]) -> None:
    types = {item["name"]: item.get("type", "text") for item in data["inputs"]}
    if not data["user_template"].strip():
        _refuse("user_template", "expected some text")
    for key in ("system", "user_template"):
        for name in template_variables(data.get(key, "")):
            if name not in types:
                _refuse(key, f"{{{{{name}}}}} is not one of the inputs")
    for name in template_variables(data.get("system", "")):
        if data.get("layout", "chat") == "chat" and types[name].endswith("_url"):
            _refuse("system", f"{{{{{name}}}}} is an image or audio, which only users can send")


def _objects(where: str, items: Any) -> list[str]:
    """Return the names of a list of named objects."""
    if not isinstance(items, list):
        _refuse(where, "expected a list")
    for position, item in enumerate(items):
        _kind(f"{where}[{position}]", item, Mapping, "a JSON object")
        name = item.get("name")
        if not isinstance(name, str) or name != name.strip() or not _NAME.fullmatch(name):
            _refuse(f"{where}[{position}].name", "expected 1 to 64 characters without braces")
    return [item["name"] for item in items]


def _only(where: str, item: Mapping[str, Any], known: Sequence[str], needed: Sequence[str]) -> None:
    for key in needed:
        if key not in item:
            _refuse(key if where == "artifact" else f"{where}.{key}", "the field is missing")
    for key in item:
        if key not in known:
            _refuse(key[:64] if where == "artifact" else f"{where}.{key[:64]}", "unknown field")


def _distinct(where: str, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            _refuse(where, f"{name!r} appears twice")


def _kind(where: str, value: Any, kind: type, words: str) -> None:
    if not isinstance(value, kind):
        _refuse(where, f"expected {words}")


def _one_of(where: str, value: Any, allowed: Sequence[str]) -> None:
    if not isinstance(value, str) or value not in allowed:
        _refuse(where, f"expected one of {', '.join(allowed)}")


def _refuse(where: str, problem: str) -> NoReturn:
    raise InvalidArtifact(f"{where}: {problem}")
