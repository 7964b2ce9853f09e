"""Whether the answer keeps clear of given words: 1 without any of them, else 0.

Whole words are looked for, in either case unless `ignore_case` is false.
"""

import re

from kaizen_engine.evaluate.evaluator import Case, Door, Mark, Needs, Score, Tier
from kaizen_engine.evaluate.options import Options
from kaizen_engine.evaluate.texts import field_option, text_of

TIER = Tier.DETERMINISTIC
NEEDS = Needs.NOTHING


def build(options: Options, door: Door) -> Score:
    words = options.texts("words")
    flags = re.IGNORECASE if options.flag("ignore_case", True) else re.NOFLAG
    field = field_option(options)
    # Literals alone, longest first: nothing here can run for long.
    literals = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    pattern = re.compile(rf"(?<!\w)(?:{literals})(?!\w)", flags)

    def score(case: Case) -> Mark:
        found = list(dict.fromkeys(pattern.findall(text_of(case.output, field))))
        return Mark(0.0, f"says {', '.join(map(repr, found))}") if found else Mark(1.0)

    return score
