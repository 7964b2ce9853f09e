"""DSPy's language model as a thin face of the gateway, which owns retries, budget and journal."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import dspy
from dspy.lm15 import Message, Request, Response, TextPart, Usage

from kaizen_engine.errors import JobAbort
from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.optimize.dspy_messages import from_lm15
from kaizen_engine.optimize.strategy import ModelDoor
from kaizen_engine.states import StopReason

SAMPLE = "kaizen_sample"
# A neutral name: DSPy reads vendor rules out of model names, and the engine knows the real one.
_MODEL_NAME = "kaizen/{role}"
_FINISH_REASONS = ("stop", "length", "content_filter")


class GatewayEngine:
    """A DSPy engine: one canonical request in, one answer of the gateway out.

    `template` gives everything but the messages: model, token limit, temperature, parameters.
    Whatever goes wrong leaves as JobAbort, since DSPy scores an ordinary exception as 0.
    """

    def __init__(self, door: ModelDoor, *, role: str, template: ChatRequest) -> None:
        self._door = door
        self._role = role
        self._template = template
        self._running = 0
        self._idle = threading.Condition()

    def complete(self, request: Request) -> Response:
        """Answer through the gateway. Raises JobAbort."""
        with self._counted():
            try:
                response = self._door.complete(
                    self._chat_request(request), role=self._role, **_named_sample(request)
                )
            except Exception as error:
                detail = f"{type(error).__name__}: {error}"
                raise JobAbort(StopReason.ERROR, detail[:500]) from error
        return _response(response, request.model)

    def drain(self, timeout_s: float) -> bool:
        """Wait until no call is under way; False when `timeout_s` passed first."""
        with self._idle:
            return self._idle.wait_for(lambda: self._running == 0, timeout_s)

    def _chat_request(self, request: Request) -> ChatRequest:
        chosen = request.config
        template = self._template
        return replace(
            template,
            messages=from_lm15(request),
            max_tokens=chosen.max_tokens or template.max_tokens,
            temperature=template.temperature if chosen.temperature is None else chosen.temperature,
        )

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._idle:
            self._running += 1
        try:
            yield
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()


def _named_sample(request: Request) -> dict[str, int]:
    """Return the number a search gave this sample, which threads cannot change by their order."""
    sample = (request.config.extensions or {}).get(SAMPLE)
    return {} if sample is None else {"sample": int(sample)}


def gateway_lm(engine: GatewayEngine, *, role: str) -> dspy.LM:
    """Return DSPy's model object with retries and cache off; use it in `dspy.context` only."""
    return dspy.LM(
        _MODEL_NAME.format(role=role), engine=engine, num_retries=0, cache=False, temperature=None
    )


def _response(response: ChatResponse, model: str) -> Response:
    known = response.finish_reason in _FINISH_REASONS
    return Response(
        id=None,
        model=model,
        message=Message(role="assistant", parts=(TextPart(response.text),)),
        finish_reason=response.finish_reason if known else "stop",
        usage=Usage(input_tokens=response.input_tokens, output_tokens=response.output_tokens),
    )
