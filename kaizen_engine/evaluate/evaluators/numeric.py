"""Whether numbers are as expected, give or take a tolerance: the share that is.

`tolerance` is absolute, or relative to the expected number with `relative`. Every expected
output counts, or the one that `field` names.
"""

import math
from typing import Any

from kaizen_engine.evaluate.evaluator import Case, Door, Mark, Needs, Score, Tier
from kaizen_engine.evaluate.options import Options
from kaizen_engine.evaluate.texts import field_option

TIER = Tier.DETERMINISTIC
NEEDS = Needs.EXPECTED
_LONGEST_NUMBER = 400
# So that 0.3 is within 0.1 of 0.2.
_SLACK = 1e-9


def build(options: Options, door: Door) -> Score:
    tolerance = options.number("tolerance", low=0, high=1e12)
    is_relative = options.flag("relative", False)
    field = field_option(options)

    def is_near(expected: Any, given: Any) -> bool:
        wanted, found = _number(expected), _number(given)
        if wanted is None or found is None:
            return False
        room = tolerance * abs(wanted) if is_relative else tolerance
        return abs(found - wanted) <= room + _SLACK * max(abs(wanted), abs(found))

    def score(case: Case) -> Mark:
        names = [field] if field else list(case.expected)
        if not names or not case.expected:
            return Mark(0.0, "nothing was expected")
        far = [
            name for name in names if not is_near(case.expected.get(name), case.output.get(name))
        ]
        share = (len(names) - len(far)) / len(names)
        return Mark(share, f"is not near enough in {', '.join(far)}" if far else "")

    return score


def _number(value: Any) -> float | None:
    """Return a number, or a text that is one; nothing for NaN and for all the rest."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and len(value) > _LONGEST_NUMBER:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
