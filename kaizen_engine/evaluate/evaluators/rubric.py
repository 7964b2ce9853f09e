"""How well a judge finds the answer by a rubric, from 1 to 5: 1 scores 0, and 5 scores 1.

The judge is shown the input, the answer and, where there is one, the expected answer, or the rated
one with what a person said of it. An answer of the judge that cannot be read is asked for again.
"""

from collections.abc import Mapping
from typing import Any

from kaizen_engine.evaluate.evaluator import Case, Door, Mark, Needs, Score, Tier, Vote
from kaizen_engine.evaluate.judging import (
    DATA_RULE,
    Blocks,
    Judge,
    Panel,
    input_text,
    read_panel,
    reason_of,
)
from kaizen_engine.evaluate.options import Options

TIER = Tier.JUDGE
NEEDS = Needs.NOTHING
TRIES = 3
CALLS = (1, 1)
_LEVELS = ("1", "2", "3", "4", "5")
_CONTRACT: Mapping[str, Any] = {
    "outputs": (
        {"name": "reason", "type": "string", "description": "one or two sentences, by the rubric"},
        {"name": "level", "type": "integer", "enum": _LEVELS, "description": "5 is best"},
    )
}
_SYSTEM = (
    "You judge one answer to an input by a rubric, on levels from 1 (fails it) to 5 (meets it in "
    "full). Judge by the rubric alone; length by itself does not count. A reference answer shows "
    f"what is right, and other words may be as right.\n\n{DATA_RULE}"
)
WORDING = f"{_SYSTEM}|{_CONTRACT}|{TRIES}"


def build(options: Options, door: Door) -> Score:
    panel = read_panel(options, door, temperature=0.0)

    def score(case: Case) -> Mark:
        blocks = _blocks(panel, case)
        votes = [vote for judge in panel.judges(case) for vote in _ask(panel, judge, blocks)]
        own = [vote for vote in votes if vote["by"] == panel.judge.name][-1]
        if not own["said"]:
            return Mark(0.0, "the judge's answer could not be read", votes)
        return Mark((int(own["said"]) - 1) / 4, str(own["reason"]), votes)

    return score


def _ask(panel: Panel, judge: Judge, blocks: Blocks) -> list[Vote]:
    votes: list[Vote] = []
    for number in range(TRIES):
        said = judge.ask(f"{_SYSTEM}\n\nRubric:\n{panel.rubric}", blocks, _CONTRACT, number)
        level = str(said["level"]) if said else ""
        votes.append({"by": judge.name, "said": level, "reason": reason_of(said)})
        if level:
            break
    votes[-1] = {**votes[-1], "outcome": votes[-1]["said"]}
    return votes


def _blocks(panel: Panel, case: Case) -> Blocks:
    blocks = [("input", input_text(case.inputs))]
    other = panel.other(case)
    if other is not None:
        blocks.append(("reference answer" if case.expected else "an earlier answer", other))
    if case.comment:
        blocks.append(("what a person said of an earlier answer", case.comment))
    blocks.append(("answer to judge", panel.answer(case)))
    return Blocks(tuple((name, panel.trimmed(text)) for name, text in blocks))
