"""Whether the answer contains given texts: the share of them, or any one.

`texts` lists them; `mode` is all (default) or any; letters count as equal in either case unless
`ignore_case` is false. `field` names the output that is read.
"""

from kaizen_engine.evaluate.evaluator import Case, Door, Mark, Needs, Score, Tier
from kaizen_engine.evaluate.options import Options
from kaizen_engine.evaluate.texts import field_option, text_of

TIER = Tier.DETERMINISTIC
NEEDS = Needs.NOTHING


def build(options: Options, door: Door) -> Score:
    texts = options.texts("texts")
    needs_all = options.choice("mode", ("all", "any"), "all") == "all"
    fold = str.casefold if options.flag("ignore_case", True) else str
    field = field_option(options)

    def score(case: Case) -> Mark:
        answer = fold(text_of(case.output, field))
        missing = [text for text in texts if fold(text) not in answer]
        if not needs_all:
            return Mark(0.0, "contains none of them") if missing == list(texts) else Mark(1.0)
        share = (len(texts) - len(missing)) / len(texts)
        return Mark(share, f"lacks {', '.join(map(repr, missing))}" if missing else "")

    return score
