"""Strategy `bootstrap`: random search over sets of demonstrations.

DSPy's BootstrapFewShotWithRandomSearch with our split, renderer and gateway. Candidates are drawn
without looking at dev, which alone scores them.
"""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import dspy
from dspy.teleprompt import BootstrapFewShotWithRandomSearch
from dspy.utils.callback import BaseCallback

from kaizen_engine.errors import JobAbort
from kaizen_engine.evaluate.runner import Example
from kaizen_engine.optimize.dspy_adapter import VanillaAdapter
from kaizen_engine.optimize.dspy_lm import GatewayEngine, gateway_lm
from kaizen_engine.optimize.dspy_program import BoundedTeacher, PromptProgram
from kaizen_engine.optimize.dspy_quiet import quiet, speaking
from kaizen_engine.optimize.estimate import BootstrapSettings
from kaizen_engine.optimize.strategy import Leaderboard, OnTrial, SearchRequest
from kaizen_engine.states import StopReason

_ROLE = "student"
_NEVER = 10**9
_DRAIN_S = 120.0


def search(request: SearchRequest, on_trial: OnTrial) -> None:
    """Score candidates on dev, reporting each. Raises JobAbort, once no call is under way."""
    engine = GatewayEngine(request.door, role=_ROLE, template=request.template)
    student = PromptProgram.from_artifact(request.artifact)
    recorder = TrialRecorder(request, on_trial)
    try:
        with (
            quiet(),
            dspy.context(
                lm=gateway_lm(engine, role=_ROLE), callbacks=[recorder], disable_history=True
            ),
        ):
            _compile(request, student)
    except JobAbort:
        # DSPy leaves its pool running: what is queued is refused, what is paid must be recorded.
        engine.drain(_DRAIN_S)
        raise


def _compile(request: SearchRequest, student: PromptProgram) -> None:
    settings = BootstrapSettings.of(request.settings)
    train = _shuffled(request.train, request.seed)
    attempts = settings.attempts(len(train), len(request.dev))
    optimizer = BootstrapFewShotWithRandomSearch(
        metric=_metric(request, student.adapter),
        metric_threshold=settings.good_score,
        max_bootstrapped_demos=min(settings.max_bootstrapped_demos, settings.max_demos),
        max_labeled_demos=settings.max_demos,
        num_candidate_programs=settings.num_trials,
        num_threads=request.threads,
        max_errors=_NEVER,
    )
    optimizer.compile(
        student,
        teacher=BoundedTeacher(request.artifact, attempts),
        trainset=_dspy_examples(student.adapter, train),
        valset=_dspy_examples(student.adapter, request.dev),
    )


def _shuffled(rows: tuple[Example, ...], seed: int) -> list[Example]:
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - draws examples, guards no secret
    return shuffled


def _dspy_examples(
    adapter: VanillaAdapter, rows: tuple[Example, ...] | list[Example]
) -> list[dspy.Example]:
    return [adapter.to_example(row.inputs, row.outputs) for row in rows]


def _metric(request: SearchRequest, adapter: VanillaAdapter) -> Callable[..., float]:
    """Score like the evaluator; an error of the metric ends the job instead of scoring 0."""

    def score(example: Any, prediction: Any, trace: Any = None) -> float:
        output = adapter.to_outputs(prediction)
        if any(value is None for value in output.values()):
            return 0.0
        try:
            return float(request.metric.score(adapter.to_outputs(example), output))
        except Exception as error:
            detail = f"the metric failed: {type(error).__name__}: {error}"
            raise JobAbort(StopReason.ERROR, detail[:500]) from error

    return score


class TrialRecorder(BaseCallback):  # type: ignore[misc]
    """Turns the end of every DSPy evaluation into a trial, at once."""

    def __init__(self, request: SearchRequest, on_trial: OnTrial) -> None:
        self._board = Leaderboard(len(request.dev))
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
        try:
            self._report(program, [score for _, _, score in outputs.results])
        except Exception as error:
            # DSPy logs what goes wrong in a callback and goes on.
            detail = f"a trial could not be recorded: {type(error).__name__}: {error}"
            raise JobAbort(StopReason.ERROR, detail[:500]) from error

    def _report(self, program: PromptProgram, scores: list[float]) -> None:
        mean = sum(scores) / len(scores)
        trial = self._board.add(program.artifact(), len(scores), mean, _state(program))
        with speaking():
            self._on_trial(trial)


def _state(program: PromptProgram) -> Mapping[str, Any]:
    state: dict[str, Any] = json.loads(json.dumps(program.dump_state(), default=str))
    return state
