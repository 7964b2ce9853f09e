"""The checks between a version and production: their names, and what one of them found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from prompts_app.models import GateOutcome


class Gate(StrEnum):
    """In the order in which a person reads them."""

    EVIDENCE = "evidence"
    EVIDENCE_HASH = "evidence_hash"
    FRESHNESS = "fresh_evidence"
    REAL_MODEL = "real_model"
    JUDGE = "judge_passport"
    PROTECTED = "protected_examples"
    RED_TEAM = "red_team"
    SEGMENTS = "segments"
    LOCKED = "locked_text"
    VARIABLES = "variables"
    LENGTH = "length"
    COPIED = "copied_examples"
    COST = "cost"
    LATENCY = "latency"


LABELS: Mapping[str, str] = {
    Gate.EVIDENCE: "Better than what it replaces",
    Gate.EVIDENCE_HASH: "Measured on this exact text",
    Gate.FRESHNESS: "Measured against what is live now",
    Gate.REAL_MODEL: "Measured with the real model",
    Gate.JUDGE: "The judge agrees with people",
    Gate.PROTECTED: "Protected examples",
    Gate.RED_TEAM: "Red-team rows",
    Gate.SEGMENTS: "No group of inputs got worse",
    Gate.LOCKED: "Locked sections are kept",
    Gate.VARIABLES: "All variables are kept",
    Gate.LENGTH: "Length of the instruction",
    Gate.COPIED: "No example is copied into the instruction",
    Gate.COST: "Cost of a call",
    Gate.LATENCY: "Time of a call",
    "promotion": "Went live",
    "override": "Approved without the evidence",
}
# What only a run can measure; all others are found in what is stored, whenever they are asked for.
MEASURED = (Gate.JUDGE, Gate.PROTECTED, Gate.RED_TEAM, Gate.SEGMENTS, Gate.COST, Gate.LATENCY)
# Found when the version was made, since it takes reading every example.
FOUND_ONCE = (Gate.COPIED,)


@dataclass(frozen=True)
class Check:
    """What one gate says of a version now; `reason` is for people, `code` what the API answers."""

    name: str
    outcome: GateOutcome
    reason: str = ""
    figure: Mapping[str, Any] = field(default_factory=dict)
    link: str = ""
    code: str = "gate_failed"

    @property
    def title(self) -> str:
        return LABELS.get(self.name, self.name.replace("_", " "))

    @property
    def is_failed(self) -> bool:
        return self.outcome == GateOutcome.FAILED


def passed(name: str, reason: str = "", **figure: Any) -> Check:
    return Check(name, GateOutcome.PASSED, reason, figure)


def failed(name: str, reason: str, code: str = "gate_failed", **figure: Any) -> Check:
    return Check(name, GateOutcome.FAILED, reason, figure, code=code)


def not_applicable(name: str, reason: str = "") -> Check:
    return Check(name, GateOutcome.NOT_APPLICABLE, reason)


def check_that(name: str, holds: bool, reason: str, otherwise: str, **figure: Any) -> Check:
    """Return the passed check with `reason`, or the failed one with `otherwise`."""
    return passed(name, reason, **figure) if holds else failed(name, otherwise, **figure)
