"""How many letter sequences the answer shares with the expected text: chrF by sacreBLEU.

`word_order` 0 (default) is chrF, 2 is chrF++.
"""

from kaizen_engine.evaluate.evaluator import Case, Door, Mark, Needs, Score, Tier
from kaizen_engine.evaluate.options import Options
from kaizen_engine.evaluate.texts import field_option, text_of

TIER = Tier.REFERENCE
NEEDS = Needs.EXPECTED
HEAVY = True


def build(options: Options, door: Door) -> Score:
    word_order = options.whole("word_order", 0, low=0, high=2)
    field = field_option(options)

    def score(case: Case) -> Mark:
        # Imported here: it has no place in a web process.
        from sacrebleu.metrics import CHRF

        chrf = CHRF(word_order=word_order)
        found = chrf.sentence_score(text_of(case.output, field), [text_of(case.expected, field)])
        return Mark(found.score / 100)

    return score
