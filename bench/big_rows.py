"""The many rows of a large installation, one generator a table, in the order of their keys."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.db.models import Model
from uuid_utils.compat import uuid7

from bench.big_world import LABELS, World
from feedback_app.models import Example, Feedback
from kaizen_engine.prompts.artifact import Demo, InputField, OutputField, PromptArtifact
from kaizen_engine.states import JobState, Origin, ReviewState, RowKind, Split, StopReason, Verdict
from llm_app.models import LedgerEntry
from optimization_app.models import (
    EvaluationRow,
    Insight,
    InsightSighting,
    Job,
    LabelItem,
    SuggestedExample,
    Trial,
)
from projects_app.models import AuditEntry
from prompts_app.models import ChangeNote, GateResult, PromptVersion, Tag

CHECKS = ("evidence", "evidence_text", "protected", "red_team", "variables", "length", "copies")
SPLITS = [Split.TRAIN.value] * 4 + [Split.DEV.value] * 3 + [Split.TEST.value] * 3
TRIALS, SCORED = 12, 40
# The largest tables: one part is made here, and repeated by the database, which is much faster.
PARTS = 20


def digest(number: int, kind: str) -> str:
    return hashlib.sha256(f"{kind} {number}".encode()).hexdigest()


class Rows:
    """What has been dealt out so far: later tables point to rows of earlier ones."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.versions: dict[int, list[PromptVersion]] = defaultdict(list)
        self.examples: dict[int, list[int]] = defaultdict(list)
        self.jobs: list[Job] = []

    def feedback(self) -> Iterator[Feedback]:
        world, total = self.world, self.world.sizes.feedback // PARTS
        for number in range(total):
            task, score = world.pick(), world.dice.choice((0.0, 0.3, 0.8, 1.0, None))
            yield Feedback(
                project_id=task.project_id,
                task_id=task.pk,
                event_id=f"event-{number}",
                content_hash=digest(number, "feedback"),
                inputs={"text": world.text()},
                output={"label": world.dice.choice(LABELS)},
                score=score,
                thumb=None if score is not None else world.dice.choice((True, False, None)),
                comment=world.dice.choice(world.texts)[:80] if number % 5 == 0 else "",
                origin=Origin.RANDOM.value if number % 3 == 0 else Origin.USER.value,
                consumed_by=uuid7(),
                created_at=world.moment(number / total / PARTS),
            )

    def example(self) -> Iterator[Example]:
        """Two of three come from a file, the others from feedback that was stored before."""
        world, total = self.world, self.world.sizes.examples
        for number in range(total):
            rank = world.tasks.index(world.pick())
            task, from_file = world.tasks[rank], number % 3 != 0
            split = world.dice.choice(SPLITS)
            if split != Split.TEST.value:
                self.examples[task.pk].append(number + 1)
            yield Example(
                id=number + 1,
                task_id=task.pk,
                dataset_id=world.datasets[rank].pk if from_file else None,
                inputs={"text": world.text()},
                outputs={"label": world.dice.choice(LABELS)},
                kind=RowKind.LABEL.value,
                group=digest(number, "group"),
                split=split,
                origin=Origin.IMPORT.value if from_file else Origin.USER.value,
                is_deciding=split == Split.TEST.value,
                is_seen=number % 2 == 0,
                created_at=world.moment(number / total),
            )

    def version(self) -> Iterator[PromptVersion]:
        world, total = self.world, self.world.sizes.versions
        for number in range(total):
            # Every prompt has one before any has two.
            task = world.tasks[number] if number < len(world.tasks) else world.pick()
            before = self.versions[task.pk]
            artifact = _artifact(world, number)
            version = PromptVersion(
                id=number + 1,
                task_id=task.pk,
                number=len(before) + 1,
                hash=artifact.hash,
                artifact=artifact.to_dict(),
                review_state=world.dice.choice([state.value for state in ReviewState]),
                verdict=world.dice.choice([verdict.value for verdict in Verdict]),
                evidence=_evidence(artifact.hash, before[-1], task.student) if before else {},
                author_label="system",
                change_reason="Found by a search.",
                created_at=world.moment(number / total),
            )
            before.append(version)
            yield version

    def parent(self) -> Iterator[Model]:
        link = PromptVersion.parents.through
        for versions in self.versions.values():
            for older, newer in zip(versions, versions[1:], strict=False):
                yield link(from_promptversion_id=newer.pk, to_promptversion_id=older.pk)

    def gate(self) -> Iterator[GateResult]:
        for versions in self.versions.values():
            for number, version in enumerate(versions):
                made = {"version_id": version.pk, "created_at": version.created_at}
                for name in CHECKS:
                    yield GateResult(name=name, outcome="pass", reason="As it should be.", **made)
                if number % 4 == 0:
                    before = versions[number - 4].pk if number else None
                    moved = {"tag": "production", "replaced_id": before, "basis": "evidence"}
                    yield GateResult(name="promotion", outcome="pass", **moved, **made)

    def tag(self) -> Iterator[Tag]:
        for versions in self.versions.values():
            for name, version in (("production", versions[-1]), ("staging", versions[0])):
                moved = {"moved_at": version.created_at, "version_id": version.pk}
                yield Tag(task_id=version.task_id, name=name, **moved)

    def note(self) -> Iterator[ChangeNote]:
        for versions in self.versions.values():
            for version in versions:
                text = "Says first what the desks are, and shows two more examples."
                made = {"writer": "models/demo", "created_at": version.created_at}
                yield ChangeNote(version_id=version.pk, text=text, **made)

    def job(self) -> Iterator[Job]:
        """Jobs that ended, most of them well, and for the smallest prompts one that runs."""
        world, total = self.world, self.world.sizes.jobs
        for number in range(total):
            task = world.tasks[-1 - number] if number < 10 else world.pick()
            job = _job(number, task.pk, self.versions[task.pk], is_live=number < 10)
            job.created_at = job.started_at = world.moment(number / total)
            job.finished_at = None if number < 10 else job.created_at
            self.jobs.append(job)
            yield job

    def trial(self) -> Iterator[Trial]:
        for job in self.jobs:
            artifact = self.versions[job.task_id][-1]
            for number in range(TRIALS):
                yield Trial(
                    job_id=job.pk,
                    number=number,
                    score=0.4 + number / 40,
                    rows=48,
                    is_full=number % 3 == 0,
                    is_best=number == TRIALS - 1,
                    artifact_hash=artifact.hash,
                    artifact=artifact.artifact,
                    created_at=job.created_at,
                )

    def evaluation_row(self) -> Iterator[EvaluationRow]:
        for job in self.jobs:
            for label in ("baseline_dev", "winner_dev"):
                for example in self.examples[job.task_id][:SCORED]:
                    yield EvaluationRow(
                        job_id=job.pk,
                        label=label,
                        example_id=example,
                        artifact_hash=digest(job.pk, label),
                        messages_hash=digest(example, label),
                        score=self.world.dice.choice((0.0, 1.0)),
                        output={"label": "billing"},
                        text="billing",
                        reasons={"judge": "It names the right desk."},
                    )

    def insight(self) -> Iterator[Insight]:
        for rank, task in enumerate(self.world.tasks):
            for number in range(12):
                yield Insight(
                    id=rank * 12 + number + 1,
                    task_id=task.pk,
                    name=f"card, arrived, day{number}",
                    rows=40,
                    scored=30,
                    failures=number,
                    share=0.1,
                    finding=f"{number} of 30 scored rows fail.",
                    first_job=uuid7(),
                    last_job=uuid7(),
                    created_at=self.world.end,
                    updated_at=self.world.end,
                )

    def sighting(self) -> Iterator[InsightSighting]:
        for insight in range(1, len(self.world.tasks) * 12 + 1):
            for _ in range(6):
                seen = {"rows": 40, "scored": 30, "failures": 6, "at": self.world.end}
                yield InsightSighting(insight_id=insight, job=uuid7(), life="steady", **seen)

    def suggestion(self) -> Iterator[SuggestedExample]:
        for insight in range(1, len(self.world.tasks) * 12 + 1):
            yield SuggestedExample(
                insight_id=insight,
                content_hash=digest(insight, "suggested"),
                inputs={"text": self.world.text()},
                created_at=self.world.end,
            )

    def label_item(self) -> Iterator[LabelItem]:
        for task in self.world.tasks:
            for example in self.examples[task.pk][:120]:
                yield LabelItem(
                    task_id=task.pk,
                    kind="answer",
                    example_id=example,
                    content_hash=digest(example, "label"),
                    inputs={"text": self.world.text()},
                    answer={"label": "billing"},
                    created_at=self.world.end,
                )

    def ledger_entry(self) -> Iterator[LedgerEntry]:
        world, total = self.world, self.world.sizes.ledger // PARTS
        owners = {task.pk: task.project_id for task in world.tasks}
        for number in range(total):
            job = self.jobs[number * len(self.jobs) // total]
            yield LedgerEntry(
                project_id=owners[job.task_id],
                purpose="optimize",
                subject=job.public_id,
                role=("student", "judge", "teacher", "analyst")[number % 4],
                model="models/demo",
                input_tokens=400,
                output_tokens=20,
                cost_usd=Decimal("0.000440"),
                at=world.moment(number / total / PARTS),
            )

    def audit_entry(self) -> Iterator[AuditEntry]:
        world, total = self.world, self.world.sizes.audit // PARTS
        for number in range(total):
            task = world.pick()
            yield AuditEntry(
                project_id=task.project_id,
                at=world.moment(number / total / PARTS),
                actor=f"user:person{number % 30}",
                action=("kaizen.prompt.tag_moved", "kaizen.job.queued")[number % 2],
                object_type=("task", "job")[number % 2],
                object_id=str(task.public_id),
                data={"before": number, "after": number + 1},
                reason="It reads better." if number % 2 == 0 else "",
            )


def _artifact(world: World, number: int) -> PromptArtifact:
    said = " ".join(world.dice.choice(world.texts) for _ in range(8))
    demos = (Demo({"text": world.text()}, {"label": "billing"}),) * 3
    return PromptArtifact(
        system=f"Way {number} to name the label. {said}",
        user_template="{{text}}",
        inputs=(InputField("text"),),
        outputs=(OutputField("label", enum=LABELS),),
        demos=demos,
    )


def _evidence(measured: str, parent: PromptVersion, student: str) -> dict[str, Any]:
    means = {"before": {"mean": 0.5, "n": 48}, "after": {"mean": 0.7, "n": 48}}
    sure = {"low": 0.1, "high": 0.3, "level": 0.94, "p": 1e-5, "alpha": 0.03}
    counts = {"n": 48, "fixed": 16, "broken": 2, "look": 1, "rows_needed": [50, 90]}
    return {
        "artifact_hash": measured,
        "parent": str(parent.public_id),
        "student": student,
        "dev": means,
        "holdout": {**means, **sure, **counts, "gain": 0.2},
        "calls": 1421,
        "cost_usd": "0.117",
    }


def _job(number: int, task: int, versions: list[PromptVersion], *, is_live: bool) -> Job:
    seed, result = versions[number % len(versions)], versions[-1]
    ended = JobState.FAILED if number % 9 == 0 else JobState.SUCCEEDED
    return Job(
        id=number + 1,
        task_id=task,
        state=(JobState.RUNNING if is_live else ended).value,
        stop_reason="" if is_live else StopReason.FINISHED.value,
        verdict=Verdict.NONE.value if is_live else result.verdict,
        optimizer="bootstrap",
        seed_version_id=seed.pk,
        result_version_id=None if is_live else result.pk,
        progress=40 if is_live else 100,
        spent_usd=Decimal("0.12"),
        calls=1421,
        baseline_metric=0.5,
        current_best_metric=0.7,
        result={} if is_live else {"evidence": result.evidence},
    )
