"""One call of a prompt, and whether it is among the few that a person is to review."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kaizen_sdk.prompt import Prompt

REVIEW_SHARE = 0.02

Messages = list[dict[str, Any]]
Ask = Callable[[Messages, Prompt], Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said. `is_sampled`: the call was sent for a person to review."""

    event_id: str
    text: str
    prompt: Prompt = field(repr=False)
    is_sampled: bool = False

    @property
    def output(self) -> dict[str, Any]:
        """The output fields; OutputParseError where the text has none."""
        return self.prompt.parse(self.text)


def is_sampled(event_id: str, share: float) -> bool:
    """Draw by the id alone, so that whoever asks again gets the same answer."""
    digest = hashlib.sha256(event_id.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def sampled_event(answer: Answer, task: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of the feedback that asks for a review; raises OutputParseError."""
    return {
        "task": task,
        "inputs": inputs,
        "output": answer.output,
        "origin": "random",
        "event_id": f"review-{answer.event_id}"[:64],
        "prompt_hash": answer.prompt.hash or None,
    }
