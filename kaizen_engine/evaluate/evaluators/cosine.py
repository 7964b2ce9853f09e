"""How alike the words of answer and expected text are: the cosine of their TF-IDF vectors.

The two texts are the corpus, so that a word which only one of them has weighs more. `by` is words
(default) or letters, in threes, for languages without blanks.
"""

from kaizen_engine.evaluate.evaluator import Case, Door, Mark, Needs, Score, Tier
from kaizen_engine.evaluate.options import Options
from kaizen_engine.evaluate.texts import field_option, text_of

TIER = Tier.REFERENCE
NEEDS = Needs.EXPECTED
HEAVY = True
_WORD = r"(?u)\w+"
_LETTERS = {"analyzer": "char", "ngram_range": (1, 3)}


def build(options: Options, door: Door) -> Score:
    by = options.choice("by", ("words", "letters"), "words")
    field = field_option(options)

    def score(case: Case) -> Mark:
        # Imported here: it has no place in a web process.
        from sklearn.feature_extraction.text import TfidfVectorizer

        answer, expected = text_of(case.output, field), text_of(case.expected, field)
        settings = _LETTERS if by == "letters" else {"token_pattern": _WORD}
        try:
            vectors = TfidfVectorizer(**settings).fit_transform([answer, expected])
        except ValueError:
            # Neither text has a word.
            return Mark(float(answer.strip() == expected.strip()))
        return Mark(float((vectors[0] @ vectors[1].T).toarray()[0, 0]))

    return score
