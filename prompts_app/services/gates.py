"""Gates: one row a condition, and what speaks against moving a tag on evidence.

Evidence is `{"artifact_hash": …, "parent": <public id of the version it was compared with>,
"student": …, "student_kind": …, …}`; without `parent`, the version's parents stand for it. What a
version was made with is frozen in it; a later run adds to that, and the latest counts.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from kaizen_engine.states import Verdict
from prompts_app.gates import Check
from prompts_app.models import GateOutcome, GateResult, PromptVersion, VersionEvidence
from prompts_app.selectors import live_version
from prompts_app.services.checks import gate_checks, latest_rows


class Objection(NamedTuple):
    """Why evidence does not carry a version to production; `code` is what the API answers."""

    code: str
    message: str
    gate: str = ""


def evidence_add(
    *,
    version: PromptVersion,
    verdict: Verdict,
    summary: Mapping[str, Any],
    job: UUID,
    checks: Iterable[Check] = (),
) -> None:
    """Add what a run found of a version that exists already, with its gates; once a run."""
    facts = {"version": version, "verdict": verdict.value, "summary": dict(summary)}
    with transaction.atomic():
        _, is_new = VersionEvidence.objects.get_or_create(job=job, defaults=facts)
        if is_new:
            gates_record(version, checks)
            gates_found(version)


def gate_record(
    *,
    version: PromptVersion,
    name: str,
    outcome: GateOutcome,
    figure: Mapping[str, Any] | None = None,
    reason: str = "",
    link: str = "",
    actor_label: str = "system",
) -> GateResult:
    """Add a gate's result; of several under one name the latest counts."""
    return GateResult.objects.create(
        version=version,
        name=name,
        outcome=outcome.value,
        figure=dict(figure or {}),
        reason=reason,
        link=link,
        actor=actor_label,
    )


def gates_record(version: PromptVersion, checks: Iterable[Check]) -> None:
    """Add what was found, where that is news."""
    known = {row.name: row for row in latest_rows(version)}
    for check in checks:
        row = known.get(check.name)
        if row and _same(row, check):
            continue
        gate_record(
            version=version,
            name=check.name,
            outcome=check.outcome,
            figure=check.figure,
            reason=check.reason,
            link=check.link,
        )


def gates_found(version: PromptVersion) -> None:
    """Record every gate as it stands, such as when a version was made or goes live."""
    gates_record(version, gate_checks(version, live_version(version.task)))


def evidence_objections(version: PromptVersion, live: PromptVersion | None) -> list[Objection]:
    """Return everything that speaks against the basis `evidence`; empty means that it holds."""
    failing = [check for check in gate_checks(version, live) if check.is_failed]
    return [Objection(check.code, check.reason, check.name) for check in failing]


def _same(row: GateResult, check: Check) -> bool:
    return (row.outcome, row.reason, row.figure) == (
        check.outcome.value,
        check.reason,
        dict(check.figure),
    )
