"""Which rows say nearly the same: every text of one shares four words in five with the other's.

Exact, not sampled: with the words ordered by rarity, two sets that share that much share one of
the first few words (prefix filtering, Chaudhuri et al. 2006), so few pairs are ever compared.
"""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kaizen_engine.data.split import normalised

SIMILARITY = 0.8
# Of a longer text the words with the lowest hashes stand for it: the same ones in a twin of it.
MOST_WORDS = 400
LONGEST_WORD = 200
_WORD = re.compile(r"\w+")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u2e80-\u9fff\uac00-\ud7af]")

Words = Mapping[str, frozenset[str]]
Root = Callable[[int], int]


def words_of(inputs: Mapping[str, Any]) -> Words:
    """Return the set of words of every text in the inputs, by the path to it."""
    return {path: _some(frozenset(words)) for path, words in texts_of(inputs).items()}


def texts_of(inputs: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the words of every text in the inputs, in their order, by the path to it."""
    found: dict[str, list[str]] = {}
    pending: list[tuple[str, Any]] = [("", normalised(inputs))]
    while pending:
        path, value = pending.pop()
        if isinstance(value, Mapping):
            pending.extend((f"{path}.{name}", part) for name, part in value.items())
        elif isinstance(value, list):
            pending.extend((f"{path}.{place}", part) for place, part in enumerate(value))
        else:
            text = value if isinstance(value, str) else repr(value)
            found[path] = list(_pieces(text)) or ([text] if text else [])
    return found


def is_near(one: Words, other: Words, at_least: float = SIMILARITY) -> bool:
    return one.keys() == other.keys() and all(
        _similarity(words, other[path]) >= at_least for path, words in one.items()
    )


class NearIndex:
    """Finds, among the rows added so far, those near a new one.

    Rows are numbers into `rows`. `root` tells the group of a row: of a group that one row was
    found near to, no other row is compared.
    """

    def __init__(self, rows: Sequence[Words], root: Root) -> None:
        self._rows = rows
        self._root = root
        self._pivot = _most_telling(rows)
        words = [row.get(self._pivot, frozenset()) for row in rows]
        count = Counter(word for each in words for word in each)
        self._words = words
        self._ordered = [sorted(each, key=lambda word: (count[word], word)) for each in words]
        self._rows_with: dict[str, dict[int, list[int]]] = {}

    def groups_near(self, row: int) -> set[int]:
        """Return the roots of the groups that hold a row near this one."""
        near: set[int] = set()
        compared: set[int] = set()
        for word in self._prefix(row):
            for root, members in self._settled(word).items():
                if root in near:
                    continue
                fresh = [member for member in members if member not in compared]
                compared.update(fresh)
                if any(self._is_near(row, member) for member in fresh):
                    near.add(root)
        return near

    def add(self, row: int) -> None:
        for word in self._prefix(row):
            self._rows_with.setdefault(word, {}).setdefault(self._root(row), []).append(row)

    def _settled(self, word: str) -> dict[int, list[int]]:
        """Return the rows with a word by their group, as the groups are by now."""
        groups = self._rows_with.get(word, {})
        if any(self._root(root) != root for root in groups):
            merged: dict[int, list[int]] = {}
            for root, members in groups.items():
                merged.setdefault(self._root(root), []).extend(members)
            self._rows_with[word] = groups = merged
        return groups

    def _prefix(self, row: int) -> list[str]:
        words = self._ordered[row]
        return words[: len(words) - math.ceil(SIMILARITY * len(words)) + 1]

    def _is_near(self, row: int, other: int) -> bool:
        one, two = self._words[row], self._words[other]
        shared, size = len(one & two), len(one) + len(two)
        # Nearly all pairs end here, so that the other texts are seldom compared.
        if shared < SIMILARITY * (size - shared):
            return False
        return is_near(self._rows[row], self._rows[other])


def _most_telling(rows: Sequence[Words]) -> str:
    """Return the path whose texts differ most: rows may well share all of their context."""
    texts: dict[str, set[frozenset[str]]] = {}
    for row in rows:
        for path, words in row.items():
            texts.setdefault(path, set()).add(words)
    return max(sorted(texts), key=lambda path: len(texts[path]), default="")


def _similarity(one: frozenset[str], other: frozenset[str]) -> float:
    shared = len(one & other)
    whole = len(one) + len(other) - shared
    return shared / whole if whole else 1.0


def _some(words: frozenset[str]) -> frozenset[str]:
    if len(words) <= MOST_WORDS:
        return words
    return frozenset(sorted(words, key=_hash)[:MOST_WORDS])


def _pieces(text: str) -> Iterator[str]:
    for word in _WORD.findall(text):
        if len(word) > LONGEST_WORD:
            yield _hash(word)
        elif len(word) > 1 and _UNSPACED.search(word):
            yield from (word[place : place + 2] for place in range(len(word) - 1))
        else:
            yield word


def _hash(word: str) -> str:
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()[:16]
