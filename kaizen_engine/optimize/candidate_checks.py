"""What an instruction must keep to before a single row is spent on scoring it.

Pure functions: a search drops candidates by them, and the gates before going live ask again.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kaizen_engine.errors import InvalidArtifact
from kaizen_engine.evaluate.runner import Example
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.prompts.render import template_variables

COPIED_TOKENS = 8
LONGEST_INSTRUCTION = 8000
_TOKEN = re.compile(r"\w+")

Run = tuple[str, ...]


@dataclass(frozen=True)
class Rules:
    """What candidates that come from `artifact` must keep to.

    `locked` are texts of the prompt that must stay as they are; `copied` are runs of tokens that
    only an example has, and that an instruction would learn by heart.
    """

    artifact: PromptArtifact
    longest: int = LONGEST_INSTRUCTION
    locked: tuple[str, ...] = ()
    copied: frozenset[Run] = frozenset()

    @classmethod
    def of(
        cls,
        artifact: PromptArtifact,
        examples: Iterable[Example] = (),
        *,
        locked: Sequence[str] = (),
        longest: int = LONGEST_INSTRUCTION,
    ) -> "Rules":
        """Return the rules; what the prompt itself says already is nobody's secret."""
        known = set(_runs(f"{artifact.system}\n{artifact.user_template}"))
        return cls(
            artifact=artifact,
            longest=max(longest, len(artifact.system)),
            locked=tuple(text for text in locked if text and text in artifact.system),
            copied=frozenset(example_runs(examples) - known),
        )

    def problem(self, text: str) -> str:
        """Return why this instruction may not be scored, or nothing."""
        if len(text) > self.longest:
            return f"it is longer than {self.longest} characters"
        if any(not (char.isprintable() or char in "\n\t") for char in text):
            return "it holds control characters"
        if set(template_variables(text)) != set(template_variables(self.artifact.system)):
            return "its variables are not those of the prompt"
        if any(part not in text for part in self.locked):
            return "it changes a locked section"
        if copied_run(text, self.copied):
            return f"it copies {COPIED_TOKENS} tokens of an example"
        try:
            self.artifact.with_(system=text)
        except InvalidArtifact as error:
            return str(error)
        return ""


def example_runs(examples: Iterable[Example]) -> set[Run]:
    """Return every run of tokens in the texts of these examples."""
    return {
        run
        for example in examples
        for text in (*_texts(example.inputs), *_texts(example.outputs))
        for run in _runs(text)
    }


def copied_run(text: str, runs: frozenset[Run]) -> str:
    """Return the first run of tokens in `text` that is one of `runs`, or nothing."""
    return next((" ".join(run) for run in _runs(text) if run in runs), "")


def _runs(text: str) -> Iterator[Run]:
    tokens = _TOKEN.findall(text.casefold())
    for start in range(len(tokens) - COPIED_TOKENS + 1):
        yield tuple(tokens[start : start + COPIED_TOKENS])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)
