"""How close the answer is to the expected text, by letters: 1 less the share to be edited."""

from rapidfuzz.distance import Levenshtein

from kaizen_engine.evaluate.evaluator import Case, Door, Mark, Needs, Score, Tier
from kaizen_engine.evaluate.options import Options
from kaizen_engine.evaluate.texts import field_option, text_of

TIER = Tier.REFERENCE
NEEDS = Needs.EXPECTED


def build(options: Options, door: Door) -> Score:
    fold = str.casefold if options.flag("ignore_case", False) else str
    field = field_option(options)

    def score(case: Case) -> Mark:
        answer, expected = (fold(text_of(one, field)) for one in (case.output, case.expected))
        return Mark(Levenshtein.normalized_similarity(answer, expected))

    return score
