"""Tokens guessed from the length of texts, for estimates that are made before any call."""

import math
from collections.abc import Mapping
from typing import Any

from feedback_app.models import Example, Feedback
from feedback_app.selectors import is_labelled
from kaizen_engine.llm.pricing import TOKENS_PER_MEDIA_PART
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.optimize.estimate import MeanTokens
from kaizen_engine.prompts.render import RenderError, render_messages
from prompts_app.models import PromptVersion
from tasks_app.models import Task

SAMPLE = 20
BYTES_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 4
# A guess from bytes is off by a third in either direction.
LOW, HIGH = 0.7, 1.4


def guessed_tokens(task: Task, version: PromptVersion, good_score: float) -> MeanTokens:
    """Return what the latest labelled rows would take, or else the latest examples."""
    rows = Feedback.objects.filter(is_labelled(good_score), task=task).order_by("-id")
    pairs = [(row.inputs, row.corrected_output or row.output) for row in rows[:SAMPLE]]
    if not pairs:
        pairs = list(
            Example.objects.filter(task=task).order_by("-id").values_list("inputs", "outputs")
        )[:SAMPLE]
    prompts = [prompt_tokens(version, inputs) for inputs, _ in pairs]
    answers = [tokens_in(str(output)) for _, output in pairs]
    inputs = [tokens_in(str(inputs)) for inputs, _ in pairs]
    answer = _mean(answers, 16)
    return MeanTokens(
        prompt=_mean(prompts, 200),
        demo=_mean(inputs, 50) + answer + 2 * TOKENS_PER_MESSAGE,
        answer=answer,
    )


def prompt_tokens(version: PromptVersion, inputs: Mapping[str, Any]) -> int:
    """Return what a call of the version sends; the whole artifact's where it cannot be rendered."""
    try:
        messages = render_messages(version.artifact, inputs)
    except RenderError:
        return tokens_in(str(version.artifact))
    return sum(TOKENS_PER_MESSAGE + _content_tokens(message["content"]) for message in messages)


def request_tokens(request: ChatRequest) -> int:
    """Return what a call sends that is written out already, roles and markup included."""
    return tokens_in(str(request.messages)) + TOKENS_PER_MESSAGE


def tokens_in(text: str) -> int:
    return math.ceil(len(text.encode("utf-8", "surrogatepass")) / BYTES_PER_TOKEN)


def _content_tokens(content: str | list[dict[str, Any]]) -> int:
    """Count an image as what vendors bill at most, not by the length of its address."""
    if isinstance(content, str):
        return tokens_in(content)
    return sum(
        tokens_in(part["text"]) if part["type"] == "text" else TOKENS_PER_MEDIA_PART
        for part in content
    )


def _mean(numbers: list[int], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise
