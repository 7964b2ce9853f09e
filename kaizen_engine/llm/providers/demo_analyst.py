"""How the demo model answers an analyst's questions: it counts words and mistakes in the cases.

It explains nothing it cannot count, and what it writes says so.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from kaizen_engine.llm.providers.demo_words import content_words

_CASE = re.compile(
    r"^input: (.*?)\nexpected: (.*?)\ngiven: (.*?)(?:\n\n(?=input: )|\Z)", re.S | re.M
)
_ANSWERS = frozenset({"diagnosis", "suggested_action", "rows"})
_WORDS_NAMED = 4


def is_analysts(name: str, given: Mapping[str, str]) -> bool:
    """Whether this field is asked of an analyst, who is shown cases or changes."""
    return (name in _ANSWERS and "failed_cases" in given) or (
        name == "changelog" and "changes" in given
    )


def answer_analyst(name: str, given: Mapping[str, str]) -> Any:
    """Return text, or for `rows` a list of objects with inputs and outputs."""
    if name == "changelog":
        return f"Counted by the demo model: {given['changes'].splitlines()[0]}."
    cases = list(_cases(given["failed_cases"]))
    if name == "rows":
        return [row for case in cases if (row := _row(*case, given.get("fields", "")))]
    words = Counter(word for asked, *_ in cases for word in content_words(asked))
    shared = ", ".join(word for word, _ in words.most_common(_WORDS_NAMED))
    if name == "suggested_action":
        right = Counter(expected for _, expected, _ in cases).most_common(1)
        label = right[0][0] if right else "the right answer"
        return f"Add examples of “{label}”, or name in the instruction that it goes with: {shared}."
    wrong = Counter((expected, got) for _, expected, got in cases).most_common(1)
    (expected, got), times = wrong[0] if wrong else (("", ""), 0)
    return (
        f"These inputs share the words {shared}; in {times} of {len(cases)}, “{got}” is answered "
        f"where “{expected}” is right."
    )


def _cases(text: str) -> Iterator[tuple[str, str, str]]:
    for asked, expected, got in _CASE.findall(text):
        yield asked.strip(), expected.strip(), got.strip()


def _row(asked: str, expected: str, _: str, fields: str) -> dict[str, Any] | None:
    """Return a case's words in another order: no new thought, and so said nowhere to be one."""
    try:
        names = json.loads(fields)
        (side_in,), (side_out,) = names["inputs"], names["outputs"]
    except (ValueError, KeyError, TypeError):
        return None
    words = asked.split()
    turned = " ".join([*words[len(words) // 2 :], *words[: len(words) // 2]])
    return {"inputs": {side_in: turned}, "outputs": {side_out: expected}}
