"""Whether the answer matches a regular expression, in RE2's syntax: 1 or 0.

`mode` is search (default) or fullmatch; with `forbid` the answer must not match. RE2 takes time
in proportion to the text, whatever the pattern.
"""

import re2

from kaizen_engine.evaluate.evaluator import Case, Door, Mark, Needs, Score, Tier
from kaizen_engine.evaluate.linear_regex import compile_linear
from kaizen_engine.evaluate.options import Options
from kaizen_engine.evaluate.texts import field_option, text_of

TIER = Tier.DETERMINISTIC
NEEDS = Needs.NOTHING


def build(options: Options, door: Door) -> Score:
    written = options.text("pattern")
    mode = options.choice("mode", ("search", "fullmatch"), "search")
    forbids = options.flag("forbid", False)
    ignore_case = options.flag("ignore_case", False)
    field = field_option(options)
    try:
        pattern = compile_linear(written, ignore_case=ignore_case)
    except re2.error as error:
        options.reject("pattern", f"is no regular expression of RE2: {error}")
        pattern = compile_linear("")
    matches = pattern.search if mode == "search" else pattern.fullmatch

    def score(case: Case) -> Mark:
        is_match = matches(text_of(case.output, field)) is not None
        if is_match is not forbids:
            return Mark(1.0)
        return Mark(0.0, f"matches {written!r}" if is_match else f"does not match {written!r}")

    return score
