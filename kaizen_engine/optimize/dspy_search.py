"""What DSPy's optimizers need of us: models, rows, metric, and an ear for every evaluation."""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import dspy
from dspy.utils.callback import BaseCallback

from kaizen_engine.errors import JobAbort
from kaizen_engine.evaluate.runner import Example, RowScore, case_of, evaluate_rows
from kaizen_engine.llm.roles import ANALYST, STUDENT, TEACHER
from kaizen_engine.optimize.dspy_adapter import VanillaAdapter
from kaizen_engine.optimize.dspy_lm import GatewayEngine, gateway_lm
from kaizen_engine.optimize.dspy_program import PromptProgram
from kaizen_engine.optimize.dspy_quiet import quiet, speaking
from kaizen_engine.optimize.guard import Gains, Gap, gains_by_group, gap_of, guard_rows
from kaizen_engine.optimize.strategy import Leaderboard, OnTrial, SearchRequest
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import StopReason

NEVER = 10**9
# An instruction with its cue lines, or a description of the data, seldom needs half of this.
META_TOKENS = 2048
_DRAIN_S = 120.0


@dataclass(frozen=True)
class Models:
    """The student, the teacher that answers train rows, and the same teacher as author, analyst."""

    student: dspy.LM
    teacher: dspy.LM
    author: dspy.LM
    analyst: dspy.LM


@contextmanager
def searching(request: SearchRequest, recorder: "TrialRecorder") -> Iterator[Models]:
    """Let DSPy run in here: quiet, heard by `recorder`, every call through the gateway.

    A JobAbort leaves only when no call is under way any more. One for overfitting ends the block
    and no more: what was found until then stands, and `recorder.overfit` says why.
    """
    written = replace(request.teacher, max_tokens=META_TOKENS, temperature=1.0, params={})
    engines = [
        GatewayEngine(request.door, role=role, template=template)
        for role, template in (
            (STUDENT, request.template),
            (TEACHER, request.teacher),
            (TEACHER, written),
            (ANALYST, written),
        )
    ]
    roles = (STUDENT, TEACHER, TEACHER, ANALYST)
    lms = [gateway_lm(engine, role=role) for engine, role in zip(engines, roles, strict=True)]
    # Its fallback would ask up to three times for what the estimate counts once.
    adapter = dspy.ChatAdapter(use_json_adapter_fallback=False)
    try:
        with (
            quiet(),
            dspy.context(lm=lms[0], adapter=adapter, callbacks=[recorder], disable_history=True),
        ):
            yield Models(*lms)
    except JobAbort as abort:
        # DSPy leaves its pool running: what is queued is refused, what is paid must be recorded.
        for engine in engines:
            engine.drain(_DRAIN_S)
        if abort.reason is not StopReason.OVERFIT:
            raise


def shuffled(rows: Sequence[Example], seed: int) -> list[Example]:
    mixed = list(rows)
    random.Random(seed).shuffle(mixed)  # noqa: S311 - draws examples, guards no secret
    return mixed


def dspy_examples(adapter: VanillaAdapter, rows: Sequence[Example]) -> list[dspy.Example]:
    examples = []
    for row in rows:
        example = adapter.to_example(row.inputs, row.outputs)
        # Private names are no fields to DSPy, which shows the fields to models.
        example._row = row
        examples.append(example)
    return examples


def row_of(example: dspy.Example) -> Example:
    row: Example = example._row
    return row


def dspy_metric(request: SearchRequest, adapter: VanillaAdapter) -> Callable[..., float]:
    """Score like the evaluator; an error of the metric ends the job instead of scoring 0."""

    def score(example: Any, prediction: Any, trace: Any = None) -> float:
        output = adapter.to_outputs(prediction)
        if any(value is None for value in output.values()):
            return 0.0
        try:
            return request.metric.evaluate(case_of(row_of(example), output)).score
        except Exception as error:
            raise metric_failure(error) from error

    return score


def metric_failure(error: Exception) -> JobAbort:
    detail = f"the metric failed: {type(error).__name__}: {error}"
    return JobAbort(StopReason.ERROR, detail[:500])


def search_failure(error: Exception) -> JobAbort:
    detail = f"the search failed: {type(error).__name__}: {error}"
    return JobAbort(StopReason.ERROR, detail[:500])


def score_rows(
    request: SearchRequest, artifact: PromptArtifact, rows: Sequence[Example]
) -> dict[str, RowScore]:
    """Score a candidate as the plain prompt it exports; what was answered before is free."""
    request.check()
    complete = partial(request.door.complete, role=STUDENT)
    try:
        scored = evaluate_rows(
            artifact, rows, complete, request.metric, request.threads, request.template.model
        )
    except Exception as error:
        raise metric_failure(error) from error
    return {row.example_id: row for row in scored}


def scores_of(rows: Mapping[str, RowScore]) -> dict[str, float]:
    return {example_id: row.score for example_id, row in rows.items()}


class TrialRecorder(BaseCallback):  # type: ignore[misc]
    """Turns every scored candidate into a trial, at once.

    As DSPy's callback it hears the end of every evaluation; searches of which DSPy would tell too
    much, or too late, call `record` themselves.
    """

    def __init__(self, request: SearchRequest, on_trial: OnTrial, *, listens: bool = True) -> None:
        self.board = Leaderboard(len(request.dev), request.part)
        self._request = request
        self._on_trial = on_trial
        self._listens = listens
        self._guard = TrainGuard(request)
        self._programs: dict[str, PromptProgram] = {}
        self.overfit = ""

    def on_evaluate_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        self._request.check()
        if self._listens:
            self._programs[call_id] = inputs["program"]

    def on_evaluate_end(
        self, call_id: str, outputs: Any | None, exception: BaseException | None = None
    ) -> None:
        program = self._programs.pop(call_id, None)
        if program is None or outputs is None or exception is not None:
            return
        with _aborting():
            scores = {row_of(example).id: score for example, _, score in outputs.results}
            self.record(program.artifact(), scores, program_state(program))

    def record(
        self,
        artifact: PromptArtifact,
        scores: Mapping[str, float],
        provenance: Mapping[str, Any],
        *,
        is_minibatch: bool = False,
    ) -> None:
        """Number and report a trial; whatever goes wrong is a JobAbort.

        Raises JobAbort (overfit) after the report, where a search that breeds should end.
        """
        with _aborting():
            is_whole = not is_minibatch and len(scores) == len(self._request.dev)
            gap = self._guard.look(artifact, scores) if is_whole else None
            warning = gap.sentence if gap and gap.is_overfit else ""
            trial = self.board.add(
                artifact, scores, provenance, is_minibatch=is_minibatch, warning=warning
            )
            with speaking():
                self._on_trial(trial)
        if warning and self._request.breeds:
            self.overfit = warning
            raise JobAbort(StopReason.OVERFIT, warning)


class TrainGuard:
    """Scores candidates on train rows that they do not show, to tell learning from copying."""

    def __init__(self, request: SearchRequest) -> None:
        self._request = request
        self._before: dict[str, float] = {}
        self._seen: set[str] = set()
        self._candidates: list[tuple[Gains, Gains]] = []

    def look(self, artifact: PromptArtifact, dev: Mapping[str, float]) -> Gap | None:
        """Return how far train and dev have come apart, once there is enough to go by."""
        request = self._request
        rows = guard_rows(request.train, artifact.demos, request.seed)
        is_known = artifact.hash in self._seen or artifact.hash == request.artifact.hash
        if is_known or not rows or not request.baseline:
            return None
        self._seen.add(artifact.hash)
        unscored = [row for row in rows if row.id not in self._before]
        self._before |= scores_of(score_rows(request, request.artifact, unscored))
        train = scores_of(score_rows(request, artifact, rows))
        self._candidates.append(
            (
                gains_by_group(rows, self._before, train),
                gains_by_group(request.dev, request.baseline, dev),
            )
        )
        return gap_of(self._candidates)


@contextmanager
def _aborting() -> Iterator[None]:
    """DSPy logs what goes wrong in a callback and goes on; a JobAbort it lets pass."""
    try:
        yield
    except Exception as error:
        detail = f"a trial could not be recorded: {type(error).__name__}: {error}"
        raise JobAbort(StopReason.ERROR, detail[:500]) from error


def program_state(program: PromptProgram) -> Mapping[str, Any]:
    state: dict[str, Any] = json.loads(json.dumps(program.dump_state(), default=str))
    return state
