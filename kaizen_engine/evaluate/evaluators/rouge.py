"""How much of the expected text is in the answer, and the other way round: ROUGE by rouge-score.

`variant` is rouge1, rouge2 or rougeL (default), `measure` is f (default), precision or recall.
Words are taken in any script; on plain English the figures are those of rouge-score itself.
"""

import re

from kaizen_engine.evaluate.evaluator import Case, Door, Mark, Needs, Score, Tier
from kaizen_engine.evaluate.options import Options
from kaizen_engine.evaluate.texts import field_option, text_of

TIER = Tier.REFERENCE
NEEDS = Needs.EXPECTED
HEAVY = True
MEASURES = {"f": "fmeasure", "precision": "precision", "recall": "recall"}
_WORD = re.compile(r"[^\W_]+")


class _Words:
    """rouge-score's own tokenizer knows a to z only, and scores other scripts 0."""

    def tokenize(self, text: str) -> list[str]:
        return _WORD.findall(text.lower())


def build(options: Options, door: Door) -> Score:
    variant = options.choice("variant", ("rouge1", "rouge2", "rougeL"), "rougeL")
    measure = MEASURES[options.choice("measure", tuple(MEASURES), "f")]
    field = field_option(options)

    def score(case: Case) -> Mark:
        # Imported here: it has no place in a web process.
        from rouge_score.rouge_scorer import RougeScorer

        scorer = RougeScorer([variant], tokenizer=_Words())
        found = scorer.score(text_of(case.expected, field), text_of(case.output, field))
        return Mark(float(getattr(found[variant], measure)))

    return score
