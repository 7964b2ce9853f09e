"""Turn an artifact and inputs into the exact messages that a model receives.

Standard library only: the SDK ships a byte copy. Never evaluates anything; `{{name}}` is replaced
in one pass by the input of that name, so braces in the data stay as they are.

Layout `chat`: a system message (the system text, a blank line, the output contract), one user and
one assistant message for each demonstration, and the user message. Layout `user_only`: one user
message of these blocks, a blank line between them: the system text, a demonstration each, the
user template filled in, the output contract. Empty blocks are left out, so that an imported
template renders to itself. A demonstration in `user_only` is

    <example>
    <input>the only input as text, or one JSON object of the inputs</input>
    <output>the answer, in the form the contract asks for</output>
    </example>

The output contract is chosen by the outputs (`answer_form`); programs may read it by these lines:

    one string                no contract at all
    one string with labels    Answer with exactly one of: ITEM, ITEM, ...
                              Write nothing else.
    one integer or number     Answer with one integer and nothing else.
    (with labels)             Answer with exactly one of: 1, 2, ...
    one boolean               Answer with exactly one of: true, false
    anything else             Answer with one JSON object and nothing else. Its fields:
                              "reasoning": string - your reasoning, before the other fields
                              "NAME": FORM - DESCRIPTION

An ITEM is the bare label, or a JSON string where the label holds a comma or a double quote. Items
are separated by a comma and a space. "NAME" is a JSON string, FORM is one of `string`, `integer`,
`number`, `true or false`, `array`, `object`, `one of ITEM, ITEM` (every string label a JSON
string here, numbers bare), or `array matching SCHEMA` and `object matching SCHEMA` with compact
JSON. ` - DESCRIPTION` is left out where there is none. The last contract in a message is the
contract. Answers, those of demonstrations too, are the bare text in the forms before the last,
else one JSON object with `reasoning` first and the outputs in their order. JSON is written with
`, ` and `: `, nothing escaped that need not be, and sorted keys inside values, since the hash and
some stores do not keep their order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

_VARIABLE = re.compile(r"\{\{([^{}]*)\}\}")
_MEDIA_TYPES = ("image_url", "audio_url")
_JSON_FORM = "Answer with one JSON object and nothing else. Its fields:"
_REASONING = '"reasoning": string - your reasoning, before the other fields'

_Segments = list[Any]


class RenderError(ValueError):
    """A variable without an input, or an input that cannot be put into a message."""

    code = "render_error"


def render_messages(artifact: Mapping[str, Any], inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return chat messages; contents are text, or content parts where an image or audio is in.

    Inputs that no template names are ignored. Demonstrations with a missing or null field are
    left out. Raises RenderError.
    """
    if artifact.get("layout", "chat") == "user_only":
        return [_message("user", _user_only_segments(artifact, inputs))]
    messages = _system_messages(artifact, inputs)
    for demo in complete_demos(artifact):
        messages.append(_message("user", _filled(artifact, "user_template", demo["inputs"])))
        messages.append({"role": "assistant", "content": render_answer(artifact, demo["outputs"])})
    messages.append(_message("user", _filled(artifact, "user_template", inputs)))
    return messages


def template_variables(template: str) -> list[str]:
    """Return the names between double braces, each once, in order of appearance."""
    return list(dict.fromkeys(found.strip() for found in _VARIABLE.findall(template)))


def answer_form(artifact: Mapping[str, Any]) -> str:
    """Return `text`, `label`, `integer`, `number`, `boolean` or `json`."""
    outputs = artifact["outputs"]
    if artifact.get("reasoning") or len(outputs) != 1:
        return "json"
    kind = str(outputs[0].get("type", "string"))
    if kind in ("array", "object"):
        return "json"
    if outputs[0].get("enum"):
        return "label"
    return "text" if kind == "string" else kind


def contract_text(artifact: Mapping[str, Any]) -> str:
    """Return the words that tell the model what to answer, empty for one free text."""
    form = answer_form(artifact)
    if form == "json":
        lines = [_JSON_FORM, *([_REASONING] if artifact.get("reasoning") else [])]
        return "\n".join([*lines, *(_field_line(output) for output in artifact["outputs"])])
    if form == "label":
        items = ", ".join(_item(label) for label in artifact["outputs"][0]["enum"])
        return f"Answer with exactly one of: {items}\nWrite nothing else."
    if form == "boolean":
        return "Answer with exactly one of: true, false\nWrite nothing else."
    return "" if form == "text" else f"Answer with one {form} and nothing else."


def render_answer(artifact: Mapping[str, Any], outputs: Mapping[str, Any]) -> str:
    """Write outputs in the form that the contract asks for; extra outputs are left out."""
    names = [output["name"] for output in artifact["outputs"]]
    if answer_form(artifact) != "json":
        return _as_text(outputs[names[0]])
    if artifact.get("reasoning"):
        names.insert(0, "reasoning")
    return _object({name: outputs[name] for name in names})


def complete_demos(artifact: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the demonstrations that have every input and every output (and the reasoning)."""
    needed_inputs = [field["name"] for field in artifact["inputs"]]
    needed_outputs = [field["name"] for field in artifact["outputs"]]
    if artifact.get("reasoning"):
        needed_outputs.append("reasoning")
    return [
        demo
        for demo in artifact.get("demos", ())
        if _has_all(demo["inputs"], needed_inputs) and _has_all(demo["outputs"], needed_outputs)
    ]


def _has_all(values: Mapping[str, Any], names: Iterable[str]) -> bool:
    return all(values.get(name) is not None for name in names)


def _item(label: Any) -> str:
    text = str(label)
    return _to_json(text) if "," in text or '"' in text else text


def _field_line(output: Mapping[str, Any]) -> str:
    description = " ".join(str(output.get("description", "")).split())
    ending = f" - {description}" if description else ""
    return f"{_to_json(output['name'])}: {_field_form(output)}{ending}"


def _field_form(output: Mapping[str, Any]) -> str:
    kind = str(output.get("type", "string"))
    if output.get("enum"):
        quote = _to_json if kind == "string" else str
        return "one of " + ", ".join(quote(label) for label in output["enum"])
    if kind == "boolean":
        return "true or false"
    if output.get("schema"):
        return f"{kind} matching {_compact(output['schema'])}"
    return kind


def _system_messages(
    artifact: Mapping[str, Any], inputs: Mapping[str, Any]
) -> list[dict[str, Any]]:
    blocks = [_filled(artifact, "system", inputs), [contract_text(artifact)]]
    segments = _joined(blocks)
    return [_message("system", segments)] if segments else []


def _user_only_segments(artifact: Mapping[str, Any], inputs: Mapping[str, Any]) -> _Segments:
    blocks = [
        _filled(artifact, "system", inputs),
        *([_example(artifact, demo)] for demo in complete_demos(artifact)),
        _filled(artifact, "user_template", inputs),
        [contract_text(artifact)],
    ]
    return _joined(blocks)


def _example(artifact: Mapping[str, Any], demo: Mapping[str, Any]) -> str:
    names = [field["name"] for field in artifact["inputs"]]
    values = {name: demo["inputs"][name] for name in names}
    shown = _as_text(values[names[0]]) if len(names) == 1 else _object(values)
    answer = render_answer(artifact, demo["outputs"])
    return f"<example>\n<input>{shown}</input>\n<output>{answer}</output>\n</example>"


def _filled(artifact: Mapping[str, Any], key: str, inputs: Mapping[str, Any]) -> _Segments:
    """Split a template into text and media parts, with every variable replaced."""
    types = {field["name"]: field.get("type", "text") for field in artifact["inputs"]}
    segments: _Segments = []
    for position, piece in enumerate(_VARIABLE.split(str(artifact.get(key, "")))):
        segments.append(_value(piece.strip(), types, inputs) if position % 2 else piece)
    return [segment for segment in segments if segment != ""]


def _value(name: str, types: Mapping[str, str], inputs: Mapping[str, Any]) -> Any:
    if name not in types:
        raise RenderError(f"the template uses {{{{{name}}}}}, which is not an input of the prompt")
    value = inputs.get(name)
    if value is None:
        raise RenderError(f"the input {name!r} is missing")
    if types[name] not in _MEDIA_TYPES:
        return _as_text(value)
    if not isinstance(value, str) or not value:
        raise RenderError(f"the input {name!r} must be an address, as text")
    return {"type": types[name], types[name]: {"url": value}}


def _joined(blocks: Iterable[_Segments]) -> _Segments:
    joined: _Segments = []
    for block in blocks:
        kept = [segment for segment in block if segment != ""]
        if joined and kept:
            joined.append("\n\n")
        joined.extend(kept)
    return joined


def _message(role: str, segments: _Segments) -> dict[str, Any]:
    parts: list[Any] = []
    for segment in segments:
        if isinstance(segment, str) and parts and isinstance(parts[-1], str):
            parts[-1] += segment
        else:
            parts.append(segment)
    if all(isinstance(part, str) for part in parts):
        return {"role": role, "content": "".join(parts)}
    content = [{"type": "text", "text": p} if isinstance(p, str) else p for p in parts]
    return {"role": role, "content": content}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else _to_json(value, sort_keys=True)


def _object(values: Mapping[str, Any]) -> str:
    """Write one JSON object in the order of its fields; inside their values, keys are sorted."""
    fields = (
        f"{_to_json(name)}: {_to_json(value, sort_keys=True)}" for name, value in values.items()
    )
    return "{" + ", ".join(fields) + "}"


def _compact(value: Any) -> str:
    return _to_json(value, sort_keys=True, separators=(",", ":"))


def _to_json(value: Any, **options: Any) -> str:
    # Keys inside the data are sorted where stores may reorder them: same value, same text.
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, **options)
    except (TypeError, ValueError, RecursionError) as error:
        raise RenderError(f"a value cannot be written as JSON: {error}") from error
