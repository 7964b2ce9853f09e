"""The run bundle: one file that says all about a finished job and lets anybody run it again.

`kaizen.run/1` is a zip of job.json (what, why, with what, and what came of it), spec.json,
rows.jsonl, candidates.jsonl, scores.jsonl and calls.jsonl. It holds hold-out rows: read by a
person who then writes prompts, they are no hold-out any more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from kaizen_engine.data.bundle import BundleRefused, bundle_pack, bundle_unpack, read_json
from kaizen_engine.errors import KaizenError
from kaizen_engine.optimize.record import rows_to_json, spec_from_json, spec_to_json
from kaizen_engine.prompts.artifact import canonical_json
from kaizen_engine.states import Split, StopReason
from llm_app.journal import response_from_json
from llm_app.models import CallRecord, ModelPrice
from optimization_app.config import JobConfig
from optimization_app.models import EvaluationRow, Job, Trial
from optimization_app.services.recording import Recording, recording_of
from projects_app.actors import Actor
from projects_app.models import Role, Scope
from projects_app.services.audit import audit_record

FORMAT = "kaizen.run/1"
FILES = frozenset(
    {"job.json", "spec.json", "rows.jsonl", "candidates.jsonl", "scores.jsonl", "calls.jsonl"}
)
CANDIDATE = ("number", "score", "rows", "is_full", "is_best", "artifact_hash", "artifact")
SCORE = (
    *("label", "example_id", "artifact_hash", "messages_hash", "score", "output", "text"),
    *("parse_error", "parts", "reasons", "votes"),
)
CALL = (
    *("role", "request_hash", "occurrence", "model", "messages_hash", "response", "cost_usd"),
    *("latency_ms", "tries"),
)


@dataclass(frozen=True)
class RunBundle:
    """`sha256` names the content and is what an importer checks against."""

    media_type: ClassVar[str] = "application/zip"

    name: str
    content: bytes
    sha256: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Disposition": f'attachment; filename="{self.name}"'}


def run_export(*, actor: Actor, job: Job) -> RunBundle:
    """Return the job's bundle, the same bytes each time; raises Conflict where there is none."""
    actor.require(role=Role.EDITOR, scope=Scope.OPTIMIZE_TRIGGER, project_id=job.task.project_id)
    recording = recording_of(job)
    content, sha256 = bundle_pack(FORMAT, _files(job, recording))
    audit_record(actor=actor, action="kaizen.job.exported", subject=job, sha256=sha256)
    return RunBundle(f"kaizen-run-{job.public_id}.zip", content, sha256)


def recording_from(content: bytes, *, sha256: str = "") -> tuple[Recording, str]:
    """Return what a bundle recorded, and its SHA-256. Raises BundleRefused."""
    bundle = bundle_unpack(FORMAT, content, FILES)
    if sha256 and sha256.lower() != bundle.sha256:
        message = f"the bundle's SHA-256 is {bundle.sha256}, not the one that was asked for"
        raise BundleRefused(message)
    try:
        return _recording(bundle.files), bundle.sha256
    except (KeyError, TypeError, ValueError, AttributeError, KaizenError) as error:
        if isinstance(error, BundleRefused):
            raise
        raise BundleRefused(f"the bundle cannot be understood: {error}") from error


def _files(job: Job, recording: Recording) -> dict[str, bytes]:
    rows = EvaluationRow.objects.filter(job=job).order_by("label", "example_id")
    calls = CallRecord.objects.filter(subject=job.public_id)
    calls = calls.order_by("role", "request_hash", "occurrence")
    return {
        "job.json": _json(_job(job, recording)),
        "spec.json": _json(spec_to_json(recording.spec)),
        "rows.jsonl": _lines(
            row | {"public_id": recording.public_ids.get(row["id"], "")}
            for row in rows_to_json(recording.spec)
        ),
        "candidates.jsonl": _lines(
            Trial.objects.filter(job=job).order_by("number").values(*CANDIDATE)
        ),
        "scores.jsonl": _lines(
            row | {"example_id": str(row["example_id"])} for row in rows.values(*SCORE).iterator()
        ),
        "calls.jsonl": _lines(
            call | {"cost_usd": f"{call['cost_usd']:f}"} for call in calls.values(*CALL).iterator()
        ),
    }


def _job(job: Job, recording: Recording) -> dict[str, Any]:
    config = JobConfig.from_json(job.config)
    return {
        "job": str(job.public_id),
        "kind": job.kind,
        "project": job.task.project.slug,
        "task": job.task.slug,
        "state": job.state,
        "stop_reason": job.stop_reason,
        "verdict": job.verdict,
        "trigger": job.trigger,
        "attempts": job.attempts,
        "created_at": _time(job.created_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "config": config.to_json(),
        "seed": job.seed,
        "seed_version": _version(job.seed_version),
        "result_version": _version(job.result_version),
        "models": list(recording.models),
        "prices": _prices(job, recording.models),
        "spent": {
            "usd": f"{job.spent_usd:f}",
            "tokens": job.spent_tokens,
            "calls": job.calls,
        },
        "budget_usd": f"{job.budget_usd:f}",
        "data": {"sha256": recording.rows_hash, "splits": _splits(recording)},
        "libraries": recording.evidence.get("versions", {}),
        "evidence": recording.evidence,
        "artifact": recording.artifact,
    }


def _version(version: Any) -> dict[str, Any] | None:
    if version is None:
        return None
    return {"id": str(version.public_id), "number": version.number, "hash": version.hash}


def _prices(job: Job, models: Iterable[str]) -> list[dict[str, str]]:
    """Return the prices as they are known now; what each call cost is in calls.jsonl."""
    known = ModelPrice.objects.select_related("connection").filter(
        connection__project_id=job.task.project_id
    )
    prices = {f"{price.connection.slug}/{price.model}": price for price in known}
    return [
        {
            "model": name,
            "input_usd_per_mtok": f"{prices[name].input_usd_per_mtok:f}",
            "output_usd_per_mtok": f"{prices[name].output_usd_per_mtok:f}",
            "source": prices[name].source,
            "read_at": _time(prices[name].read_at) or "",
        }
        for name in models
        if name in prices
    ]


def _splits(recording: Recording) -> dict[str, list[str]]:
    rows = recording.spec.examples
    return {
        split.value: [recording.public_ids.get(row.id, "") for row in rows if row.split is split]
        for split in Split
    }


def _recording(files: Mapping[str, bytes]) -> Recording:
    job = read_json(files["job.json"], "job.json")
    rows = _read_lines(files, "rows.jsonl")
    return Recording(
        job=str(job["job"]),
        stop_reason=StopReason(job["stop_reason"]),
        models=tuple(job["models"]),
        spec=spec_from_json(read_json(files["spec.json"], "spec.json"), rows),
        public_ids={row["id"]: row["public_id"] for row in rows},
        evidence=dict(job["evidence"]),
        artifact=job["artifact"],
        answers={
            (call["role"], call["request_hash"], call["occurrence"]): response_from_json(
                call["response"]
            )
            for call in _read_lines(files, "calls.jsonl")
        },
        scores={
            (row["label"], row["example_id"]): (
                *(row["score"], row["messages_hash"], row["artifact_hash"]),
            )
            for row in _read_lines(files, "scores.jsonl")
        },
        trials={
            (trial["number"],): (trial["score"], trial["rows"], trial["artifact_hash"])
            for trial in _read_lines(files, "candidates.jsonl")
        },
    )


def _json(value: Any) -> bytes:
    return canonical_json(value).encode() + b"\n"


def _lines(values: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(_json(dict(value)) for value in values)


def _read_lines(files: Mapping[str, bytes], name: str) -> list[Any]:
    return [read_json(line, name) for line in files[name].splitlines()]


def _time(moment: Any) -> str | None:
    return moment.isoformat() if moment else None
