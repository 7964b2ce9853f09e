"""How many word sequences the answer shares with the expected text: sentence BLEU by sacreBLEU.

With effective order, as sacreBLEU advises for single sentences. `tokenize` is 13a (default), intl,
char or none.
"""

from kaizen_engine.evaluate.evaluator import Case, Door, Mark, Needs, Score, Tier
from kaizen_engine.evaluate.options import Options
from kaizen_engine.evaluate.texts import field_option, text_of

TIER = Tier.REFERENCE
NEEDS = Needs.EXPECTED
HEAVY = True


def build(options: Options, door: Door) -> Score:
    tokenize = options.choice("tokenize", ("13a", "intl", "char", "none"), "13a")
    field = field_option(options)

    def score(case: Case) -> Mark:
        # Imported here: it has no place in a web process.
        from sacrebleu.metrics import BLEU

        bleu = BLEU(effective_order=True, tokenize=tokenize)
        found = bleu.sentence_score(text_of(case.output, field), [text_of(case.expected, field)])
        return Mark(found.score / 100)

    return score
