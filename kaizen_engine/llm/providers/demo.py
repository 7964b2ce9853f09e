"""The demo model: an in-context learner by word statistics. It is not a language model.

It sees the messages of one call and nothing else, keeps nothing it was told, and knows no task
but to choose or copy answers: labels by cue words in the instruction ("LABEL: word, word") and
by the demonstrations most like the input, free text from the nearest demonstration. Asked by an
optimizer for an instruction, it writes cue words of the examples in that request; asked to judge,
it compares words. It cannot reason, so its figures say nothing about a real model. Deterministic;
about a millisecond a call.
"""

import hashlib
import json
import math
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from kaizen_engine.llm.providers.demo_judge import answer_judge, read_judge
from kaizen_engine.llm.providers.demo_meta import answer_meta, read_meta
from kaizen_engine.llm.providers.demo_prompt import Field, Prompt, read_prompt, text_of
from kaizen_engine.llm.providers.demo_vectors import word_vector
from kaizen_engine.llm.providers.demo_words import content_stems, features, memory_of
from kaizen_engine.llm.types import ChatRequest, ChatResponse, Message, messages_hash
from kaizen_engine.llm.vectors import vector_text

_NAME_WEIGHT = 0.05
_CUE_WEIGHT = 0.3
_CUE_CEILING = 0.9
# Half a phantom demonstration: one lucky likeness must not beat several solid ones.
_SHRINKAGE = 0.5
_NOISE = 0.08
_TIE_BREAK = 1e-6
_BYTES_PER_TOKEN = 4
_TOKENS_PER_MESSAGE = 4
_REMEMBERED_REQUESTS = 4096
_CUE_LINE = re.compile(
    r"^\s*(?:[-*>]\s+|\d+[.)]\s+)?[`\"'*]*(.+?)[`\"'*]*\s*(?::|=>|->|=)[\s*]*([^\s*].*)$"
)
_SOURCES = (
    *("demo.py", "demo_analyst.py", "demo_judge.py"),
    *("demo_meta.py", "demo_prompt.py", "demo_vectors.py", "demo_words.py"),
)


def source_hash() -> str:
    """Return the SHA-256 of everything that decides an answer, to note beside a benchmark."""
    folder = Path(__file__).parent
    return hashlib.sha256(b"\0".join((folder / name).read_bytes() for name in _SOURCES)).hexdigest()


def count_tokens(text: str) -> int:
    """Return the demo model's tokens: four bytes each, rounded up."""
    return math.ceil(len(text.encode("utf-8", "replace")) / _BYTES_PER_TOKEN)


def count_message_tokens(messages: Sequence[Message]) -> int:
    return sum(_TOKENS_PER_MESSAGE + count_tokens(text_of(message)) for message in messages)


class DemoModel:
    """A Provider. At a temperature above zero the samples of one request differ: by the parameter
    `seed` where it is sent, else by how often this instance was asked."""

    def __init__(self) -> None:
        self._asked: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def complete(self, request: ChatRequest, *, timeout_s: float) -> ChatResponse:
        if request.endpoint == "embeddings":
            counted = count_message_tokens(request.messages)
            vector = vector_text(word_vector(text_of(request.messages[-1])))
            return ChatResponse(vector, counted, 0, model=request.model)
        digest = messages_hash(request.messages)
        sample = self._sample(request) if request.temperature > 0 else 0
        draw = _Draw(digest, request.temperature, sample)
        text, finish_reason = _cut(_reply(request.messages, draw), request.max_tokens)
        return ChatResponse(
            text=text,
            input_tokens=count_message_tokens(request.messages),
            output_tokens=count_tokens(text),
            finish_reason=finish_reason,
            model=request.model,
        )

    def _sample(self, request: ChatRequest) -> int:
        seed = request.params.get("seed")
        if isinstance(seed, int):
            return seed
        with self._lock:
            asked = self._asked.pop(request.hash, 0)
            self._asked[request.hash] = asked + 1
            if len(self._asked) > _REMEMBERED_REQUESTS:
                self._asked.popitem(last=False)
            return asked


@dataclass(frozen=True)
class _Draw:
    """Seeded noise: a tie-break at temperature 0, a Gumbel draw (softmax sampling) above."""

    digest: str
    temperature: float
    sample: int

    def noise(self, name: str) -> float:
        key = f"{self.digest}|{self.sample}|{name}"
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        number = (int.from_bytes(digest[:8], "big") + 0.5) / 2**64
        if self.temperature <= 0:
            return _TIE_BREAK * number
        return -_NOISE * self.temperature * math.log(-math.log(number))


def _reply(messages: Sequence[Message], draw: _Draw) -> str:
    meta = read_meta(messages)
    if meta is not None:
        return answer_meta(meta, draw.noise)
    judged = read_judge(messages)
    if judged is not None:
        return answer_judge(judged)
    return _answer(read_prompt(messages), draw)


def _answer(prompt: Prompt, draw: _Draw) -> str:
    alike = memory_of(tuple(shown for shown, _ in prompt.demos)).similarities(prompt.query)
    answers = [answer for _, answer in prompt.demos]
    if not prompt.contract.is_json:
        return _plain(_field_answer(prompt, prompt.contract.fields[0], alike, answers, draw))
    known = [_json_object(answer) for answer in answers]
    chosen = {}
    for field in prompt.contract.fields:
        shown = [answer.get(field.name) for answer in known]
        chosen[field.name] = _field_answer(prompt, field, alike, shown, draw)
    return json.dumps(chosen, ensure_ascii=False)


def _field_answer(
    prompt: Prompt, field: Field, alike: list[float], shown: Sequence[Any], draw: _Draw
) -> Any:
    if field.labels:
        return _best_label(prompt, field, alike, shown, draw)
    nearest = [
        (score + draw.noise(f"{field.name}|{place}"), place)
        for place, score in enumerate(alike)
        if shown[place] is not None
    ]
    if nearest:
        return shown[max(nearest)[1]]
    return _without_examples(field, prompt.query)


def _without_examples(field: Field, query: str) -> Any:
    empty: dict[str, Any] = {"integer": 0, "number": 0, "array": [], "object": {}}
    return empty.get(field.form, " ".join(query.split()[:12]))


def _best_label(
    prompt: Prompt, field: Field, alike: list[float], shown: Sequence[Any], draw: _Draw
) -> Any:
    scores = _demo_scores(field.labels, alike, shown)
    names = tuple(_plain(label) for label in field.labels)
    cues = _cues(prompt.instruction, names)
    stems = frozenset(features(prompt.query).words)
    for place, name in enumerate(names):
        scores[place] += _NAME_WEIGHT * len(stems & content_stems(name.replace("_", " ")))
        hits = sum(weight for cue, weight in cues.get(name, {}).items() if cue in stems)
        scores[place] += min(_CUE_CEILING, _CUE_WEIGHT * hits)
        scores[place] += draw.noise(f"{field.name}|{name}")
    return field.labels[max(range(len(scores)), key=scores.__getitem__)]


def _demo_scores(labels: Sequence[Any], alike: list[float], shown: Sequence[Any]) -> list[float]:
    """Return for each label the shrunken mean likeness of its demonstrations."""
    places = {_folded(label): place for place, label in enumerate(labels)}
    sums, counts = [0.0] * len(labels), [0] * len(labels)
    for score, answer in zip(alike, shown, strict=True):
        place = places.get(_folded(answer))
        if place is not None:
            sums[place] += score
            counts[place] += 1
    return [total / (count + _SHRINKAGE) for total, count in zip(sums, counts, strict=True)]


@lru_cache(maxsize=64)
def _cues(instruction: str, names: tuple[str, ...]) -> Mapping[str, Mapping[str, float]]:
    """Read lines such as "LABEL: word, word"; a cue shared by labels is divided among them."""
    by_name: dict[str, set[str]] = {}
    wanted = {_folded(name): name for name in names}
    for line in instruction.splitlines():
        found = _CUE_LINE.match(line)
        name = wanted.get(_folded(found[1])) if found else None
        if found and name is not None:
            by_name.setdefault(name, set()).update(content_stems(found[2]))
    sharing: dict[str, int] = {}
    for cues in by_name.values():
        for cue in cues:
            sharing[cue] = sharing.get(cue, 0) + 1
    return {name: {cue: 1.0 / sharing[cue] for cue in cues} for name, cues in by_name.items()}


def _folded(label: Any) -> str:
    return _plain(label).strip().casefold()


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _json_object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _cut(text: str, max_tokens: int) -> tuple[str, str]:
    whole = text.encode("utf-8", "replace")
    if len(whole) <= max_tokens * _BYTES_PER_TOKEN:
        return text, "stop"
    return whole[: max_tokens * _BYTES_PER_TOKEN].decode("utf-8", "ignore"), "length"
