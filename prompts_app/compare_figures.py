"""The figures above a comparison, each from the stored evidence: better, how sure, at what price.

Formats stored figures and computes none but differences of two that are shown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from prompts_app.gates import Check
from prompts_app.review_page import luck, money, score_of


@dataclass(frozen=True)
class Tile:
    """A figure with its name, and what a reader needs to weigh it."""

    name: str
    figure: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Regressions:
    """What got worse, by the rows that were asked; `is_known` is false where none were."""

    worse: list[str]
    asked: list[str]

    @property
    def is_known(self) -> bool:
        return bool(self.asked)


def tiles_of(evidence: Mapping[str, Any], checks: Iterable[Check]) -> list[Tile]:
    call = (evidence.get("guards") or {}).get("call") or {}
    return [
        *_score(evidence),
        *_sureness(evidence),
        _ratio("Cost of a call", call.get("cost_usd"), money),
        _ratio("Time of a call", call.get("latency_ms"), lambda ms: f"{ms:,.0f} ms"),
        _checks(list(checks)),
    ]


def regressions_of(evidence: Mapping[str, Any]) -> Regressions:
    """Say what became of the rows that were right before, set by set."""
    worse: list[str] = []
    asked: list[str] = []
    for name, broken, rows in _sets(evidence):
        asked.append(f"{rows:,} {name}")
        if broken:
            worse.append(f"{broken:,} of {rows:,} {name} got worse")
    for segment in (evidence.get("guards") or {}).get("segments") or []:
        if segment["is_worse"]:
            worse.append(f"inputs of the kind {segment['kind']} {segment['value']} got worse")
    return Regressions(worse, asked)


def _sets(evidence: Mapping[str, Any]) -> Iterable[tuple[str, int, int]]:
    holdout, dev = evidence.get("holdout") or {}, evidence.get("dev") or {}
    if holdout.get("n"):
        yield "held-out rows", holdout["broken"], holdout["n"]
    if dev.get("after") and "broken" in evidence:
        yield "dev rows", len(evidence["broken"]), dev["after"]["n"]
    reported = evidence.get("reported") or {}
    if reported.get("n"):
        yield "reported cases", reported["broken"], reported["n"]
    guards = evidence.get("guards") or {}
    protected, red_team = guards.get("protected") or {}, guards.get("red_team") or {}
    if protected.get("examples"):
        yield "protected examples", len(protected["broken"]), len(protected["examples"])
    if red_team.get("n"):
        yield "red-team rows", len(red_team["fallen"]), red_team["n"]


def _score(evidence: Mapping[str, Any]) -> list[Tile]:
    score = score_of(evidence)
    if score is None:
        return [Tile("Score", "not measured", "Nobody has scored these two on the same rows yet.")]
    tiles = [Tile("Score", score.both, score.title)]
    if score.gain:
        tiles.append(Tile("Gain", score.gain, score.interval, _side_of_zero(evidence)))
    return tiles


def _side_of_zero(evidence: Mapping[str, Any]) -> str:
    """Colour a gain only where its whole interval agrees."""
    found = evidence.get("holdout") or (evidence.get("dev") or {}).get("corrected") or {}
    return "is-good" if found.get("low", 0) > 0 else "is-bad" if found.get("high", 0) < 0 else ""


def _sureness(evidence: Mapping[str, Any]) -> list[Tile]:
    holdout, corrected = evidence.get("holdout"), (evidence.get("dev") or {}).get("corrected")
    if holdout:
        note = f"{holdout['n']:,} rows; needed: below {holdout['alpha']:.2g}"
        return [Tile("Chance of luck (p)", luck(holdout["p"]), note)]
    if corrected:
        note = f"{corrected['discordant']:,} of them differ; no hold-out was read"
        return [Tile("Deciding dev rows", f"{corrected['n']:,}", note)]
    return []


def _ratio(name: str, pair: Any, spell: Any) -> Tile:
    if not pair:
        return Tile(name, "not measured")
    before, after = pair
    if not before:
        return Tile(name, spell(_exact(after)), f"{spell(_exact(before))} before")
    share = after / before - 1
    note = f"{spell(_exact(before))} → {spell(_exact(after))}"
    return Tile(name, f"{share:+.1%}" if abs(share) >= 0.0005 else "the same", note)


def _exact(value: float) -> Decimal:
    return Decimal(str(value))


def _checks(checks: list[Check]) -> Tile:
    asked = [check for check in checks if check.outcome.value != "not_applicable"]
    failed = [check.title for check in asked if check.is_failed]
    figure = f"{len(asked) - len(failed)} of {len(asked)} passed"
    note = f"Failed: {', '.join(failed)}" if failed else ""
    return Tile("Checks", figure, note, "is-bad" if failed else "is-good")
