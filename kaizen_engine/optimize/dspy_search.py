"""What DSPy's optimizers need of us: models, rows, metric, and an ear for every evaluation."""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import dspy
from dspy.utils.callback import BaseCallback

from kaizen_engine.errors import JobAbort
from kaizen_engine.evaluate.runner import Example
from kaizen_engine.optimize.dspy_adapter import VanillaAdapter
from kaizen_engine.optimize.dspy_lm import GatewayEngine, gateway_lm
from kaizen_engine.optimize.dspy_program import PromptProgram
from kaizen_engine.optimize.dspy_quiet import quiet, speaking
from kaizen_engine.optimize.strategy import Leaderboard, OnTrial, SearchRequest
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import StopReason

STUDENT, TEACHER = "student", "teacher"
NEVER = 10**9
# An instruction with its cue lines, or a description of the data, seldom needs half of this.
META_TOKENS = 2048
_DRAIN_S = 120.0


@dataclass(frozen=True)
class Models:
    """The student, the teacher that answers train rows, and the same teacher as an author."""

    student: dspy.LM
    teacher: dspy.LM
    author: dspy.LM


@contextmanager
def searching(request: SearchRequest, recorder: "TrialRecorder") -> Iterator[Models]:
    """Let DSPy run in here: quiet, heard by `recorder`, every call through the gateway.

    A JobAbort leaves only when no call is under way any more.
    """
    written = replace(request.teacher, max_tokens=META_TOKENS, temperature=1.0, params={})
    engines = [
        GatewayEngine(request.door, role=role, template=template)
        for role, template in (
            (STUDENT, request.template),
            (TEACHER, request.teacher),
            (TEACHER, written),
        )
    ]
    roles = (STUDENT, TEACHER, TEACHER)
    lms = [gateway_lm(engine, role=role) for engine, role in zip(engines, roles, strict=True)]
    # Its fallback would ask up to three times for what the estimate counts once.
    adapter = dspy.ChatAdapter(use_json_adapter_fallback=False)
    try:
        with (
            quiet(),
            dspy.context(lm=lms[0], adapter=adapter, callbacks=[recorder], disable_history=True),
        ):
            yield Models(*lms)
    except JobAbort:
        # DSPy leaves its pool running: what is queued is refused, what is paid must be recorded.
        for engine in engines:
            engine.drain(_DRAIN_S)
        raise


def shuffled(rows: Sequence[Example], seed: int) -> list[Example]:
    mixed = list(rows)
    random.Random(seed).shuffle(mixed)  # noqa: S311 - draws examples, guards no secret
    return mixed


def dspy_examples(adapter: VanillaAdapter, rows: Sequence[Example]) -> list[dspy.Example]:
    return [adapter.to_example(row.inputs, row.outputs) for row in rows]


def dspy_metric(request: SearchRequest, adapter: VanillaAdapter) -> Callable[..., float]:
    """Score like the evaluator; an error of the metric ends the job instead of scoring 0."""

    def score(example: Any, prediction: Any, trace: Any = None) -> float:
        output = adapter.to_outputs(prediction)
        if any(value is None for value in output.values()):
            return 0.0
        try:
            return float(request.metric.score(adapter.to_outputs(example), output))
        except Exception as error:
            raise metric_failure(error) from error

    return score


def metric_failure(error: Exception) -> JobAbort:
    detail = f"the metric failed: {type(error).__name__}: {error}"
    return JobAbort(StopReason.ERROR, detail[:500])


class TrialRecorder(BaseCallback):  # type: ignore[misc]
    """Turns the end of every DSPy evaluation into a trial, at once."""

    def __init__(self, request: SearchRequest, on_trial: OnTrial) -> None:
        self.board = Leaderboard(len(request.dev))
        self._check = request.check
        self._on_trial = on_trial
        self._programs: dict[str, PromptProgram] = {}

    def on_evaluate_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        self._check()
        self._programs[call_id] = inputs["program"]

    def on_evaluate_end(
        self, call_id: str, outputs: Any | None, exception: BaseException | None = None
    ) -> None:
        program = self._programs.pop(call_id)
        if outputs is None or exception is not None:
            return
        with _aborting():
            scores = [score for _, _, score in outputs.results]
            self.record(program.artifact(), scores, _state(program))

    def record(
        self, artifact: PromptArtifact, scores: Sequence[float], provenance: Mapping[str, Any]
    ) -> None:
        """Number and report a trial; whatever goes wrong is a JobAbort."""
        mean = sum(scores) / len(scores)
        with _aborting(), speaking():
            self._on_trial(self.board.add(artifact, len(scores), mean, provenance))


@contextmanager
def _aborting() -> Iterator[None]:
    """DSPy logs what goes wrong in a callback and goes on; a JobAbort it lets pass."""
    try:
        yield
    except Exception as error:
        detail = f"a trial could not be recorded: {type(error).__name__}: {error}"
        raise JobAbort(StopReason.ERROR, detail[:500]) from error


def _state(program: PromptProgram) -> Mapping[str, Any]:
    state: dict[str, Any] = json.loads(json.dumps(program.dump_state(), default=str))
    return state
