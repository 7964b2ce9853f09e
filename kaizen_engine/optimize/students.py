"""Several models beside the one that is searched for: what each makes of the same prompts."""

from collections.abc import Iterator

from kaizen_engine.optimize.outcome import Score, StudentScore
from kaizen_engine.optimize.scored import Scored
from kaizen_engine.optimize.strategy import FINALISTS, best_in_full
from kaizen_engine.prompts.artifact import PromptArtifact


def ask_students(scored: Scored) -> Iterator[StudentScore]:
    """Let every model of the job answer dev with the old prompt and with the best new ones."""
    if not scored.spec.students:
        return
    prompts = [("baseline", scored.spec.artifact), *_finalists(scored)]
    for model in (scored.spec.model, *scored.spec.students):
        for name, artifact in prompts:
            rows = scored.rows(artifact, scored.splits.dev, model)
            score = Score.of([row.score for row in rows])
            if score is not None:
                sent = frozenset(row.messages_hash for row in rows)
                yield StudentScore(model, name, artifact.hash, score, sent)


def _finalists(scored: Scored) -> list[tuple[str, PromptArtifact]]:
    decisive = [trial for trial in scored.trials if trial.is_full and trial.part != "search"]
    return [
        (f"finalist {place}", trial.artifact)
        for place, trial in enumerate(best_in_full(decisive, FINALISTS), 1)
        if trial.artifact.hash != scored.spec.artifact.hash
    ]
