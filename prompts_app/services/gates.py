"""Gates: one row a condition, and what has to hold before evidence may move a tag.

Evidence is frozen in the version as `{"artifact_hash": …, "parent": <public id of the version it
was compared with>, "student": …, …}`; without `parent`, the version's parents stand for it.
"""

from typing import Any, NamedTuple

from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import Verdict
from prompts_app.models import GateOutcome, GateResult, PromptVersion
from prompts_app.selectors import PROMOTION

PASSING = frozenset({Verdict.CONFIRMED.value, Verdict.LIKELY.value})
EVIDENCE_HASH = "evidence_hash"
OVERRIDE = "override"


class Objection(NamedTuple):
    """Why evidence does not carry a version to production; `code` is what the API answers."""

    code: str
    message: str


def gate_record(
    *,
    version: PromptVersion,
    name: str,
    outcome: GateOutcome,
    figure: dict[str, Any] | None = None,
    reason: str = "",
    actor_label: str = "system",
) -> GateResult:
    """Add a gate's result; of several under one name the latest counts."""
    return GateResult.objects.create(
        version=version,
        name=name,
        outcome=outcome.value,
        figure=figure or {},
        reason=reason,
        actor=actor_label,
    )


def evidence_hash_recorded(version: PromptVersion) -> GateResult:
    """Record whether the evidence was measured on exactly this artifact."""
    measured = version.evidence.get("artifact_hash", "")
    outcome = GateOutcome.PASSED if measured == version.hash else GateOutcome.FAILED
    figure = {"measured": measured, "artifact": version.hash}
    return gate_record(version=version, name=EVIDENCE_HASH, outcome=outcome, figure=figure)


def evidence_objections(version: PromptVersion, live: PromptVersion | None) -> list[Objection]:
    """Return everything that speaks against the basis `evidence`; empty means that it holds."""
    found = []
    if version.verdict not in PASSING:
        found.append(Objection("no_evidence", f"the verdict is {version.verdict}"))
    found.extend(
        Objection("gate_failed", f"the gate {gate.name} failed") for gate in failed_gates(version)
    )
    if not _is_measured_on_this_text(version):
        found.append(Objection("evidence_mismatch", "the evidence is for another text"))
    if not _is_against(version, live):
        message = "what is live now is not what the evidence was measured against"
        found.append(Objection("evidence_stale", message))
    if version.evidence.get("student", version.task.student) != version.task.student:
        found.append(Objection("evidence_stale", "the evidence is for another model"))
    return found


def failed_gates(version: PromptVersion) -> list[GateResult]:
    latest = {gate.name: gate for gate in version.gates.exclude(name=PROMOTION).order_by("id")}
    return [gate for gate in latest.values() if gate.outcome == GateOutcome.FAILED]


def _is_measured_on_this_text(version: PromptVersion) -> bool:
    actual = PromptArtifact.from_dict(version.artifact).hash
    return bool(version.evidence.get("artifact_hash") == version.hash == actual)


def _is_against(version: PromptVersion, live: PromptVersion | None) -> bool:
    if live is None:
        return False
    named = version.evidence.get("parent")
    if named:
        return bool(named == str(live.public_id))
    return version.parents.filter(pk=live.pk).exists()
