"""The share of the expected fields that are answered exactly.

Text is compared without the blanks around it, numbers by value, a boolean never equals a number.
Fields that nobody expects are ignored; nothing expected scores 0.
"""

import math
import unicodedata
from collections.abc import Mapping
from typing import Any

from kaizen_engine.evaluate.evaluator import Case, Door, Mark, Needs, Score, Tier
from kaizen_engine.evaluate.options import Options

TIER = Tier.DETERMINISTIC
NEEDS = Needs.EXPECTED


def build(options: Options, door: Door) -> Score:
    return score


def score(case: Case) -> Mark:
    wrong = [
        name for name, value in case.expected.items() if not _equal(value, case.output.get(name))
    ]
    if not case.expected:
        return Mark(0.0, "nothing was expected")
    share = (len(case.expected) - len(wrong)) / len(case.expected)
    return Mark(share, f"differs in {', '.join(wrong)}" if wrong else "")


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, str) and isinstance(other, str):
        return _plain(one) == _plain(other)
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other or math.isclose(one, other, rel_tol=1e-9)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return one is None and other is None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()
