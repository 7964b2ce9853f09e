"""All that is needed to run a finished job again and to compare, read from its rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from feedback_app.models import Example
from kaizen_engine.llm.types import ChatResponse
from kaizen_engine.optimize.outcome import JobSpec
from kaizen_engine.optimize.record import ROW_LISTS
from kaizen_engine.prompts.artifact import canonical_json, sha256_hex
from kaizen_engine.states import JOB_TRANSITIONS, JobKind, JobState, StopReason
from llm_app.journal import response_from_json
from llm_app.models import CallRecord
from optimization_app.config import JobConfig
from optimization_app.models import EvaluationRow, Job, Step, Trial
from optimization_app.services.prepare import PREPARED, job_prepare
from projects_app.exceptions import Conflict

Facts = dict[tuple[Any, ...], tuple[Any, ...]]
Answers = Mapping[tuple[str, str, int], ChatResponse]


@dataclass(frozen=True)
class Recording:
    """A job that has ended: its order, the answers it was given, and what came of it.

    `evidence` and `artifact` are as they were noted then; `scores` are by label and example,
    `trials` by number. `public_ids` name the rows, by the ids they have in `spec`.
    """

    job: str
    stop_reason: StopReason
    models: tuple[str, ...]
    spec: JobSpec
    public_ids: Mapping[str, str]
    evidence: Mapping[str, Any]
    artifact: Mapping[str, Any] | None
    answers: Answers
    scores: Facts
    trials: Facts

    @property
    def was_stopped(self) -> bool:
        return self.stop_reason is not StopReason.FINISHED

    @property
    def rows_hash(self) -> str:
        """Hash the rows as they are now, the way it was done when they were frozen."""
        rows = self.spec.examples
        facts = [
            [self.public_ids.get(row.id), row.split.value, row.inputs, row.outputs] for row in rows
        ]
        return sha256_hex(canonical_json(facts))


def recording_of(job: Job) -> Recording:
    """Read the job's record; raises Conflict where there is none to run again."""
    refuse_unrecorded(job)
    prepared = job_prepare(job, job.fence)
    rows = EvaluationRow.objects.filter(job=job).values_list(
        "label", "example_id", "score", "messages_hash", "artifact_hash"
    )
    trials = Trial.objects.filter(job=job).values_list("number", "score", "rows", "artifact_hash")
    calls = CallRecord.objects.filter(subject=job.public_id).values_list(
        "role", "request_hash", "occurrence", "response"
    )
    return Recording(
        job=str(job.public_id),
        stop_reason=StopReason(job.stop_reason),
        models=tuple(sorted(JobConfig.from_json(job.config).models)),
        spec=prepared.spec,
        public_ids=_public_ids(prepared.spec),
        evidence=job.result["evidence"],
        artifact=job.result["artifact"],
        answers={
            (role, request_hash, occurrence): response_from_json(body)
            for role, request_hash, occurrence, body in calls.iterator()
        },
        scores={(label, str(example)): tuple(facts) for label, example, *facts in rows},
        trials={(number,): tuple(facts) for number, *facts in trials},
    )


def _public_ids(spec: JobSpec) -> dict[str, str]:
    rows = [row for name in ROW_LISTS for row in getattr(spec, name)]
    known = Example.objects.filter(pk__in=[int(row.id) for row in rows])
    return {str(pk): str(public_id) for pk, public_id in known.values_list("pk", "public_id")}


def is_recorded(job: Job) -> bool:
    """Tell whether there is something to replay and to export."""
    try:
        refuse_unrecorded(job)
    except Conflict:
        return False
    return True


def refuse_unrecorded(job: Job) -> None:
    if JOB_TRANSITIONS[JobState(job.state)]:
        raise Conflict(f"the job has not ended, it is {job.state}", code="not_finished")
    if job.kind != JobKind.OPTIMIZE:
        raise Conflict("only a search is replayed, not an evaluation", code="no_record")
    if not job.result or not Step.objects.filter(job=job, name=PREPARED).exists():
        message = "the job ended without a result, so there is nothing to replay"
        raise Conflict(message, code="no_record")
