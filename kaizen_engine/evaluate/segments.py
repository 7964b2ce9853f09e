"""Whether a prompt that is better on the whole is worse for some kind of input.

Segments come from inputs alone (their language, where they are from, what they are about), never
from answers or scores: a segment that is defined by failures regresses to the mean by itself.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

FEWEST_ROWS = 15
ALPHA = 0.05
_WORD = re.compile(r"[^\W\d_]+")
_MOST_WORDS = 200
_COMMON_WORDS = {
    "en": "the and is to of in it you that for was are with have this not what how my can",
    "de": "der die das und ist nicht ich zu ein eine mit den von wie auf bitte kann mein wir sie",
    "fr": "le la les et est je un une des que pour pas dans vous mon sur avec ce qui comment",
    "es": "el la los y es que un una en por no mi con para se como lo del las qué",
    "it": "il la e di che non un una per mi con sono come del della ho gli più è le",
    "pt": "o a e de que não um uma para com meu em os do da como se por eu minha",
    "nl": "de het een en is niet ik van dat op te mijn met voor hoe kan zijn er naar wat",
}
_WORDS_OF = {name: frozenset(words.split()) for name, words in _COMMON_WORDS.items()}


@dataclass(frozen=True)
class SegmentRow:
    """One row scored with both prompts; `labels` say of each kind which segment it is in."""

    before: float
    after: float
    group: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Segment:
    """`p` is one-sided, for "worse"; `needed` what it has to be below by Holm's procedure."""

    kind: str
    value: str
    n: int
    gain: float
    p: float
    needed: float
    is_worse: bool


def compare_segments(
    rows: Sequence[SegmentRow], *, alpha: float = ALPHA, seed: int = 0
) -> tuple[Segment, ...]:
    """Return each segment of 15 rows or more, the most doubtful first.

    A kind that puts all rows into one segment says nothing beyond the verdict and is left out.
    """
    found = [_measured(kind, value, part, seed) for kind, value, part in _parts(rows)]
    ranked = sorted(found, key=lambda segment: (segment.p, segment.kind, segment.value))
    judged, is_open = [], True
    for place, segment in enumerate(ranked):
        needed = alpha / (len(ranked) - place)
        # Holm: the first that is not significant settles all that come after it.
        is_open = is_open and segment.p < needed
        judged.append(replace(segment, needed=needed, is_worse=is_open))
    return tuple(judged)


def language_of(text: str) -> str:
    """Guess a language: by its script, and for Latin letters by the commonest words; or "other"."""
    words = [word.lower() for word in _WORD.findall(text)[:_MOST_WORDS]]
    scripts = Counter(_script(word[0]) for word in words)
    if not scripts:
        return "other"
    script = scripts.most_common(1)[0][0]
    if script != "latin":
        return script
    hits = {name: sum(word in known for word in words) for name, known in _WORDS_OF.items()}
    best = max(hits, key=lambda name: hits[name])
    return best if hits[best] else "other"


def _script(letter: str) -> str:
    return unicodedata.name(letter, "other").split(" ")[0].lower()


def _parts(rows: Iterable[SegmentRow]) -> list[tuple[str, str, list[SegmentRow]]]:
    by_kind: dict[str, dict[str, list[SegmentRow]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        for kind, value in row.labels.items():
            by_kind[kind][value].append(row)
    return [
        (kind, value, part)
        for kind, values in by_kind.items()
        for value, part in values.items()
        if len(values) > 1 and len(part) >= FEWEST_ROWS
    ]


def _measured(kind: str, value: str, rows: Sequence[SegmentRow], seed: int) -> Segment:
    # Imported here: scipy has no place in a web process.
    from kaizen_engine.evaluate.significance import compare

    # The other way round, so that a small p says "worse".
    found = compare(
        [row.after for row in rows],
        [row.before for row in rows],
        [row.group for row in rows],
        alpha=ALPHA,
        seed=seed,
    )
    return Segment(kind, value, found.n, -found.gain, found.p, 0.0, is_worse=False)
