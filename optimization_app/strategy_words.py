"""The strategies in a line each, for whoever chooses one."""

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from kaizen_engine.optimize.strategy import HEAR_WISHES, STRATEGIES

LINES: Mapping[str, object] = {
    "bootstrap": _(
        "Adds solved examples and leaves the instruction as it is. The cheapest; needs rows with "
        "a right answer."
    ),
    "miprov2": _(
        "Writes instructions and adds solved examples, in combination. From some fifty rows with "
        "a right answer on."
    ),
    "gepa": _(
        "Rewrites the instruction from people's comments, expected answers and wishes. Choose it "
        "when people leave comments."
    ),
    "simba": _("Adds rules and examples from rows that the student answers now well, now badly."),
    "analyst": _(
        "Groups the failures, has each group diagnosed, rewrites the instruction for them, then "
        "adds examples. Hears wishes."
    ),
}


def strategy_choices() -> list[tuple[str, object]]:
    return [(name, LINES.get(name, "")) for name in STRATEGIES]


def hears_wishes(name: str) -> bool:
    return name in HEAR_WISHES
