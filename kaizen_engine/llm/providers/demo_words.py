"""Word statistics of the demo model: what two texts have in common, and nothing else.

Vectors are TF-IDF over word stems and over character 4-grams, with document frequencies taken
from the demonstrations in the prompt at hand (Salton and Buckley 1988).
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache

Counts = Mapping[str, float]
Vector = dict[str, float]

_WORD = re.compile(r"\w+(?:'\w+)?")
_SUFFIXES = ("ing", "ed", "es", "s", "ly", "e")
_GRAM = 4
# Its context window: a longer text is read up to here, which bounds the caches as well.
_LONGEST_TEXT = 4000
_FUNCTION_WORD_WEIGHT = 0.1
_GRAM_WEIGHT = 0.5
_FUNCTION_TEXT = (
    "a an the i i'm i've i'd me my we our you your it its it's this that these those is am are was "
    "were be been being do does did doing done have has had having can could will would shall "
    "should may might must to of in on at by for with about from as into and or but if so than "
    "then too very not no yes there here what which who whom when where why how please hi hello "
    "hey thanks thank just also get got some any all up out off over again more most don't doesn't "
    "didn't isn't can't won't"
)
_FUNCTION_WORDS = frozenset(_FUNCTION_TEXT.split())


@dataclass(frozen=True)
class Features:
    words: Counts
    grams: Counts


@dataclass(frozen=True)
class Vectors:
    words: Vector
    grams: Vector


def features(text: str) -> Features:
    """Count the stems (function words weigh little) and the character 4-grams of a text."""
    return _features(text[:_LONGEST_TEXT])


@lru_cache(maxsize=256)
def _features(text: str) -> Features:
    tokens = _WORD.findall(text.lower())
    words: dict[str, float] = {}
    for token in tokens:
        weight = _FUNCTION_WORD_WEIGHT if token in _FUNCTION_WORDS else 1.0
        words[stem(token)] = words.get(stem(token), 0.0) + weight
    padded = f" {' '.join(tokens)} "
    grams = Counter(padded[i : i + _GRAM] for i in range(len(padded) - _GRAM + 1))
    return Features(words, grams)


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """Cut the commonest English endings, so that "declined" meets "declines"."""
    word = word.partition("'")[0]
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)]
            break
    if len(word) > 3 and word[-1] == word[-2]:
        word = word[:-1]
    return word[:-1] + "y" if word.endswith("i") else word


@lru_cache(maxsize=1024)
def content_stems(text: str) -> frozenset[str]:
    """Return the stems of a text without its function words."""
    tokens = _WORD.findall(text[:_LONGEST_TEXT].lower())
    return frozenset(stem(token) for token in tokens if token not in _FUNCTION_WORDS)


def content_words(text: str) -> list[str]:
    """Return the words of a text in order, each stem once, without function words and numbers."""
    by_stem: dict[str, str] = {}
    for token in _WORD.findall(text[:_LONGEST_TEXT].lower()):
        if token not in _FUNCTION_WORDS and not token.isdigit():
            by_stem.setdefault(stem(token), token)
    return list(by_stem.values())


class Memory:
    """The texts of a prompt's demonstrations, ready to be compared with a new one."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        found = [features(text) for text in texts]
        self._word_idf = _idf([each.words for each in found])
        self._gram_idf = _idf([each.grams for each in found])
        self._vectors = [self._vectors_of(each) for each in found]

    def similarities(self, text: str) -> list[float]:
        """Return for each demonstration how alike it is to `text`: 0 to 1.5."""
        mine = self._vectors_of(features(text))
        return [
            _dot(mine.words, other.words) + _GRAM_WEIGHT * _dot(mine.grams, other.grams)
            for other in self._vectors
        ]

    def _vectors_of(self, found: Features) -> Vectors:
        return Vectors(_unit(found.words, self._word_idf), _unit(found.grams, self._gram_idf))


@lru_cache(maxsize=32)
def memory_of(texts: tuple[str, ...]) -> Memory:
    return Memory(texts)


def _idf(documents: list[Counts]) -> Callable[[str], float]:
    frequency: Counter[Hashable] = Counter()
    for document in documents:
        frequency.update(document.keys())
    total = len(documents) + 1
    known = {term: math.log(total / (count + 0.5)) for term, count in frequency.items()}
    unseen = math.log(total / 0.5)
    return lambda term: known.get(term, unseen)


def _unit(counts: Counts, idf: Callable[[str], float]) -> Vector:
    weights = {term: math.log1p(count) * idf(term) for term, count in counts.items()}
    length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
    return {term: weight / length for term, weight in weights.items()}


def _dot(one: Vector, other: Vector) -> float:
    if len(one) > len(other):
        one, other = other, one
    return sum(weight * other[term] for term, weight in one.items() if term in other)
