"""What a job works on, frozen at its first attempt: every later one replays the same rows."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from feedback_app.models import Example
from feedback_app.services.examples import examples_mark_used, examples_prepare
from kaizen_engine.evaluate.runner import Example as EngineExample
from kaizen_engine.evaluate.verdict import plan_look
from kaizen_engine.optimize.outcome import JobSpec
from kaizen_engine.prompts.artifact import PromptArtifact, canonical_json, sha256_hex
from kaizen_engine.states import Origin, Split
from llm_app.writer import LostLease
from optimization_app.config import JobConfig
from optimization_app.models import Job, Step
from optimization_app.services.estimate import search_settings
from optimization_app.services.lease import fence_holds

PREPARED = "prepared"
SEARCHED = frozenset({Split.TRAIN.value, Split.DEV.value})


@dataclass(frozen=True)
class Prepared:
    """The engine's order, and the hash of the rows it is about."""

    spec: JobSpec
    dataset_hash: str
    looked_at: tuple[int, ...]


def job_prepare(job: Job, fence: int) -> Prepared:
    """Return what the job works on; raises LostLease when it is somebody else's by now."""
    step = _frozen(job, fence)
    rows = _rows(step.data["examples"])
    config = JobConfig.from_json(job.config)
    spec = JobSpec(
        artifact=PromptArtifact.from_dict(job.seed_version.artifact),
        examples=tuple(_engine_example(row, split) for row, split in rows),
        model=config.student,
        metric=config.metric,
        strategy=config.optimizer_type,
        teacher=config.teacher,
        reasoning=config.reasoning,
        settings=search_settings(config),
        threads=config.threads,
        seed=job.seed,
        look=step.data["look"],
        minimum_effect=config.minimum_effect,
    )
    looked_at = [row.pk for row, split in rows if split is Split.TEST and row.is_deciding]
    return Prepared(spec, step.data["hash"], tuple(looked_at))


@transaction.atomic
def _frozen(job: Job, fence: int) -> Step:
    if not fence_holds(job.pk, fence):
        raise LostLease("the job is somebody else's by now")
    known = Step.objects.filter(job=job, name=PREPARED).first()
    if known is not None:
        return known
    examples = examples_prepare(task=job.task, job_id=job.public_id)
    deciding = {str(row.pk): row.looks for row in examples if _is_holdout(row) and row.is_deciding}
    look = plan_look(deciding)
    left_out = deciding.keys() - set(look.ids)
    rows = [row for row in examples if str(row.pk) not in left_out and row.split in _USED]
    examples_mark_used(task=job.task, example_ids=[row.pk for row in rows if row.split in SEARCHED])
    data = {
        "examples": [[row.pk, row.split] for row in rows],
        "look": look.k,
        "hash": _dataset_hash(rows),
    }
    return Step.objects.create(job=job, name=PREPARED, data=data)


_USED = SEARCHED | {Split.TEST.value}


def _is_holdout(row: Example) -> bool:
    return row.split == Split.TEST.value


def _rows(frozen: list[list[Any]]) -> list[tuple[Example, Split]]:
    """Load the rows in their order; one that was deleted since is missing for good."""
    found = Example.objects.in_bulk([pk for pk, _ in frozen])
    return [(found[pk], Split(split)) for pk, split in frozen if pk in found]


def _engine_example(row: Example, split: Split) -> EngineExample:
    return EngineExample(
        id=str(row.pk),
        inputs=row.inputs,
        outputs=row.outputs,
        split=split,
        group=row.group,
        origin=Origin(row.origin),
        deciding=row.is_deciding,
        comment=row.comment,
    )


def _dataset_hash(rows: list[Example]) -> str:
    facts = [[str(row.public_id), row.split, row.inputs, row.outputs] for row in rows]
    return sha256_hex(canonical_json(facts))
