"""The prompt file `.prompt.yml`: what GitHub renders and runs, and a `kaizen` key for the rest.

`messages` hold the system text and the user template; demonstrations and the output contract stand
under `kaizen`, since the renderer puts them around the messages. Unknown keys at the top level are
kept as they are. See docs/dev/prompt-file.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kaizen_engine.errors import InvalidArtifact, InvalidPromptFile
from kaizen_engine.prompts.artifact import SCHEMA, OutputField, PromptArtifact
from kaizen_engine.prompts.plain import plain_json
from kaizen_engine.prompts.plain_yaml import read_yaml, write_yaml
from kaizen_engine.prompts.render import template_variables

# Swapped both ways, so that no spelling is lost.
_PARAMETERS = (
    ("max_tokens", "maxTokens"),
    ("max_completion_tokens", "maxCompletionTokens"),
    ("top_p", "topP"),
)
_SPELLING = dict(_PARAMETERS) | {theirs: ours for ours, theirs in _PARAMETERS}
_KNOWN = ("name", "description", "model", "modelParameters", "messages", "kaizen")
_PARTS = ("schema", "layout", "reasoning", "inputs", "outputs", "demos")


@dataclass(frozen=True)
class PromptFile:
    """An artifact with what the file says beside it. `extra` holds the keys that are not ours."""

    artifact: PromptArtifact
    name: str = ""
    description: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)


def write_prompt_file(file: PromptFile) -> bytes:
    """Return the bytes of the file; the same artifact and words give the same bytes.

    Raises InvalidPromptFile when it would be too large, or `extra` has a key of ours.
    """
    artifact = PromptArtifact.from_dict(file.artifact.to_dict())
    taken = [key for key in file.extra if key in _KNOWN]
    if taken:
        raise InvalidPromptFile(f"{taken[0]} is a key of the format")
    top: dict[str, Any] = {
        "name": file.name,
        "description": file.description,
        "model": artifact.model,
        "modelParameters": _sorted(_respelled(artifact.params)),
    }
    return write_yaml(
        {
            **{key: value for key, value in top.items() if value},
            "messages": _messages(artifact),
            "kaizen": _kaizen(artifact),
            **file.extra,
        }
    )


def read_prompt_file(data: bytes) -> PromptFile:
    """Read a file of ours, or a plain one of GitHub's. Raises InvalidPromptFile naming the key.

    Without a `kaizen` key the variables are the inputs, all of them text, and there is one output.
    """
    top = read_yaml(data)
    if not isinstance(top, Mapping):
        raise InvalidPromptFile("expected a mapping at the top")
    try:
        artifact = PromptArtifact.from_dict(_artifact(top))
        extra = plain_json({key: value for key, value in top.items() if key not in _KNOWN})
    except (InvalidArtifact, ValueError) as error:
        raise InvalidPromptFile(str(error)) from None
    return PromptFile(artifact, _text(top, "name"), _text(top, "description"), extra)


def _messages(artifact: PromptArtifact) -> list[dict[str, str]]:
    system = [{"role": "system", "content": artifact.system}] if artifact.system else []
    return [*system, {"role": "user", "content": artifact.user_template}]


def _kaizen(artifact: PromptArtifact) -> dict[str, Any]:
    whole = artifact.to_dict()
    return {
        "schema": SCHEMA,
        "layout": artifact.layout,
        "reasoning": artifact.reasoning,
        "inputs": [_without_blanks(item) for item in whole["inputs"]],
        "outputs": [_without_blanks(item) for item in whole["outputs"]],
        "demos": _sorted(whole["demos"]),
    }


def _without_blanks(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _sorted(value) for key, value in item.items() if key != "description" or value}


def _sorted(value: Any) -> Any:
    """Put keys in one order: databases give them back in another, and the hash ignores it."""
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(part) for part in value] if isinstance(value, list) else value


def _artifact(top: Mapping[str, Any]) -> dict[str, Any]:
    system, user_template = _texts(top.get("messages"))
    kaizen = top.get("kaizen") or _assumed(system, user_template)
    _check_kaizen(kaizen)
    return {
        "system": system,
        "user_template": user_template,
        "model": _text(top, "model"),
        "params": _respelled(_mapping(top, "modelParameters")),
        **kaizen,
    }


def _texts(messages: Any) -> tuple[str, str]:
    if not isinstance(messages, list) or not messages:
        raise InvalidPromptFile("messages: expected a list of messages")
    for position, message in enumerate(messages):
        keys = set(message) if isinstance(message, Mapping) else set()
        if keys != {"role", "content"} or not isinstance(message["content"], str):
            raise InvalidPromptFile(
                f"messages[{position}]: expected a role and its content as text"
            )
    roles = [message["role"] for message in messages]
    if roles not in (["user"], ["system", "user"]):
        raise InvalidPromptFile(
            "messages: expected one user message, or a system message before it"
        )
    return (messages[0]["content"] if len(messages) > 1 else ""), messages[-1]["content"]


def _assumed(system: str, user_template: str) -> dict[str, Any]:
    names = dict.fromkeys(template_variables(system) + template_variables(user_template))
    return {
        "layout": "chat" if system else "user_only",
        "inputs": [{"name": name} for name in names],
        "outputs": [OutputField("output").to_dict()],
    }


def _check_kaizen(kaizen: Any) -> None:
    if not isinstance(kaizen, Mapping):
        raise InvalidPromptFile("kaizen: expected a mapping")
    if kaizen.get("schema", SCHEMA) != SCHEMA:
        raise InvalidPromptFile(
            f"kaizen.schema: {str(kaizen['schema'])[:60]!r} is not {SCHEMA!r}; "
            "a newer Kaizen may have written it"
        )
    for key in kaizen:
        if key not in _PARTS:
            raise InvalidPromptFile(f"kaizen.{key[:60]}: unknown key")


def _text(top: Mapping[str, Any], key: str) -> str:
    value = top.get(key)
    if value is not None and not isinstance(value, str):
        raise InvalidPromptFile(f"{key}: expected text")
    try:
        return str(plain_json(value or ""))
    except ValueError as error:
        raise InvalidPromptFile(f"{key}: {error}") from None


def _mapping(top: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = top.get(key)
    if value is not None and not isinstance(value, Mapping):
        raise InvalidPromptFile(f"{key}: expected a mapping")
    return value or {}


def _respelled(params: Mapping[str, Any]) -> dict[str, Any]:
    return {_SPELLING.get(key, key): value for key, value in params.items()}
