"""What a job measured beside the verdict, as gates, which follow from its evidence alone."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from statistics import fmean, median
from typing import Any

from django.urls import reverse

from kaizen_engine.evaluate.segments import Segment
from kaizen_engine.llm.roles import STUDENT
from kaizen_engine.optimize.outcome import EvaluationEvent, GuardReport, JobOutcome
from llm_app.models import CallRecord
from optimization_app.config import JobConfig
from optimization_app.models import Job
from optimization_app.services.judge_gate import judge_check
from prompts_app.gates import Check, Gate, check_that, failed, not_applicable, passed

SIDES = ("baseline", "winner")
COMPARED = ("test", "dev")
# Below this the clock says more about the machine than about the model.
SHORTEST_MS = 20


def guards_of(job: Job, outcome: JobOutcome) -> dict[str, Any]:
    """Return, for the evidence, what became of the rows that may not be lost, and of a call."""
    found = outcome.guards
    return {
        "protected": {"examples": _keys(found.protected), "broken": _keys(found.broken)},
        "red_team": _red_team(found),
        "segments": [asdict(segment) for segment in found.segments],
        "call": _call(job, {event.label: event for event in outcome.evaluations}),
    }


def measured_gates(job: Job, evidence: Mapping[str, Any]) -> list[Check]:
    """Return a check for everything in the evidence that a gate is about."""
    guards = evidence.get("guards")
    if guards is None:
        return []
    place = {"project": job.task.project.slug, "task": job.task.slug}
    link = reverse("jobs:job", kwargs={"project": place["project"], "job_id": job.public_id})
    checks = [
        judge_check(evidence.get("judge")),
        *_protected(guards["protected"]),
        *_red_team_check(guards["red_team"]),
        _segments(guards["segments"]),
        *_bounds(guards["call"]),
    ]
    links = {Gate.JUDGE.value: reverse("labelling:task", kwargs=place)}
    return [
        Check(one.name, one.outcome, one.reason, one.figure, links.get(one.name, link))
        for one in checks
    ]


def _keys(ids: Iterable[str]) -> list[int]:
    return [int(example_id) for example_id in ids]


def _red_team(found: GuardReport) -> dict[str, Any] | None:
    if found.red_team is None:
        return None
    figures = asdict(found.red_team)
    return {
        **figures,
        "fallen": _keys(found.red_team.fallen),
        "examples": _keys(found.red_team_ids),
        "is_worse": found.red_team.is_worse,
    }


def _call(job: Job, events: Mapping[str, EvaluationEvent]) -> dict[str, Any]:
    """Compare cost and time of a call over the rows that both prompts answered."""
    calls = {
        messages: (float(cost), latency)
        for messages, cost, latency in CallRecord.objects.filter(
            subject=job.public_id, role=STUDENT, model=JobConfig.from_json(job.config).student
        ).values_list("messages_hash", "cost_usd", "latency_ms")
    }
    for split in COMPARED:
        before, after = (_calls(events.get(f"{side}_{split}"), calls) for side in SIDES)
        shared = sorted(before.keys() & after.keys())
        if shared:
            pairs = [[before[key] for key in shared], [after[key] for key in shared]]
            costs, times = ([[one[part] for one in side] for side in pairs] for part in (0, 1))
            return {
                "rows": len(shared),
                "cost_usd": [fmean(side) for side in costs],
                "latency_ms": [float(median(side)) for side in times],
            }
    return {}


def _calls(
    event: EvaluationEvent | None, calls: Mapping[str, tuple[float, int]]
) -> dict[str, tuple[float, int]]:
    rows = event.rows if event else ()
    return {row.example_id: calls[row.messages_hash] for row in rows if row.messages_hash in calls}


def _protected(found: Mapping[str, Any]) -> list[Check]:
    examples, broken = found["examples"], found["broken"]
    if not examples:
        return []
    return [
        check_that(
            Gate.PROTECTED,
            not broken,
            f"None of {len(examples)} is broken.",
            f"{len(broken)} of {len(examples)} protected examples broke",
            examples=examples,
            broken=broken,
        )
    ]


def _red_team_check(found: Mapping[str, Any] | None) -> list[Check]:
    if found is None:
        return []
    figure = {name: found[name] for name in ("examples", "fallen", "gain", "p", "alpha", "n")}
    if found["fallen"]:
        words = f"{len(found['fallen'])} of {found['n']} red-team rows fell in every round"
        return [failed(Gate.RED_TEAM, words, **figure)]
    worse = f"the red-team rows are worse on the whole, by {-100 * found['gain']:.1f} points"
    held = f"{found['n']} rows, three answers each: none fell."
    return [check_that(Gate.RED_TEAM, not found["is_worse"], held, worse, **figure)]


def _segments(found: list[Mapping[str, Any]]) -> Check:
    if not found:
        return not_applicable(Gate.SEGMENTS, "No two kinds of input have 15 rows each.")
    worse = [Segment(**one) for one in found if one["is_worse"]]
    words = ", ".join(f"{one.kind} {one.value}: {100 * one.gain:+.1f} points" for one in worse)
    return check_that(
        Gate.SEGMENTS,
        not worse,
        f"{len(found)} kinds of input, none significantly worse.",
        f"some kinds of input got worse ({words})",
        segments=list(found),
    )


def _bounds(found: Mapping[str, Any]) -> list[Check]:
    """Return the ratios; whether they are within the task's bounds is asked when it matters."""
    if not found:
        return []
    cost, latency = found["cost_usd"], found["latency_ms"]
    return [
        _ratio(Gate.COST, cost, "${:.6f} a call, and ${:.6f} now", is_measurable=cost[0] > 0),
        _ratio(
            Gate.LATENCY,
            latency,
            "{:.0f} ms a call, and {:.0f} ms now",
            is_measurable=latency[0] >= SHORTEST_MS,
        ),
    ]


def _ratio(gate: Gate, pair: list[float], words: str, *, is_measurable: bool) -> Check:
    before, after = pair
    reason = words.format(after, before)
    if not is_measurable:
        return not_applicable(gate, f"{reason[:1].upper()}{reason[1:]}: too little to compare.")
    return passed(gate, f"{reason}.", before=before, after=after, ratio=after / before)
