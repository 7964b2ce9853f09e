"""Whether the answer is as long as asked, in words or characters: 1 within the bounds.

Outside, the score is the part that fits: 50 words where 40 are allowed score 0.8, and 10 where 20
are wanted 0.5. Any of `min_words`, `max_words`, `min_chars`, `max_chars`.
"""

from kaizen_engine.evaluate.evaluator import Case, Door, Mark, Needs, Score, Tier
from kaizen_engine.evaluate.options import Options
from kaizen_engine.evaluate.texts import field_option, text_of

TIER = Tier.DETERMINISTIC
NEEDS = Needs.NOTHING
_MOST = 1_000_000
UNITS = ("words", "chars")


def build(options: Options, door: Door) -> Score:
    bounds = [(unit, *_bounds(options, unit)) for unit in UNITS if _is_bounded(options, unit)]
    if not bounds:
        options.reject("max_words", "is needed, or min_words, max_chars, min_chars")
    field = field_option(options)

    def score(case: Case) -> Mark:
        text = text_of(case.output, field)
        counts = {"words": len(text.split()), "chars": len(text)}
        marks = [_mark(counts[unit], unit, least, most) for unit, least, most in bounds]
        return min(marks, key=lambda mark: mark.score)

    return score


def _is_bounded(options: Options, unit: str) -> bool:
    return options.has(f"min_{unit}") or options.has(f"max_{unit}")


def _bounds(options: Options, unit: str) -> tuple[int, int]:
    least = options.whole(f"min_{unit}", 0, low=0, high=_MOST)
    most = options.whole(f"max_{unit}", _MOST, low=1, high=_MOST)
    if least > most:
        options.reject(f"min_{unit}", f"is above max_{unit}")
    return least, most


def _mark(count: int, unit: str, least: int, most: int) -> Mark:
    if count > most:
        return Mark(most / count, f"{count} {unit} where {most} are allowed")
    if count < least:
        return Mark(count / least, f"{count} {unit} where {least} are wanted")
    return Mark(1.0)
