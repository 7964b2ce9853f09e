"""All that a person needs on one page to decide on a version: evidence, changes, rights.

Formats stored figures and computes none: the page cannot say anything that the evidence does not.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from feedback_app.row_words import Usage, usage_of
from kaizen_engine.evaluate.verdict import FRESH_ROWS
from kaizen_engine.states import ReviewState, Verdict
from prompts_app.demo_diff import DemoLine, demo_lines
from prompts_app.diff_rows import TextDiff, text_diffs
from prompts_app.gates import LABELS, Check, Gate, not_applicable
from prompts_app.models import GateResult, PromptVersion, PullRequest
from prompts_app.selectors import PRODUCTION, PROMOTION, live_version, was_live
from prompts_app.services.checks import EVENTS, gate_checks, measured

TONES: Mapping[str, str] = {
    Verdict.CONFIRMED: "is-good",
    Verdict.LIKELY: "is-good",
    Verdict.BETTER_ON_REPORTED: "is-open",
    Verdict.NOT_ENOUGH_EVIDENCE: "is-open",
    Verdict.EQUAL: "is-bad",
    Verdict.WORSE: "is-bad",
}
SENTENCES: Mapping[str, str] = {
    Verdict.CONFIRMED: "Confirmed: better on held-out rows that the search never saw.",
    Verdict.LIKELY: "Likely better, by the rows that chose it, corrected for the choosing.",
    Verdict.BETTER_ON_REPORTED: "Better on reported cases only: effect on all traffic unknown.",
    Verdict.NOT_ENOUGH_EVIDENCE: "Not enough evidence that this version is better.",
    Verdict.EQUAL: "As good as what it was compared with.",
    Verdict.WORSE: "Worse than what it was compared with.",
    Verdict.NONE: "This version was not measured against another.",
}


@dataclass(frozen=True)
class Score:
    """The deciding figures: shares of 100, and the gain in points with its interval."""

    title: str
    before: float
    after: float
    gain: str = ""
    interval: str = ""

    @property
    def both(self) -> str:
        return f"{self.before:.1%} → {self.after:.1%}"

    @property
    def bars(self) -> list[tuple[str, str, str]]:
        """Return name, percent as text, and length of a bar of 100."""
        sides = (("Before", self.before), ("After", self.after))
        return [(name, f"{mean:.1%}", f"{mean * 100:.1f}") for name, mean in sides]


@dataclass(frozen=True)
class ReviewPage:
    version: PromptVersion
    live: PromptVersion | None
    compared: PromptVersion | None
    tone: str
    sentence: str
    standing: str
    score: Score | None
    facts: list[tuple[str, str]]
    diffs: list[TextDiff]
    demos: list[DemoLine]
    checks: list[Check]
    history: list[tuple[str, GateResult]]
    pulls: list[PullRequest]
    objections: list[str]
    usage: Usage | None
    job: str

    @property
    def changed_demos(self) -> list[DemoLine]:
        return [demo for demo in self.demos if demo.op != "kept"]

    @property
    def kept_demos(self) -> list[DemoLine]:
        return [demo for demo in self.demos if demo.op == "kept"]

    @property
    def is_live(self) -> bool:
        return self.live is not None and self.live.pk == self.version.pk

    @property
    def is_open(self) -> bool:
        return self.version.review_state in {ReviewState.DRAFT, ReviewState.IN_REVIEW}

    @property
    def may_roll_back(self) -> bool:
        return not self.is_live and was_live(self.version.task, PRODUCTION, self.version)


def review_page(version: PromptVersion, against: PromptVersion | None = None) -> ReviewPage:
    """Gather what there is on a version; its text is compared with `against`, else its parent."""
    live = live_version(version.task, PRODUCTION)
    compared = against or version.parents.order_by("-id").first()
    before = compared.artifact if compared else {}
    events = list(version.gates.filter(name__in=EVENTS).order_by("id"))
    found = measured(version)
    checks = gate_checks(version, live)
    return ReviewPage(
        version=version,
        live=live,
        compared=compared,
        tone=TONES.get(found.verdict, ""),
        sentence=SENTENCES[found.verdict],
        standing=standing(version, is_live=live == version, gates=events),
        score=score_of(found.summary),
        usage=usage_of(found.summary),
        job=str(found.summary.get("job") or version.origin_job or ""),
        facts=evidence_facts(found.summary),
        diffs=text_diffs(before, version.artifact),
        demos=demo_lines(before.get("demos", []), version.artifact["demos"], is_first=not compared),
        checks=as_shown(checks, version, live),
        history=[(LABELS[event.name], event) for event in events],
        pulls=list(version.pulls.select_related("repository")),
        objections=[check.reason for check in checks if check.is_failed],
    )


def as_shown(
    checks: list[Check], version: PromptVersion, live: PromptVersion | None
) -> list[Check]:
    """Return the checks for a reader: what is live is not about to replace anything."""
    if version != live:
        return checks
    return [_settled(check) if check.name == Gate.EVIDENCE else check for check in checks]


def _settled(check: Check) -> Check:
    if not check.is_failed:
        return check
    is_unmeasured = check.figure["verdict"] == Verdict.NONE
    found = "it was not measured against what it replaced" if is_unmeasured else check.reason
    reason = f"it is live, so the question does not arise again; {found}"
    return not_applicable(Gate.EVIDENCE, reason)


def standing(version: PromptVersion, *, is_live: bool, gates: Iterable[GateResult]) -> str:
    """Say in a word or two what clients get, else where the review stands."""
    if is_live:
        return "Live"
    if any(gate.name == PROMOTION and gate.tag == PRODUCTION for gate in gates):
        return "Was live"
    return version.get_review_state_display()


def score_of(evidence: Mapping[str, Any]) -> Score | None:
    """Return what decides: the hold-out, or the rows the search could see where there is none."""
    for name, title in (("holdout", "On rows held out from the search"), ("dev", "On dev rows")):
        part = evidence.get(name) or {}
        if part.get("before") and part.get("after"):
            figures = part if name == "holdout" else part.get("corrected")
            gain, interval = _gain(figures) if figures else ("", "")
            return Score(title, part["before"]["mean"], part["after"]["mean"], gain, interval)
    return None


def evidence_facts(evidence: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return name and figure of what the frozen evidence holds, in the order a reader asks."""
    facts = [*_holdout_facts(evidence.get("holdout") or {}), *_dev_facts(evidence.get("dev") or {})]
    if needed := evidence.get("rows_needed") or (evidence.get("holdout") or {}).get("rows_needed"):
        low, high = needed
        facts.append(("More held-out rows needed, about", f"{low:,} to {high:,}"))
    if evidence.get("reported", {}).get("n"):
        reported = evidence["reported"]
        text = f"{reported['fixed']} fixed, {reported['broken']} broken of {reported['n']}"
        chance = f"; p {luck(reported['p'])}" if reported.get("p") is not None else ""
        facts.append(("On reported cases, which decide nothing", text + chance))
    if "cost_usd" in evidence:
        facts.append(("Calls, cost", f"{evidence['calls']:,}, {money(evidence['cost_usd'])}"))
        facts.append(("Model", str(evidence["student"])))
    return facts


def _holdout_facts(holdout: Mapping[str, Any]) -> list[tuple[str, str]]:
    if not holdout:
        return []
    text = f"{holdout['n']}: {holdout['fixed']} fixed, {holdout['broken']} broken"
    return [
        ("Held-out rows", text),
        ("Chance of luck (p)", f"{luck(holdout['p'])}; needed: below {holdout['alpha']:.2g}"),
        ("Times these rows decided", _look(holdout)),
    ]


def _dev_facts(dev: Mapping[str, Any]) -> list[tuple[str, str]]:
    if not dev.get("before") or not dev.get("after"):
        return []
    means = f"{dev['before']['mean']:.1%} to {dev['after']['mean']:.1%}"
    facts = [("On dev, which the search saw", means)]
    if found := dev.get("corrected"):
        gain, interval = _gain(found)
        rows = f"{found['n']} rows, best of {found['candidates']}"
        facts.append(("The same, corrected for choosing", f"{gain}, {interval}; {rows}"))
        if found["look"] > 1:
            facts.append(("Times these dev rows decided", _look(found)))
    return facts


def _look(found: Mapping[str, Any]) -> str:
    """Say what it costs to have looked before, and what takes that back."""
    needs = f"look {found['look']}: needs p < {found['alpha']:.3g}"
    return needs if found["look"] == 1 else f"{needs}; {FRESH_ROWS} fresh examples start anew"


def money(usd: str | Decimal) -> str:
    """Spell US dollars: cents from ten cents on, two significant digits below."""
    amount = Decimal(usd)
    return f"${amount:.2f}" if amount >= Decimal("0.1") or not amount else f"${amount:.2g}"


def luck(p: float) -> str:
    return "below 0.0001" if p < 0.0001 else f"{p:.2g}"


def _gain(holdout: Mapping[str, Any]) -> tuple[str, str]:
    low, high = holdout["low"] * 100, holdout["high"] * 100
    level = f"{holdout['level']:.0%} interval " if "level" in holdout else ""
    return f"{holdout['gain'] * 100:+.1f} points", f"{level}{low:+.1f} to {high:+.1f}"
