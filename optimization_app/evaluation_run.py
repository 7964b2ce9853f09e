"""The child's part of an evaluation: ask what has no answer yet, score all of it, end the job."""

from dataclasses import replace

from kaizen_engine.evaluate.spec import evaluator_from_spec
from kaizen_engine.llm.meter import Meter
from kaizen_engine.optimize.evaluation_plan import requests_of, rows_to_score
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import StopReason
from llm_app.answer_cache import CachingJournal
from llm_app.gateways import gateway_for
from llm_app.writer import GroupCommitWriter
from optimization_app.config import JobConfig
from optimization_app.models import Job
from optimization_app.recorder import EvaluationRecorder
from optimization_app.services.evaluate import models_asked
from optimization_app.services.evaluate_close import evaluation_close
from optimization_app.services.prepare import Prepared, job_prepare


def evaluate(
    job: Job, fence: int, writer: GroupCommitWriter, journal: CachingJournal, meter: Meter
) -> StopReason:
    """Score the rows and end the job, unless it has to go on elsewhere; return what stopped it."""
    from kaizen_engine.optimize.evaluation import run_evaluation

    prepared = job_prepare(job, fence)
    config = JobConfig.from_json(job.config)
    candidate = _candidate(job)
    _preload(prepared, candidate, journal)
    gateway = gateway_for(job.task.project, models_asked(config), meter=meter, journal=journal)
    try:
        recorder = EvaluationRecorder(job, writer)
        outcome = run_evaluation(prepared.spec, candidate, gateway, recorder)
    finally:
        journal.settle()
    if outcome.job.stop_reason is StopReason.CALLS:
        outcome = replace(outcome, job=replace(outcome.job, stop_reason=StopReason.TIMEOUT))
    if outcome.job.stop_reason is not StopReason.WORKER_LOST:
        evaluation_close(job, fence, prepared, outcome, cached=len(journal.hits))
    return outcome.job.stop_reason


def _candidate(job: Job) -> PromptArtifact | None:
    """Return the version to compare with the one the job began with; None for that one alone."""
    version = job.result_version
    if version is None or version.pk == job.seed_version_id:
        return None
    return PromptArtifact.from_dict(version.artifact)


def _preload(prepared: Prepared, candidate: PromptArtifact | None, journal: CachingJournal) -> None:
    spec = prepared.spec
    evaluator = evaluator_from_spec(spec.evaluator)
    rows = rows_to_score(spec.artifact, spec.examples, evaluator)
    for artifact in filter(None, (spec.artifact, candidate)):
        journal.preload(request.hash for request in requests_of(artifact, rows, spec.model))
