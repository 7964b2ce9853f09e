"""Which candidate of a search wins: chosen on dev alone, and only where it beats the baseline."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from kaizen_engine.optimize.scored import Scored
from kaizen_engine.optimize.strategy import FINALISTS, TrialEvent, best_in_full

_TIE = 1e-9


def score_finalists(scored: Scored) -> None:
    """Score what a breeding search found best on rows that it has not seen; these decide."""
    if not scored.breeds:
        return
    for candidate in best_in_full(scored.trials, FINALISTS):
        found = scored.rows(candidate.artifact, scored.splits.select)
        rows = {row.example_id: row.score for row in found}
        score = sum(rows.values()) / len(rows)
        others = [trial.score for trial in scored.trials if trial.part == "select"]
        scored.add_trial(
            replace(
                candidate,
                number=len(scored.trials) + 1,
                part="select",
                n_examples=len(rows),
                score=score,
                rows=rows,
                is_best=score > max(others, default=-1.0),
            )
        )


def choose_winner(scored: Scored) -> TrialEvent | None:
    """Score the best candidate as the plain prompt it exports; None where that is no better."""
    best = _best_trial(scored.trials)
    if best is None or best.artifact.hash == scored.spec.artifact.hash:
        return None
    after = scored.evaluate("winner_dev", best.artifact, scored.splits.dev)
    return best if _beats_baseline(scored, after.scores) else None


def winner_as_searched(scored: Scored) -> TrialEvent | None:
    """Choose by the search's own figures, for a job that may ask no model any more."""
    best = _best_trial(scored.trials)
    return best if best is not None and _beats_baseline(scored, best.rows) else None


def _best_trial(trials: Iterable[TrialEvent]) -> TrialEvent | None:
    """Return the best candidate where it counts: selected, or else searched, in full."""
    full = [trial for trial in trials if trial.is_full]
    decisive = [trial for trial in full if trial.part == "select"] or full
    return next(iter(best_in_full(decisive, 1)), None)


def _beats_baseline(scored: Scored, rows: Mapping[str, float]) -> bool:
    """Compare on the rows that decide, where the candidate was scored on them."""
    selecting = {example.id for example in scored.splits.select}
    before = scored.baseline
    ids = rows.keys() & before.keys()
    ids = (ids & selecting) or ids
    return sum(rows[key] for key in ids) > sum(before[key] for key in ids) + _TIE
