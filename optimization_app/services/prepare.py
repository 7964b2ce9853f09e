"""What a job works on, frozen at its first attempt: every later one replays the same rows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Q

from feedback_app.models import Dataset, Example
from feedback_app.selectors import dataset_of, examples_known
from feedback_app.services.examples import examples_mark_used, examples_prepare, leakage_of
from kaizen_engine.data.split import sample_groups
from kaizen_engine.evaluate.runner import Example as EngineExample
from kaizen_engine.optimize.outcome import JobSpec
from kaizen_engine.prompts.artifact import PromptArtifact, canonical_json, sha256_hex
from kaizen_engine.states import JobKind, Origin, Split
from optimization_app.config import JobConfig
from optimization_app.models import Job, Step
from optimization_app.services.estimate import search_settings
from optimization_app.services.evaluate_rows import RowsAsked, look_of, rows_of_evaluation
from optimization_app.services.judge_gate import judge_facts, may_confirm
from optimization_app.services.lease import fence_require
from optimization_app.services.row_usage import rows_left_out, rows_used
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
    usage: Mapping[str, Any] = field(default_factory=dict)
    leakage: Mapping[str, Any] = field(default_factory=dict)
    judge: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Row:
    example: Example
    split: Split
    is_deciding: bool
    looks: int = 0


@dataclass(frozen=True)
class _Chosen:
    """Rows by their ids; those that are `searched` are seen from now on."""

    rows: frozenset[int]
    searched: frozenset[int]
    look: int


def job_prepare(job: Job, fence: int) -> Prepared:
    """Return what the job works on; raises LostLease when it is somebody else's by now."""
    step = _frozen(job, fence)
    rows = _rows(step.data["examples"], step.data.get("looks", {}))
    config = JobConfig.from_json(job.config)
    spec = JobSpec(
        artifact=PromptArtifact.from_dict(job.seed_version.artifact),
        examples=tuple(map(_engine_example, rows)),
        model=config.student,
        evaluator=config.evaluator,
        strategy=config.optimizer_type,
        teacher=config.teacher,
        reasoning=config.reasoning,
        settings=search_settings(config),
        threads=config.threads,
        seed=job.seed,
        look=step.data["look"],
        minimum_effect=config.minimum_effect,
        students=tuple(config.students),
        notes=tuple(config.notes),
        locked=tuple(config.locked),
        judge_may_confirm=may_confirm(step.data.get("judge")),
        protected=_guarded(step, "protected"),
        red_team=_guarded(step, "red_team"),
    )
    looked_at = [row.example.pk for row in rows if row.split is Split.TEST and row.is_deciding]
    data = step.data
    return Prepared(
        spec,
        data["hash"],
        tuple(looked_at),
        data.get("left_out", {}),
        data.get("usage", {}),
        data.get("leakage", {}),
        data.get("judge"),
    )


def _guarded_rows(job: Job) -> dict[str, list[int]]:
    """Return the rows that a new prompt may not lose, whichever dataset it is searched on."""
    rows = Example.objects.filter(task=job.task, dismissed_at=None).order_by("pk")
    return {
        "protected": list(rows.filter(is_protected=True).values_list("pk", flat=True)),
        "red_team": list(rows.filter(split=Split.RED_TEAM.value).values_list("pk", flat=True)),
    }


def _guarded(step: Step, name: str) -> tuple[EngineExample, ...]:
    """Return rows that take no part in search and verdict; older jobs froze none."""
    ids = step.data.get(name, [])
    found = Example.objects.filter(redacted_at=None).in_bulk(ids)
    rows = (
        _Row(found[pk], Split(found[pk].split or Split.DEV), False) for pk in ids if pk in found
    )
    return tuple(map(_engine_example, rows))


def _frozen(job: Job, fence: int) -> Step:
    known = Step.objects.filter(job=job, name=PREPARED).first()
    return known or _freeze(job, fence)


def _freeze(job: Job, fence: int) -> Step:
    """Choose the rows; the database is locked only while something is written."""
    guard = partial(fence_require, job.pk, fence)
    config = JobConfig.from_json(job.config)
    dataset = dataset_of(job.task, config.dataset_id) if config.dataset_id else None
    examples = examples_prepare(
        task=job.task,
        job_id=job.public_id,
        shown=_shown(job),
        guard=guard,
        is_judged=config.is_judged,
        dataset=dataset,
        untaken=job.kind == JobKind.EVALUATE,
    )
    chosen = _chosen(job, examples)
    rows = [row for row in examples if row.pk in chosen.rows]
    data = {
        "examples": [[row.pk, row.split, row.is_deciding] for row in rows],
        "look": chosen.look,
        "looks": {str(row.pk): row.looks for row in rows if row.looks},
        "hash": _dataset_hash(rows),
        "left_out": _left_out(examples, chosen.rows),
        "usage": _usage(job, examples, rows, dataset),
        "leakage": leakage_of(rows),
        "judge": judge_facts(job.task, config.evaluator),
        **_guarded_rows(job),
    }
    with transaction.atomic():
        guard()
        examples_mark_used(task=job.task, example_ids=chosen.searched)
        return Step.objects.create(job=job, name=PREPARED, data=data)


def _usage(
    job: Job, examples: Iterable[Example], rows: list[Example], dataset: Dataset | None
) -> dict[str, Any]:
    is_judged = JobConfig.from_json(job.config).is_judged
    left_out = rows_left_out(
        examples_known(job.task),
        {row.pk for row in examples},
        {row.pk for row in rows},
        is_judged=is_judged,
        dataset=dataset,
    )
    return {"used": rows_used(rows, is_judged=is_judged), "left_out": left_out}


def _shown(job: Job) -> list[Mapping[str, Any]]:
    """Return the inputs of every demonstration in a live version and in the one to improve on."""
    live = Q(tags__task=job.task) | Q(pk=job.seed_version_id)
    artifacts = PromptVersion.objects.filter(live, task=job.task).values_list("artifact", flat=True)
    return [demo["inputs"] for artifact in artifacts for demo in artifact.get("demos", ())]


def _chosen(job: Job, examples: list[Example]) -> _Chosen:
    asked = RowsAsked.of(job)
    if asked is not None:
        rows, look = rows_of_evaluation(asked, examples, versions_of(job))
        return _Chosen(rows, frozenset(), look)
    searched = _searched(job, examples)
    held_out, look = look_of(examples)
    red_team = frozenset(row.pk for row in examples if row.split == Split.RED_TEAM.value)
    return _Chosen(searched | held_out | red_team, searched, look)


def versions_of(job: Job) -> list[PromptVersion]:
    """Return the version that the job began with, and the one that it measures or made."""
    return [job.seed_version, *([job.result_version] if job.result_version else [])]


def _searched(job: Job, examples: Iterable[Example]) -> frozenset[int]:
    """Return the rows to search on: a sample where there are more than a search needs."""
    config = JobConfig.from_json(job.config)
    taken: set[int] = set()
    for split, most in config.most_rows.items():
        rows = [(str(row.pk), row.group) for row in examples if row.split == split.value]
        taken |= {int(row_id) for row_id in sample_groups(rows, most, job.seed)}
    return frozenset(taken)


def _left_out(examples: Iterable[Example], searched: frozenset[int]) -> dict[str, int]:
    others = [row.split for row in examples if row.split in SEARCHED and row.pk not in searched]
    return {split: others.count(split) for split in sorted(SEARCHED)}


def _rows(frozen: list[list[Any]], looks: Mapping[str, int]) -> list[_Row]:
    """Load the rows in their order; one that was deleted or redacted is missing for good."""
    found = Example.objects.filter(redacted_at=None).in_bulk([pk for pk, *_ in frozen])
    return [
        _Row(found[pk], Split(split), is_deciding, looks.get(str(pk), 0))
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
        rated_output=example.rated_output,
        rated_score=example.rated_score,
        looks=row.looks,
    )


def engine_examples(examples: Iterable[Example]) -> list[EngineExample]:
    """Return examples that have their split as a job would see them."""
    rows = (_Row(row, Split(row.split), row.is_deciding) for row in examples)
    return list(map(_engine_example, rows))


def _dataset_hash(rows: list[Example]) -> str:
    facts = [[str(row.public_id), row.split, row.inputs, row.outputs] for row in rows]
    return sha256_hex(canonical_json(facts))
