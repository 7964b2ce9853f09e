"""What an evaluation will ask: counted from the requests it makes and the answers there are."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from feedback_app.models import Example, Feedback
from feedback_app.selectors import dataset_of, examples_known, is_labelled
from kaizen_engine.evaluate.runner import Example as EngineExample
from kaizen_engine.evaluate.spec import evaluator_from_spec, judge_specs, models_of
from kaizen_engine.llm.pricing import cost
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.optimize.estimate import Estimate, Rows
from kaizen_engine.optimize.evaluation_plan import requests_of, rows_to_score, samples_for
from kaizen_engine.prompts.artifact import PromptArtifact
from llm_app.answer_cache import cached_keys
from llm_app.gateways import price_of
from llm_app.selectors import connection_get
from optimization_app.config import JobConfig
from optimization_app.services.estimate import JobEstimate, guard_calls
from optimization_app.services.evaluate_rows import RowsAsked, rows_of_evaluation
from optimization_app.services.guessed_tokens import HIGH, LOW, request_tokens, tokens_in
from optimization_app.services.prepare import engine_examples
from prompts_app.models import PromptVersion
from tasks_app.fit import fits, fits_inputs
from tasks_app.models import Task

LEAST_ANSWER_TOKENS = 4
JUDGE_TOKENS = 500
JUDGE_ANSWER_TOKENS = 60


@dataclass(frozen=True)
class EvaluationEstimate(JobEstimate):
    """`cached` answers are there already; `undealt` rows get their split when the job begins."""

    cached: int = 0
    undealt: int = 0

    @property
    def has_rows(self) -> bool:
        return self.undealt > 0 or self.rows != Rows(0, 0, 0)

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "cached": self.cached, "undealt": self.undealt}


@dataclass(frozen=True)
class _Load:
    """Calls of one kind, of so many tokens each, at the price of `model`."""

    model: str
    low: int
    high: int
    sent: float
    answered: float


def evaluation_estimate(
    task: Task, versions: Sequence[PromptVersion], asked: RowsAsked, config: JobConfig
) -> EvaluationEstimate:
    """Count the calls of scoring `versions`, the first against the second where there are two.

    The count is exact, but for rows without a split, judges and what a new version may not lose.
    """
    known = _examples(task, config)
    rows = _rows(known, versions, asked, config)
    evaluator = evaluator_from_spec(config.evaluator)
    missing: list[ChatRequest] = []
    cached = 0
    for version in versions:
        artifact = PromptArtifact.from_dict(version.artifact)
        scored = rows_to_score(artifact, rows, evaluator)
        asks, has = _without_answer(task, artifact, scored, config.student)
        missing, cached = missing + asks, cached + has
    undealt = _undealt(task, known, config)
    extra = len(versions) * undealt + (guard_calls(task) if len(versions) > 1 else 0)
    loads = [
        _student_load(config.student, missing, extra, rows),
        *_judge_loads(config, len(missing), len(rows) * len(versions) + extra),
    ]
    return EvaluationEstimate(Rows.of(rows), _range(task, loads), cached, undealt)


def _examples(task: Task, config: JobConfig) -> QuerySet[Example]:
    known = examples_known(task)
    return known.filter(dataset=dataset_of(task, config.dataset_id)) if config.dataset_id else known


def _rows(
    known: QuerySet[Example],
    versions: Sequence[PromptVersion],
    asked: RowsAsked,
    config: JobConfig,
) -> list[EngineExample]:
    task, is_judged = versions[0].task, config.is_judged
    mine = [
        row
        for row in known.filter(split__in=asked.splits)
        if fits(task, row.inputs, row.outputs) or (is_judged and fits_inputs(task, row.inputs))
    ]
    chosen, _ = rows_of_evaluation(asked, mine, versions)
    return engine_examples(row for row in mine if row.pk in chosen)


def _without_answer(
    task: Task, artifact: PromptArtifact, rows: Iterable[EngineExample], model: str
) -> tuple[list[ChatRequest], int]:
    """Return a request for each answer that has to be paid for, and how many have not."""
    requests = {request.hash: request for request in requests_of(artifact, rows, model)}
    connection = connection_get(task.project, model.partition("/")[0])
    known = cached_keys(connection, requests)
    wanted = [(key, sample) for key in requests for sample in range(samples_for(artifact))]
    missing = [requests[key] for key, sample in wanted if (key, sample) not in known]
    return missing, len(wanted) - len(missing)


def _undealt(task: Task, known: QuerySet[Example], config: JobConfig) -> int:
    waiting = known.filter(split="").count()
    if config.dataset_id:
        return waiting
    labelled = is_labelled(task.good_score)
    return waiting + Feedback.objects.filter(labelled, task=task, example=None).count()


def _student_load(
    model: str, missing: Sequence[ChatRequest], extra: int, rows: Sequence[EngineExample]
) -> _Load:
    sent = [request_tokens(request) for request in missing]
    answered = [tokens_in(str(row.outputs or row.rated_output)) for row in rows]
    mean_sent = sum(sent) / len(sent) if sent else JUDGE_TOKENS
    mean_answered = sum(answered) / len(answered) if answered else JUDGE_ANSWER_TOKENS
    calls = len(missing)
    return _Load(model, calls, calls + extra, mean_sent, max(LEAST_ANSWER_TOKENS, mean_answered))


def _judge_loads(config: JobConfig, new: int, most: int) -> list[_Load]:
    """A judge is asked of every new answer, and twice of any at most, while it agrees."""
    if not judge_specs(config.evaluator):
        return []
    return [
        _Load(model, new, 2 * most, JUDGE_TOKENS, JUDGE_ANSWER_TOKENS)
        for model in models_of(config.evaluator)
    ]


def _range(task: Task, loads: Sequence[_Load]) -> Estimate:
    low = [(load, load.low, LOW) for load in loads]
    high = [(load, load.high, HIGH) for load in loads]
    return Estimate(
        calls_low=sum(load.low for load in loads),
        calls_high=sum(load.high for load in loads),
        tokens_low=_token_sum(low),
        tokens_high=_token_sum(high),
        usd_low=_usd_sum(task, low),
        usd_high=_usd_sum(task, high),
    )


def _token_sum(loads: Iterable[tuple[_Load, int, float]]) -> int:
    return math.ceil(sum(share * calls * (one.sent + one.answered) for one, calls, share in loads))


def _usd_sum(task: Task, loads: Iterable[tuple[_Load, int, float]]) -> Decimal:
    total = Decimal(0)
    for load, calls, share in loads:
        price = price_of(task.project, load.model)
        sent, answered = (math.ceil(share * calls * one) for one in (load.sent, load.answered))
        total += cost(price, sent, answered)
    return total
