"""How the demo model judges: by the words that an answer shares with what it was shown.

It compares with the reference answer, else with what a person said of an earlier answer, else with
lines of the rubric such as "ANSWER: word, word" that name what in the input calls for an answer.
Shown none of these it cannot tell, and says so. It reads the one message and nothing else.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kaizen_engine.llm.providers.demo_prompt import Contract, split_contract, text_of
from kaizen_engine.llm.providers.demo_words import content_stems
from kaizen_engine.llm.types import Message

_MARKER = re.compile(r"^The marker of this message is ([0-9a-f]{16})\.$", re.MULTILINE)
_RUBRIC = re.compile(r"^Rubric:\n(.*)\Z", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"^\W*(.{1,60}?)\W*: (.+)$", re.MULTILINE)
_LEVELS = 4
_NAMED = 0.25
_UNKNOWN = 0.5


@dataclass(frozen=True)
class JudgePrompt:
    """The texts to judge by their names, the rubric, and the form of the answer."""

    blocks: Mapping[str, str]
    rubric: str
    contract: Contract


def read_judge(messages: Sequence[Message]) -> JudgePrompt | None:
    """Return what a judge is asked, or None for every other prompt."""
    if len(messages) != 2 or messages[0].get("role") != "system":
        return None
    system, asked = text_of(messages[0]), text_of(messages[1])
    marker = _MARKER.match(asked)
    if marker is None or not system.startswith(("You judge one answer", "You compare two answers")):
        return None
    block = re.compile(
        rf"^<<<(.+?) {marker[1]}>>>\n(.*?)\n<<<end of \1 {marker[1]}>>>$", re.DOTALL | re.MULTILINE
    )
    before, contract = split_contract(system)
    rubric = _RUBRIC.search(before)
    return JudgePrompt(dict(block.findall(asked)), rubric[1] if rubric else "", contract)


def answer_judge(asked: JudgePrompt) -> str:
    blocks = asked.blocks
    if "answer 1" in blocks:
        worths = [_worth(blocks[name], asked) for name in ("answer 1", "answer 2")]
        return _written(asked, _better(worths[0][0], worths[1][0]), worths)
    worth = _worth(blocks.get("answer to judge", ""), asked)
    return _written(asked, str(1 + round(_LEVELS * worth[0])), [worth])


def _better(first: float, second: float) -> str:
    if abs(first - second) < 1e-9:
        return "tie"
    return "1" if first > second else "2"


def _written(asked: JudgePrompt, verdict: str, worths: Sequence[tuple[float, str]]) -> str:
    reason = "; ".join(dict.fromkeys(why for _, why in worths))
    fields = {
        field.name: next((one for one in field.labels if str(one) == verdict), reason)
        for field in asked.contract.fields
    }
    return json.dumps(fields, ensure_ascii=False)


def _worth(answer: str, asked: JudgePrompt) -> tuple[float, str]:
    """Return from 0 to 1 how good the answer looks, and by what."""
    blocks = asked.blocks
    reference = blocks.get("reference answer")
    if reference is not None:
        return _alike(answer, reference), "compared with the reference answer by its words"
    comment = blocks.get("what a person said of an earlier answer")
    if comment is not None:
        return _by_comment(answer, blocks.get("an earlier answer"), comment)
    return _by_rubric(answer, blocks.get("input", ""), asked.rubric)


def _alike(one: str, other: str) -> float:
    if one.strip().casefold() == other.strip().casefold():
        return 1.0
    mine, theirs = content_stems(one), content_stems(other)
    return len(mine & theirs) / len(mine | theirs) if mine | theirs else 0.0


def _by_comment(answer: str, earlier: str | None, comment: str) -> tuple[float, str]:
    if earlier is not None and _alike(answer, earlier) == 1.0:
        return 0.0, "the same answer that a person remarked on"
    words = content_stems(answer)
    share = len(words & content_stems(comment)) / len(words) if words else 0.0
    return _NAMED + (1 - _NAMED) * share, "words of the answer looked for in the remark"


def _by_rubric(answer: str, given: str, rubric: str) -> tuple[float, str]:
    words = content_stems(given)
    hits = {
        name.casefold(): len(words & content_stems(cues)) for name, cues in _LINE.findall(rubric)
    }
    most = max(hits.values(), default=0)
    if not most:
        return _UNKNOWN, "neither reference nor rubric names words to go by"
    is_called_for = hits.get(answer.strip().casefold(), 0) == most
    return float(is_called_for), "words of the input looked for in the rubric"
