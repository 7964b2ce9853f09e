"""Whether the answer reads as easily as asked, by a formula of school grades: 1 up to the grade.

`max_grade` is the highest grade that is fine, and each grade above it takes a tenth. `formula` is
ari (Automated Readability Index, default), coleman_liau or flesch_kincaid. Made for English; grades
of very short texts mean little.
"""

from typing import Any

from kaizen_engine.evaluate.evaluator import Case, Door, Mark, Needs, Score, Tier
from kaizen_engine.evaluate.options import Options
from kaizen_engine.evaluate.texts import field_option, text_of

TIER = Tier.DETERMINISTIC
NEEDS = Needs.NOTHING
HEAVY = True
FORMULAS = {
    "ari": "automated_readability_index",
    "coleman_liau": "coleman_liau_index",
    "flesch_kincaid": "flesch_kincaid_grade",
}
_PER_GRADE = 0.1


def build(options: Options, door: Door) -> Score:
    most = options.number("max_grade", low=0, high=30)
    formula = FORMULAS[options.choice("formula", tuple(FORMULAS), "ari")]
    field = field_option(options)

    def score(case: Case) -> Mark:
        text = text_of(case.output, field)
        if not text.strip():
            return Mark(0.0, "there is nothing to read")
        grade = float(getattr(_textstat(), formula)(text))
        above = max(0.0, grade - most)
        return Mark(1 - _PER_GRADE * above, f"reads at grade {grade:.1f}, {most:g} is asked")

    return score


def _textstat() -> Any:
    # Imported here: it loads much of what a worker has, and has no place in a web process.
    import textstat

    return textstat
