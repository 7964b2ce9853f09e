"""The evidence of the demo's job, scored again from the stored answers before it is believed."""

from collections.abc import Sequence
from decimal import Decimal
from statistics import fmean
from typing import Any

from kaizen_engine.evaluate.evaluator import Case, Evaluator
from kaizen_engine.evaluate.spec import evaluator_from_spec
from kaizen_engine.prompts.parse import OutputParseError, parse_output
from kaizen_engine.prompts.render import render_messages
from kaizen_site.demo.stack import DemoFailed
from optimization_app.models import EvaluationRow, Job
from prompts_app.models import PromptVersion

LABELS = ("baseline_dev", "winner_dev", "baseline_test", "winner_test")


def rescored(job: Job, winner: PromptVersion) -> dict[str, float]:
    """Return the mean score by label, from the stored text of every answer.

    Raises DemoFailed where a row or the frozen evidence says something else.
    """
    artifacts = {"baseline": job.seed_version.artifact, "winner": winner.artifact}
    evaluator = evaluator_from_spec(job.task.evaluator)
    means = {}
    for label in LABELS:
        rows = EvaluationRow.objects.filter(job=job, label=label).select_related("example")
        artifact = artifacts[label.split("_")[0]]
        scores = [_score(evaluator, artifact, row) for row in rows]
        if not scores or scores != [row.score for row in rows]:
            raise DemoFailed(f"the rows of {label} do not give the scores stored with them")
        means[label] = fmean(scores)
    _compare(means, winner.evidence)
    return means


def _score(evaluator: Evaluator, artifact: dict[str, Any], row: EvaluationRow) -> float:
    render_messages(artifact, row.example.inputs)
    try:
        output = parse_output(artifact, row.text)
    except OutputParseError:
        return 0.0
    case = Case(str(row.example_id), row.example.inputs, row.example.outputs, output, row.text)
    return evaluator.evaluate(case).score


def _compare(means: dict[str, float], evidence: dict[str, Any]) -> None:
    stored = {
        f"{who}_{split}": evidence[part][when]["mean"]
        for split, part in (("dev", "dev"), ("test", "holdout"))
        for who, when in (("baseline", "before"), ("winner", "after"))
    }
    differing = [name for name, mean in means.items() if abs(mean - stored[name]) > 1e-9]
    if differing:
        raise DemoFailed(f"the frozen evidence differs from its rows: {differing}")


def table(rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name:<{width}}  {value}" for name, value in rows)


def summary(job: Job, winner: PromptVersion, means: dict[str, float]) -> list[tuple[str, str]]:
    """Return the table of evidence: a name and a figure a row."""
    evidence = winner.evidence
    holdout = evidence["holdout"]
    return [
        ("baseline (dev)", _percent(means["baseline_dev"])),
        ("dev, before to after", _pair(means, "dev", evidence["rows"]["dev"])),
        ("hold-out, before to after", _pair(means, "test", holdout["n"])),
        ("gain on the hold-out", f"{_points(holdout['gain'])} points"),
        ("interval", f"{_points(holdout['low'])} to {_points(holdout['high'])} points"),
        ("p, needed", f"{holdout['p']:.2g}, {holdout['alpha']:.3f} at look {holdout['look']}"),
        ("verdict", winner.get_verdict_display().lower()),
        ("calls", str(evidence["calls"])),
        ("cost", f"{Decimal(evidence['cost_usd']):.4f} USD at the demo's made-up price"),
        ("measured on this exact text", winner.hash),
    ]


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _points(gain: float) -> str:
    return f"{gain * 100:+.1f}"


def _pair(means: dict[str, float], split: str, rows: int) -> str:
    before, after = means[f"baseline_{split}"], means[f"winner_{split}"]
    return f"{_percent(before)} to {_percent(after)} on {rows} rows"
