"""Which of two answers a judge prefers: this one 1, the other 0, a tie a half.

The other is the expected answer, or the one that was rated. Up to three votes: the order is drawn
by row and alternates, and an answer wins with two votes that it got in both orders, so that a judge
who always takes the first has nothing but ties. Voting ends once no vote can change that.
"""

from collections.abc import Mapping, Sequence
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
NEEDS = Needs.EXPECTED_OR_RATED
VOTES = 3
CALLS = (2, VOTES)
_TEMPERATURE = 0.7
_SIDES = ("answer", "other")
_SCORES: Mapping[str, float] = {"answer": 1.0, "other": 0.0, "tie": 0.5}
_CONTRACT: Mapping[str, Any] = {
    "outputs": (
        {"name": "reason", "type": "string", "description": "one or two sentences, by the rubric"},
        {"name": "better", "type": "string", "enum": ("1", "2", "tie")},
    )
}
_SYSTEM = (
    "You compare two answers to the same input, and say which one meets the rubric better. Judge "
    "by the rubric alone. Neither the order of the answers nor their length counts, and where "
    f"they are equally good you say tie.\n\n{DATA_RULE}"
)
WORDING = f"{_SYSTEM}|{_CONTRACT}|{VOTES}"


def build(options: Options, door: Door) -> Score:
    panel = read_panel(options, door, temperature=_TEMPERATURE)

    def score(case: Case) -> Mark:
        other = panel.other(case)
        if other is None:
            return Mark(0.0, "there is no answer to compare with")
        answer, other = panel.trimmed(panel.answer(case)), panel.trimmed(other)
        if answer.strip() == other.strip():
            return Mark(_SCORES["tie"], "both answers are the same")
        votes = {
            judge.name: _vote(panel, judge, case, (answer, other)) for judge in panel.judges(case)
        }
        own = votes[panel.judge.name]
        return Mark(
            _SCORES[outcome(own)],
            _reason(own),
            [vote for given in votes.values() for vote in given],
        )

    return score


def outcome(votes: Sequence[Vote]) -> str:
    """Return the side that won in both orders, else a tie."""
    for side in _SIDES:
        if len({vote["first"] for vote in votes if vote["said"] == side}) == len(_SIDES):
            return side
    return "tie"


def _vote(panel: Panel, judge: Judge, case: Case, texts: tuple[str, str]) -> list[Vote]:
    start = int(panel.lot(case, "order") < 0.5)
    votes: list[Vote] = []
    for number in range(VOTES):
        if _is_settled(votes):
            break
        first = _SIDES[(start + number) % 2]
        shown = texts if first == "answer" else texts[::-1]
        said = judge.ask(
            f"{_SYSTEM}\n\nRubric:\n{panel.rubric}",
            _blocks(panel, case, shown),
            _CONTRACT,
            number,
        )
        votes.append(_as_vote(judge.name, first, said))
    votes[-1] = {**votes[-1], "outcome": outcome(votes)}
    return votes


def _is_settled(votes: Sequence[Vote]) -> bool:
    """Two votes settle it when they agree, and when the second names nobody.

    The third has the order of the first: it can only join the second.
    """
    return len(votes) == VOTES - 1 and (
        votes[0]["said"] == votes[1]["said"] or votes[1]["said"] not in _SIDES
    )


def _blocks(panel: Panel, case: Case, shown: tuple[str, str]) -> Blocks:
    blocks = [("input", panel.trimmed(input_text(case.inputs)))]
    if case.comment:
        # Not said of which of the two: the judge is to weigh it, not to follow it.
        blocks.append(("what a person said of an earlier answer", panel.trimmed(case.comment)))
    return Blocks((*blocks, ("answer 1", shown[0]), ("answer 2", shown[1])))


def _as_vote(name: str, first: str, said: Mapping[str, Any]) -> Vote:
    picked = {"1": "first", "2": "second", "tie": "tie"}.get(str(said.get("better")), "")
    second = _SIDES[1 - _SIDES.index(first)]
    side = {"first": first, "second": second, "tie": "tie"}.get(picked, "")
    return {
        "by": name,
        "first": first,
        "picked": picked,
        "said": side,
        "reason": reason_of(said),
    }


def _reason(votes: Sequence[Vote]) -> str:
    """Return a reason of the side that won; of a tie, what was said for each."""
    won = outcome(votes)
    if won == "tie":
        given = [f"{vote['said'] or 'unreadable'}: {vote['reason']}" for vote in votes]
        return "tie; " + " | ".join(given)
    return next(str(vote["reason"]) for vote in votes if vote["said"] == won)
