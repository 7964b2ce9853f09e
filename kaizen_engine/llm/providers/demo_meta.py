"""How the demo model writes instructions: by counting words in the examples it was shown.

Optimizers ask a model to describe data or failures, to give advice and to propose instructions, in
a form of DSPy's that ends in "Respond with …". Everything here comes out of that one message: rows
of data, answers with what people said of them, word counts that an earlier answer noted down, cues
that the instruction has already, demonstrations. Nothing is remembered between calls.
"""

import ast
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kaizen_engine.llm.providers.demo_analyst import answer_analyst, is_analysts
from kaizen_engine.llm.providers.demo_prompt import text_of
from kaizen_engine.llm.providers.demo_words import content_words
from kaizen_engine.llm.types import Message

Noise = Callable[[str], float]

_MARKS = ("Your input fields are:", "Your output fields are:")
_CHAT_FOOTER = re.compile(
    r"Respond with the corresponding output fields, starting with the field (.+), and then "
    r"ending with the marker for `\[\[ ## completed ## \]\]`\.\s*\Z"
)
_JSON_FOOTER = re.compile(
    r"Respond with a JSON object in the following order of fields: (.+)\.\s*\Z"
)
_SECTION = re.compile(r"^\[\[ ## (\w+) ## \]\][ \t]*$", re.MULTILINE)
_FIELD = re.compile(r"`(?:\[\[ ## )?(\w+)")
_ROW = re.compile(r"Example\((\{.*?\})\) \(input_keys=(\{.*?\})\)", re.DOTALL)
_NOTE = re.compile(r"^- (.+?): ((?:\S+ x\d+(?:, |$))+)", re.MULTILINE)
_COUNT = re.compile(r"(\S+) x(\d+)")
_LONGEST_LABEL = 60
_WORDS_NOTED = 14
_FEWEST_CUES, _MOST_CUES = 6, 12
_KEPT_CUES = 24
_NOTES = ("observations", "summary", "diagnosis")
_RECORDS = ("examples_with_feedback", "right_examples")
_REVIEWS = ("better_review", "worse_review")
_EXPECTED = re.compile(r"^Expected output: (\{.*\})$", re.MULTILINE)
_SAID = re.compile(
    r"^> .*?(?:should (?:be|have been)|(?:right|correct) (?:answer|label) is) "
    r"[\"'`]?([^\"'`.,;!?]{1,60})",
    re.MULTILINE | re.IGNORECASE,
)
_CUES = "Words that point to an answer, one line an answer."
# What the instruction says already outweighs one more row.
_KNOWN_WEIGHT = 2


@dataclass(frozen=True)
class MetaPrompt:
    given: Mapping[str, str]
    wanted: tuple[str, ...]
    is_json: bool


@dataclass
class Tally:
    """For each label, in how many rows each word was seen."""

    by_label: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, label: str, words: Mapping[str, int]) -> None:
        seen = self.by_label.setdefault(label, {})
        for word, count in words.items():
            seen[word] = seen.get(word, 0) + count

    def telling(self, label: str, most: int, noise: Noise) -> list[str]:
        """Return the words that are frequent with this label and rare with the others."""
        seen = self.by_label[label]
        worth = {
            word: count * count / (self._total(word) + 1) + noise(f"{label}|{word}")
            for word, count in seen.items()
        }
        return sorted(worth, key=lambda word: (-worth[word], word))[:most]

    def _total(self, word: str) -> int:
        return sum(seen.get(word, 0) for seen in self.by_label.values())


def read_meta(messages: Sequence[Message]) -> MetaPrompt | None:
    """Return what an optimizer asks for, or None for every other prompt."""
    if len(messages) < 2 or messages[0].get("role") != "system":
        return None
    system, asked = text_of(messages[0]), text_of(messages[-1])
    if not all(mark in system for mark in _MARKS):
        return None
    footer = _CHAT_FOOTER.search(asked) or _JSON_FOOTER.search(asked)
    if footer is None:
        return None
    parts = _SECTION.split(asked[: footer.start()])
    given = {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}
    return MetaPrompt(given, tuple(_FIELD.findall(footer[1])), footer.re is _JSON_FOOTER)


def answer_meta(asked: MetaPrompt, noise: Noise) -> str:
    """Return every wanted field, in the form asked for."""
    tally = _tally_of(asked.given)
    fields = {name: _written(name, asked.given, tally, noise) for name in asked.wanted}
    if asked.is_json:
        return json.dumps(fields, ensure_ascii=False)
    sections = [f"[[ ## {name} ## ]]\n{text}" for name, text in fields.items()]
    return "\n\n".join([*sections, "[[ ## completed ## ]]"])


def _written(name: str, given: Mapping[str, str], tally: Tally, noise: Noise) -> Any:
    if is_analysts(name, given):
        return answer_analyst(name, given)
    if name in _NOTES:
        return _notes(tally)
    if "instruction" in name:
        return _instruction(_base(given), tally, noise, known="current_instruction" in given)
    if name == "advice":
        return "\n".join(_cue_lines(tally, _MOST_CUES, noise))
    return f"It answers an input; {len(tally.by_label)} different answers were shown."


def _notes(tally: Tally) -> str:
    lines = []
    for label in sorted(tally.by_label):
        words = tally.telling(label, _WORDS_NOTED, lambda _: 0.0)
        counts = ", ".join(f"{word} x{tally.by_label[label][word]}" for word in words)
        lines.append(f"- {label}: {counts}")
    # DSPy strings observations together without a break between them.
    return "\n".join(["These words came with these answers.", *lines, "That is all."])


def _instruction(basic: str, tally: Tally, noise: Noise, *, known: bool) -> str:
    cues = _FEWEST_CUES + round(abs(noise("length")) * 1000) % (_MOST_CUES - _FEWEST_CUES + 1)
    lines = _cue_lines(tally, _KEPT_CUES if known else cues, noise)
    if not lines:
        return f"{basic}\nRead the whole input before you answer.".strip()
    return "\n".join([basic, "", _CUES, *lines])


def _base(given: Mapping[str, str]) -> str:
    """Return the instruction to write on, without the cues that will be written anew."""
    text = given.get("basic_instruction") or given.get("current_instruction", "")
    return text.partition(_CUES)[0].strip()


def _cue_lines(tally: Tally, most: int, noise: Noise) -> list[str]:
    return [
        f"{label}: {', '.join(words)}"
        for label in sorted(tally.by_label)
        if (words := tally.telling(label, most, noise))
    ]


def _tally_of(given: Mapping[str, str]) -> Tally:
    tally = Tally()
    for text in given.values():
        for label, words in (*_noted(text), *_rows(text)):
            tally.add(label, words)
    for label, words in (*_demonstrations(given), *_records(given), *_compared(given)):
        tally.add(label, words)
    for label, cues in _known(given.get("current_instruction", "")):
        tally.add(label, dict.fromkeys(cues, _KNOWN_WEIGHT))
    return tally


def _noted(text: str) -> Iterator[tuple[str, dict[str, int]]]:
    for label, counts in _NOTE.findall(text):
        yield label, {word: int(count) for word, count in _COUNT.findall(counts)}


def _rows(text: str) -> Iterator[tuple[str, dict[str, int]]]:
    """Read rows as DSPy prints them: `Example({...}) (input_keys={...})`."""
    for fields, keys in _ROW.findall(text):
        try:
            row, inputs = ast.literal_eval(fields), ast.literal_eval(keys)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        words = content_words(" ".join(str(row[key]) for key in sorted(inputs) if key in row))
        for name, value in row.items():
            label = value if isinstance(value, str) else json.dumps(value, default=str)
            if name not in inputs and _is_label(label):
                yield label, dict.fromkeys(words, 1)


def _demonstrations(given: Mapping[str, str]) -> Iterator[tuple[str, dict[str, int]]]:
    """Read demonstrations: lines of `Name: value`, the last one the answer, a blank line after."""
    for block in given.get("task_demos", "").split("\n\n"):
        *lines, last = block.strip().splitlines() or [""]
        _, found, label = last.partition(": ")
        if lines and found and _is_label(label):
            values = (line.partition(": ")[2] or line for line in lines)
            yield label, dict.fromkeys(content_words(" ".join(values)), 1)


def _records(given: Mapping[str, str]) -> Iterator[tuple[str, dict[str, int]]]:
    """Read answers with their reviews: a JSON list of Inputs, Generated Outputs and Feedback."""
    for name in _RECORDS:
        for record in _json(given.get(name, ""), list):
            if isinstance(record, dict) and isinstance(record.get("Inputs"), dict):
                yield from _reviewed(record["Inputs"], str(record.get("Feedback", "")))


def _compared(given: Mapping[str, str]) -> Iterator[tuple[str, dict[str, int]]]:
    """Read two answers to one input, of which one was better."""
    inputs = _json(given.get("given", ""), dict)
    review = next((given[name] for name in _REVIEWS if name in given), "")
    if inputs:
        yield from _reviewed(inputs, review)


def _reviewed(inputs: Mapping[str, object], review: str) -> Iterator[tuple[str, dict[str, int]]]:
    words = content_words(" ".join(str(inputs[key]) for key in sorted(inputs)))
    expected = [
        value if isinstance(value, str) else json.dumps(value, default=str)
        for found in _EXPECTED.findall(review)
        for value in _json(found, dict).values()
    ]
    for label in expected or [said.strip() for said in _SAID.findall(review)]:
        if _is_label(label):
            yield label, dict.fromkeys(words, 1)


def _known(instruction: str) -> Iterator[tuple[str, list[str]]]:
    """Read the cues that an earlier answer wrote into the instruction."""
    for line in instruction.partition(_CUES)[2].splitlines():
        label, found, words = line.partition(": ")
        if found and _is_label(label):
            yield label, words.split(", ")


def _json(text: str, kind: type) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return kind()
    return found if isinstance(found, kind) else kind()


def _is_label(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_LABEL and text == text.strip() and "\n" not in text
