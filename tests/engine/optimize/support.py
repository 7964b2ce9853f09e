"""What the tests of the search share: a scripted door, and one question asked through DSPy."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import dspy

from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.optimize.dspy_lm import GatewayEngine, gateway_lm
from kaizen_engine.optimize.dspy_program import PromptProgram
from kaizen_engine.prompts.artifact import PromptArtifact

Answer = Callable[[ChatRequest], str | ChatResponse]


class ScriptedDoor:
    """A gateway that answers by a function and remembers what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self.requests: list[ChatRequest] = []

    def complete(self, request: ChatRequest, *, role: str) -> ChatResponse:
        assert role == "student"
        with self._lock:
            self.requests.append(request)
        answer = self._answer(request)
        return answer if isinstance(answer, ChatResponse) else ChatResponse(answer, 1, 1)


def template(model: str = "demo/model", max_tokens: int = 64) -> ChatRequest:
    return ChatRequest(model, (), max_tokens)


def run_program(program: PromptProgram, inputs: Mapping[str, Any], door: ScriptedDoor) -> Any:
    engine = GatewayEngine(door, role="student", template=template())
    with dspy.context(lm=gateway_lm(engine, role="student"), disable_history=True):
        return program(**program.adapter.to_inner_inputs(inputs))


def ask(
    artifact: PromptArtifact, inputs: Mapping[str, Any], answer: Answer
) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """Return the parsed outputs, and the messages that reached the door."""
    door = ScriptedDoor(answer)
    program = PromptProgram.from_artifact(artifact)
    prediction = run_program(program, inputs, door)
    outputs = program.adapter.to_outputs(prediction)
    return outputs, [request.messages for request in door.requests]
