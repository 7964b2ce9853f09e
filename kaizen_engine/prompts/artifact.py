"""The prompt artifact, `kaizen.prompt/1`: plain JSON whose hash names exactly what is sent.

Construction does not check; `from_dict` does, and `to_dict` gives the one canonical spelling.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from kaizen_engine.errors import InvalidArtifact
from kaizen_engine.prompts import checks
from kaizen_engine.prompts.plain import plain_json

SCHEMA = "kaizen.prompt/1"


def canonical_json(value: Any) -> str:
    """Return the one spelling that is hashed: sorted keys, compact, nothing escaped.

    Raises ValueError for a value without one: NaN, infinity, a float that another JSON reader
    would give back as something else, a lone surrogate, nesting past 64 levels.
    """
    return json.dumps(plain_json(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256_hex(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class InputField:
    """`type` is text, json, image_url or audio_url."""

    name: str
    type: str = "text"
    description: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "type": self.type, "description": self.description}


@dataclass(frozen=True)
class OutputField:
    """`type` is string, integer, number, boolean, array or object.

    `enum` holds labels as text, for strings and integers; `schema` is the JSON Schema of an
    array or object.
    """

    name: str
    type: str = "string"
    enum: tuple[str, ...] | None = None
    description: str = ""
    schema: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        shown: dict[str, Any] = {"name": self.name, "type": self.type}
        if self.enum:
            shown["enum"] = list(self.enum)
        if self.schema:
            shown["schema"] = _plain(self.schema)
        return {**shown, "description": self.description}


@dataclass(frozen=True)
class Demo:
    """A demonstration; one with a field missing stays in the artifact but is not rendered."""

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return {"inputs": _plain(self.inputs), "outputs": _plain(self.outputs)}


@dataclass(frozen=True)
class PromptArtifact:
    """Everything that decides which messages are sent, and with which parameters."""

    system: str
    user_template: str
    inputs: tuple[InputField, ...]
    outputs: tuple[OutputField, ...]
    demos: tuple[Demo, ...] = ()
    layout: str = "chat"
    reasoning: bool = False
    model: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the shape of `to_dict`; raises InvalidArtifact naming the field that is wrong."""
        data = _plain(data)
        checks.check_artifact(data, SCHEMA)
        return cls(
            system=data.get("system", ""),
            user_template=data["user_template"],
            inputs=tuple(InputField(**item) for item in data["inputs"]),
            outputs=tuple(_output(item) for item in data["outputs"]),
            demos=tuple(Demo(**item) for item in data.get("demos", ())),
            layout=data.get("layout", "chat"),
            reasoning=data.get("reasoning", False),
            model=data.get("model", ""),
            params=data.get("params", {}),
        )

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "layout": self.layout,
            "system": self.system,
            "user_template": self.user_template,
            "inputs": [item.to_dict() for item in self.inputs],
            "demos": [demo.to_dict() for demo in self.demos],
            "outputs": [item.to_dict() for item in self.outputs],
            "reasoning": self.reasoning,
            "model": self.model,
            "params": _plain(self.params),
        }

    @property
    def hash(self) -> str:
        """SHA-256 (64 hex) of the canonical JSON of `to_dict`."""
        return sha256_hex(canonical_json(self.to_dict()))

    def with_(self, **changes: Any) -> Self:
        """Return a checked copy with these fields replaced; raises InvalidArtifact."""
        return type(self).from_dict(replace(self, **changes).to_dict())


def _plain(value: Any) -> Any:
    try:
        return plain_json(value)
    except ValueError as error:
        raise InvalidArtifact(f"a value has no canonical JSON: {error}") from None


def _output(item: Mapping[str, Any]) -> OutputField:
    enum = item.get("enum")
    return OutputField(**{**item, "enum": tuple(enum) if enum else None})
