"""What a job works on, frozen at its first attempt: every later one replays the same rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Q

from feedback_app.models import Example
from feedback_app.services.examples import examples_mark_used, examples_prepare
from kaizen_engine.data.split import sample_groups
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
from prompts_app.models import PromptVersion

PREPARED = "prepared"
SEARCHED = frozenset({Split.TRAIN.value, Split.DEV.value})


@dataclass(frozen=True)
class Prepared:
    """The engine's order, the hash of the rows it is about, and how many it leaves out."""

    spec: JobSpec
    dataset_hash: str
    looked_at: tuple[int, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Row:
    example: Example
    split: Split
    is_deciding: bool


def job_prepare(job: Job, fence: int) -> Prepared:
    """Return what the job works on; raises LostLease when it is somebody else's by now."""
    step = _frozen(job, fence)
    rows = _rows(step.data["examples"])
    config = JobConfig.from_json(job.config)
    spec = JobSpec(
        artifact=PromptArtifact.from_dict(job.seed_version.artifact),
        examples=tuple(map(_engine_example, rows)),
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
    looked_at = [row.example.pk for row in rows if row.split is Split.TEST and row.is_deciding]
    return Prepared(spec, step.data["hash"], tuple(looked_at), step.data.get("left_out", {}))


def _frozen(job: Job, fence: int) -> Step:
    known = Step.objects.filter(job=job, name=PREPARED).first()
    return known or _freeze(job, fence)


def _freeze(job: Job, fence: int) -> Step:
    """Choose the rows; the database is locked only while something is written."""

    def guard() -> None:
        if not fence_holds(job.pk, fence):
            raise LostLease("the job is somebody else's by now")

    examples = examples_prepare(task=job.task, job_id=job.public_id, shown=_shown(job), guard=guard)
    searched = _searched(job, examples)
    held_out, look = _held_out(examples)
    rows = [row for row in examples if row.pk in searched | held_out]
    data = {
        "examples": [[row.pk, row.split, row.is_deciding] for row in rows],
        "look": look,
        "hash": _dataset_hash(rows),
        "left_out": _left_out(examples, searched),
    }
    with transaction.atomic():
        guard()
        examples_mark_used(task=job.task, example_ids=searched)
        return Step.objects.create(job=job, name=PREPARED, data=data)


def _shown(job: Job) -> list[Mapping[str, Any]]:
    """Return the inputs of every demonstration in a live version and in the one to improve on."""
    live = Q(tags__task=job.task) | Q(pk=job.seed_version_id)
    artifacts = PromptVersion.objects.filter(live, task=job.task).values_list("artifact", flat=True)
    return [demo["inputs"] for artifact in artifacts for demo in artifact.get("demos", ())]


def _searched(job: Job, examples: Iterable[Example]) -> frozenset[int]:
    """Return the rows to search on: a sample where there are more than a search needs."""
    config = JobConfig.from_json(job.config)
    taken: set[int] = set()
    for split, most in config.most_rows.items():
        rows = [(str(row.pk), row.group) for row in examples if row.split == split.value]
        taken |= {int(row_id) for row_id in sample_groups(rows, most, job.seed)}
    return frozenset(taken)


def _held_out(examples: Iterable[Example]) -> tuple[frozenset[int], int]:
    """Return the hold-out rows of this look, and which look it is."""
    held_out = [row for row in examples if row.split == Split.TEST.value]
    look = plan_look({str(row.pk): row.looks for row in held_out if row.is_deciding})
    undecided = {row.pk for row in held_out if not row.is_deciding}
    return frozenset({int(row_id) for row_id in look.ids} | undecided), look.k


def _left_out(examples: Iterable[Example], searched: frozenset[int]) -> dict[str, int]:
    others = [row.split for row in examples if row.split in SEARCHED and row.pk not in searched]
    return {split: others.count(split) for split in sorted(SEARCHED)}


def _rows(frozen: list[list[Any]]) -> list[_Row]:
    """Load the rows in their order; one that was deleted since is missing for good."""
    found = Example.objects.in_bulk([pk for pk, *_ in frozen])
    return [
        _Row(found[pk], Split(split), is_deciding)
        for pk, split, is_deciding in frozen
        if pk in found
    ]


def _engine_example(row: _Row) -> EngineExample:
    example = row.example
    return EngineExample(
        id=str(example.pk),
        inputs=example.inputs,
        outputs=example.outputs,
        split=row.split,
        group=example.group,
        origin=Origin(example.origin),
        deciding=row.is_deciding,
        comment=example.comment,
    )


def _dataset_hash(rows: list[Example]) -> str:
    facts = [[str(row.public_id), row.split, row.inputs, row.outputs] for row in rows]
    return sha256_hex(canonical_json(facts))
