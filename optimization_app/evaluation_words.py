"""What an evaluation found, in the words of its page, its command and the list of jobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kaizen_engine.states import Split, Verdict
from optimization_app.models import EvaluationRow, Job
from optimization_app.services.evaluate_rows import PLACE

SPLIT_NAMES: Mapping[str, str] = {
    Split.TRAIN.value: "Train",
    Split.DEV.value: "Dev",
    Split.TEST.value: "Hold-out",
}
COMPARED: Mapping[str, str] = {
    Verdict.CONFIRMED: "better than the live one, confirmed on the hold-out",
    Verdict.LIKELY: "likely better than the live one",
    Verdict.BETTER_ON_REPORTED: "better than the live one on reported cases",
    Verdict.NOT_ENOUGH_EVIDENCE: "there is not enough evidence that it is better than the live one",
    Verdict.EQUAL: "as good as the live one",
    Verdict.WORSE: "worse than the live one",
}


@dataclass(frozen=True)
class SplitLine:
    """One split of the rows that were scored; shares as text, `gain` in points where compared."""

    name: str
    rows: str
    score: str
    before: str
    gain: str
    parts: str


@dataclass(frozen=True)
class Failure:
    """A row that the version did not get right."""

    inputs: str
    expected: str
    answer: str
    score: str
    reason: str


def evaluation_sentence(job: Job) -> str:
    """Say what came out: the score on the most telling split, and how it compares."""
    summary = job.result.get(PLACE) or {}
    splits = summary.get("splits") or {}
    name = next((one for one in ("test", "dev", "train") if one in splits), None)
    if name is None:
        return "Nothing was scored."
    after = splits[name].get("after") or splits[name]["before"]
    rows = "1 row" if after["n"] == 1 else f"{after['n']:,} rows"
    said = f"{after['mean']:.1%} on {rows} of {SPLIT_NAMES[name].lower()}"
    if not summary["is_complete"]:
        return f"{said}, of {splits[name]['rows']:,}"
    words = COMPARED.get(Verdict(job.verdict))
    return f"{said}: {words}" if words else said


def split_lines(job: Job) -> list[SplitLine]:
    splits = (job.result.get(PLACE) or {}).get("splits") or {}
    return [_line(name, found) for name, found in splits.items()]


def evaluation_facts(job: Job) -> list[tuple[str, str]]:
    """Return name and figure of how it was done, the look at the hold-out first."""
    summary = job.result.get(PLACE)
    if not summary:
        return []
    facts = []
    if summary["look"]:
        look = f"look {summary['look']} at {summary['looked_at']:,} deciding rows, counted"
        facts.append(("Hold-out", look))
    facts.append(("Answers already paid for", f"{summary['cached']:,}"))
    unreadable = sum((one["after"] or {}).get("unreadable", 0) for one in _values(summary))
    if unreadable:
        facts.append(("Answers that broke the contract", f"{unreadable:,}"))
    return facts


def failures(job: Job) -> list[Failure]:
    """Return the worst rows of train and dev; the hold-out is shown to nobody."""
    summary = job.result.get(PLACE)
    if not summary or not summary["failures"]:
        return []
    ids, side = summary["failures"], "winner" if summary["is_compared"] else "baseline"
    open_labels = [f"{side}_{split}" for split in (Split.TRAIN.value, Split.DEV.value)]
    rows = EvaluationRow.objects.filter(job=job, example__in=ids, label__in=open_labels)
    found = {row.example_id: row for row in rows.select_related("example")}
    return [_failure(found[pk]) for pk in ids if pk in found]


def _values(summary: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(summary["splits"].values())


def _line(name: str, found: Mapping[str, Any]) -> SplitLine:
    before, after = found["before"], found["after"]
    scored = (after or before)["n"]
    of = "" if scored == found["rows"] else f" of {found['rows']:,}"
    is_pair = bool(before and after)
    return SplitLine(
        name=SPLIT_NAMES.get(name, name),
        rows=f"{scored:,}{of}",
        score=f"{after['mean']:.1%}" if after else "",
        before=f"{before['mean']:.1%}" if before else "",
        gain=f"{100 * (after['mean'] - before['mean']):+.1f} points" if is_pair else "",
        parts=_parts((after or {}).get("parts") or {}),
    )


def _parts(parts: Mapping[str, float]) -> str:
    if len(parts) < 2:
        return ""
    return ", ".join(f"{name} {mean:.1%}" for name, mean in parts.items())


def _failure(row: EvaluationRow) -> Failure:
    example = row.example
    reasons = [reason for reason in row.reasons.values() if reason]
    return Failure(
        inputs=_plain(example.inputs),
        expected=_plain(example.outputs),
        answer=row.text,
        score=f"{row.score:.2f}",
        reason=row.parse_error or "; ".join(reasons),
    )


def _plain(values: Mapping[str, Any]) -> str:
    if len(values) == 1:
        return str(next(iter(values.values())))
    return "\n".join(f"{name}: {value}" for name, value in values.items())
