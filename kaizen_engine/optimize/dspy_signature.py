"""A DSPy signature from an artifact's typed fields, under names that DSPy accepts.

Several ordinary words break DSPy when a field carries them (`demos`, `config`, `signature` and
more), so fields get internal names here; the artifact keeps the names that people see.
"""

from typing import Any, Literal

import dspy

from kaizen_engine.prompts.artifact import InputField, OutputField, PromptArtifact
from kaizen_engine.prompts.schema import safe_field_name

REASONING = "reasoning"
# Parameters of DSPy's own callables, which get fields as keyword arguments beside them.
_PARAMETERS = ("self", "instance", "base", "augmented")
_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "array": list[Any],
    "object": dict[str, Any],
}


def internal_names(artifact: PromptArtifact) -> tuple[dict[str, str], dict[str, str]]:
    """Return display name to internal name, for inputs and for outputs; internal ones differ."""
    taken: set[str] = set(_PARAMETERS)
    inputs = {item.name: _unused(item.name, taken) for item in artifact.inputs}
    names = [item.name for item in artifact.outputs]
    if artifact.reasoning:
        names.insert(0, REASONING)
    return inputs, {name: _unused(name, taken) for name in names}


def signature_of(artifact: PromptArtifact) -> type[dspy.Signature]:
    """Build the signature whose instructions are the artifact's system text."""
    inputs, outputs = internal_names(artifact)
    fields: dict[str, Any] = {
        inputs[item.name]: (_input_type(item), dspy.InputField(desc=item.description or item.name))
        for item in artifact.inputs
    }
    if artifact.reasoning:
        description = "your reasoning, before the other fields"
        fields[outputs[REASONING]] = (str, dspy.OutputField(desc=description))
    for item in artifact.outputs:
        field = dspy.OutputField(desc=item.description or item.name)
        fields[outputs[item.name]] = (_output_type(item), field)
    return dspy.Signature(fields, artifact.system)  # type: ignore[no-any-return]


def _unused(name: str, taken: set[str]) -> str:
    wanted = internal = safe_field_name(name)
    count = 1
    while internal in taken:
        count += 1
        internal = f"{wanted}_{count}"
    taken.add(internal)
    return internal


def _input_type(item: InputField) -> Any:
    return Any if item.type == "json" else str


def _output_type(item: OutputField) -> Any:
    if item.enum and item.type == "string":
        return Literal[item.enum]
    return _TYPES[item.type]
