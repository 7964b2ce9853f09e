"""A prompt as it is served: immutable, rendered and parsed without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from kaizen_sdk._parse import parse_output
from kaizen_sdk._render import render_messages, template_variables
from kaizen_sdk.errors import ConfigurationError

Fallback = str | Mapping[str, Any] | Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Prompt:
    """`is_stale`: not confirmed by the server within the freshness time. `is_fallback`: the
    application's own text, with no version, number 0 and no hash."""

    task: str
    tag: str
    version: str
    number: int
    hash: str
    artifact: Mapping[str, Any] = field(repr=False, hash=False)
    is_fallback: bool = False
    is_stale: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "artifact", MappingProxyType(dict(self.artifact)))

    def __reduce__(self) -> tuple[Any, ...]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return _restore, (values | {"artifact": dict(self.artifact)},)

    @property
    def model(self) -> str:
        """`<connection slug>/<model>`, empty where the application chooses."""
        return str(self.artifact.get("model") or "")

    @property
    def params(self) -> dict[str, Any]:
        """Model parameters, such as temperature."""
        return dict(self.artifact.get("params") or {})

    def render(self, /, **inputs: Any) -> list[dict[str, Any]]:
        """Return the chat messages for these inputs; RenderError where one is missing."""
        return self.messages(inputs)

    def messages(self, inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Like `render`, for inputs that are in a mapping."""
        return render_messages(self.artifact, inputs)

    def parse(self, text: str) -> dict[str, Any]:
        """Return the output fields of a model's answer; OutputParseError where it has none."""
        return parse_output(self.artifact, text)


def _restore(values: dict[str, Any]) -> Prompt:
    return Prompt(**values)


def fallback_prompt(task: str, tag: str, fallback: Fallback) -> Prompt:
    """Make a prompt of an artifact, a `{{variable}}` template, or a system and a user message."""
    artifact = _fallback_artifact(fallback)
    return Prompt(
        task=task, tag=tag, version="", number=0, hash="", artifact=artifact, is_fallback=True
    )


def _fallback_artifact(fallback: Fallback) -> Mapping[str, Any]:
    if isinstance(fallback, str):
        return _plain_artifact("user_only", "", fallback)
    if isinstance(fallback, Mapping):
        if "user_template" not in fallback:
            raise ConfigurationError("a fallback artifact needs a user_template")
        system, user = str(fallback.get("system", "")), str(fallback["user_template"])
        return _plain_artifact("chat", system, user) | dict(fallback)
    return _artifact_of_messages(fallback)


def _artifact_of_messages(messages: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    roles = [message.get("role") for message in messages]
    texts = [message.get("content") for message in messages]
    if roles not in (["user"], ["system", "user"]) or not all(isinstance(t, str) for t in texts):
        raise ConfigurationError("fallback messages are one user text, or a system and a user text")
    return _plain_artifact("chat", str(texts[0]) if len(texts) > 1 else "", str(texts[-1]))


def _plain_artifact(layout: str, system: str, user: str) -> dict[str, Any]:
    names = dict.fromkeys([*template_variables(system), *template_variables(user)])
    return {
        "schema": "kaizen.prompt/1",
        "layout": layout,
        "system": system,
        "user_template": user,
        "inputs": [{"name": name, "type": "text", "description": ""} for name in names],
        "outputs": [{"name": "output", "type": "string"}],
        "demos": [],
        "reasoning": False,
        "model": "",
        "params": {},
    }
