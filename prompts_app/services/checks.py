"""What each gate says of a version: from its evidence, its text and the task as they are now.

A gate that only a run can measure is read from its row, and fails where more has to be measured
than that run did.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from feedback_app.models import Example
from kaizen_engine.evaluate.spec import evaluator_hash
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import Split, Verdict
from llm_app.models import ConnectionKind
from llm_app.selectors import kind_behind
from prompts_app.gates import (
    FOUND_ONCE,
    MEASURED,
    Check,
    Gate,
    check_that,
    failed,
    not_applicable,
    passed,
)
from prompts_app.models import GateOutcome, GateResult, PromptVersion
from prompts_app.selectors import PROMOTION
from prompts_app.services.text_gates import copied_check, text_checks

PASSING = frozenset({Verdict.CONFIRMED.value, Verdict.LIKELY.value})
OVERRIDE = "override"
EVENTS = (PROMOTION, OVERRIDE)
AGAIN = "evaluate this version again"


class Measured(NamedTuple):
    """The evidence that counts now."""

    verdict: str
    summary: Mapping[str, Any]


def measured(version: PromptVersion) -> Measured:
    later = sorted(version.later_evidence.all(), key=lambda row: row.pk)
    if later:
        return Measured(later[-1].verdict, later[-1].summary)
    return Measured(version.verdict, version.evidence)


def gate_checks(version: PromptVersion, live: PromptVersion | None) -> list[Check]:
    """Return what every gate says now of putting `version` in the place of `live`."""
    rows = {row.name: row for row in latest_rows(version)}
    found = measured(version)
    checks = [
        _evidence(found),
        _evidence_hash(version, found.summary),
        _freshness(version, found.summary, live),
        _real_model(version, found.summary),
        *(_as_measured(gate, rows.get(gate), version) for gate in (*MEASURED, *FOUND_ONCE)),
        *text_checks(version, live if live and live != version else _parent(version)),
    ]
    own = {check.name for check in checks}
    checks += [_as_recorded(row) for name, row in rows.items() if name not in own]
    order = {gate.value: place for place, gate in enumerate(Gate)}
    return sorted(checks, key=lambda check: order.get(check.name, len(order)))


def latest_rows(version: PromptVersion) -> list[GateResult]:
    """Return the latest row of each gate; moves of a tag and overrides are no gates."""
    rows = version.gates.exclude(name__in=EVENTS).order_by("id")
    return list({row.name: row for row in rows}.values())


def _parent(version: PromptVersion) -> PromptVersion | None:
    return version.parents.order_by("-id").first()


def _as_recorded(row: GateResult) -> Check:
    outcome = GateOutcome(row.outcome)
    reason = row.reason
    if outcome == GateOutcome.FAILED and not reason:
        reason = f"the check {row.name} failed"
    return Check(row.name, outcome, reason, row.figure, row.link)


def _evidence(found: Measured) -> Check:
    words = found.verdict.replace("_", " ")
    if found.verdict == Verdict.NONE:
        reason = f"it was not measured against what is live: {AGAIN}"
        return failed(Gate.EVIDENCE, reason, "no_evidence", verdict=found.verdict)
    return Check(
        Gate.EVIDENCE,
        GateOutcome.PASSED if found.verdict in PASSING else GateOutcome.FAILED,
        f"the verdict is “{words}”",
        {"verdict": found.verdict},
        code="no_evidence",
    )


def _evidence_hash(version: PromptVersion, summary: Mapping[str, Any]) -> Check:
    actual = PromptArtifact.from_dict(version.artifact).hash
    found = summary.get("artifact_hash")
    if not summary:
        return not_applicable(Gate.EVIDENCE_HASH, "There is no evidence.")
    if found == version.hash == actual:
        reason = f"the evidence names the same text, {actual[:12]}"
        return passed(Gate.EVIDENCE_HASH, reason, artifact=actual)
    reason = f"the evidence is for another text: {AGAIN}"
    return failed(Gate.EVIDENCE_HASH, reason, "evidence_mismatch", measured=found, artifact=actual)


def _freshness(
    version: PromptVersion, summary: Mapping[str, Any], live: PromptVersion | None
) -> Check:
    if not summary:
        return not_applicable(Gate.FRESHNESS, "There is no evidence.")
    problems = []
    if live != version and not _is_against(version, summary, live):
        problems.append("what is live now is not what the evidence was measured against")
    task = version.task
    if summary.get("student", task.student) != task.student:
        now = task.student or "none"
        problems.append(f"the model was {summary['student']} and is {now} now")
    if summary.get("evaluator_hash") not in (None, evaluator_hash(task.evaluator)):
        problems.append("the evaluator was another one")
    if problems:
        return failed(Gate.FRESHNESS, f"{'; '.join(problems)}: {AGAIN}", "evidence_stale")
    return passed(Gate.FRESHNESS, "Neither what is live nor model or evaluator changed since.")


def _is_against(
    version: PromptVersion, summary: Mapping[str, Any], live: PromptVersion | None
) -> bool:
    if live is None:
        return False
    named = summary.get("parent")
    if named:
        return bool(named == str(live.public_id))
    return version.parents.filter(pk=live.pk).exists()


def _real_model(version: PromptVersion, summary: Mapping[str, Any]) -> Check:
    """Refuse what only the demo model vouches for, where a real one would run it."""
    task = version.task
    served_by = task.student_connection.kind if task.student_connection else ""
    if served_by in ("", ConnectionKind.DEMO):
        return not_applicable(Gate.REAL_MODEL, "The task runs on the demo model, or on none yet.")
    made_with = summary.get("student") or version.artifact.get("model", "")
    kind = summary.get("student_kind") or kind_behind(task.project_id, made_with)
    if kind != ConnectionKind.DEMO:
        return passed(Gate.REAL_MODEL)
    reason = f"the demo model measured it, and {task.student} would run it: {AGAIN}"
    return failed(Gate.REAL_MODEL, reason, "evidence_stale", measured_with=made_with)


def _as_measured(gate: Gate, row: GateResult | None, version: PromptVersion) -> Check:
    """Return what a run found, unless more has to be measured than it did."""
    if row is None and gate in FOUND_ONCE:
        return copied_check(version, _parent(version))
    follows = _FOLLOWED.get(gate)
    recorded = _as_recorded(row) if row else None
    if follows is None:
        return recorded or not_applicable(gate)
    return follows(version, recorded)


def _protected(version: PromptVersion, found: Check | None) -> Check:
    rows = Example.objects.filter(task_id=version.task_id, is_protected=True)
    wanted = set(rows.values_list("pk", flat=True))
    return _rows_covered(Gate.PROTECTED, wanted, found, "protected example")


def _red_team(version: PromptVersion, found: Check | None) -> Check:
    rows = Example.objects.filter(task_id=version.task_id, split=Split.RED_TEAM.value)
    wanted = set(rows.values_list("pk", flat=True))
    return _rows_covered(Gate.RED_TEAM, wanted, found, "red-team row")


def _rows_covered(gate: Gate, wanted: set[int], found: Check | None, word: str) -> Check:
    """Fail while rows of the task were not asked; no such row, and there is nothing to ask."""
    if not wanted:
        return not_applicable(gate, f"The task has no {word}.")
    if found and found.is_failed:
        return found
    missing = len(wanted - set(found.figure.get("examples", ()))) if found else len(wanted)
    if missing:
        were = f"{missing} {word} was" if missing == 1 else f"{missing} {word}s were"
        return failed(gate, f"{were} not tried: {AGAIN}", missing=missing)
    return found or not_applicable(gate)


def _cost(version: PromptVersion, found: Check | None) -> Check:
    return _within(Gate.COST, version.task.max_cost_ratio, found, "costs")


def _latency(version: PromptVersion, found: Check | None) -> Check:
    return _within(Gate.LATENCY, version.task.max_latency_ratio, found, "takes")


def _within(gate: Gate, bound: float | None, found: Check | None, verb: str) -> Check:
    """Hold the measured ratio to the bound that the task has now."""
    ratio = found.figure.get("ratio") if found else None
    if found is None or ratio is None:
        if bound is None or (found and found.outcome == GateOutcome.NOT_APPLICABLE):
            return found or not_applicable(gate, "The task sets no bound.")
        return failed(gate, f"what a call {verb} was not measured: {AGAIN}")
    if bound is None:
        return Check(gate, GateOutcome.NOT_APPLICABLE, found.reason, found.figure, found.link)
    reason = f"a call {verb} {ratio:.2f} times as much as now, and {bound:g} times is the most"
    checked = check_that(gate, ratio <= bound, found.reason, reason, **found.figure)
    return Check(gate, checked.outcome, checked.reason, checked.figure, found.link)


_FOLLOWED: Mapping[Gate, Callable[[PromptVersion, Check | None], Check]] = {
    Gate.PROTECTED: _protected,
    Gate.RED_TEAM: _red_team,
    Gate.COST: _cost,
    Gate.LATENCY: _latency,
}
