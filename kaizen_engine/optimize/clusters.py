"""Texts that say similar things, put together: for failures, for inputs, for insights.

TF-IDF vectors over word stems and greedy centres, in plain Python: the same texts give the same
clusters on every machine, whatever order threads ended in. Sized for some hundreds of texts.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_WORD = re.compile(r"[^\W\d_][\w'-]*")
_LONGEST_TEXT = 4000
_ROUNDS = 10
_WORDS_IN_NAME = 3
# Less than this, and two texts share a word by chance.
_LIKE = 0.1
_FUNCTION_TEXT = (
    "a an the i i'm i've i'd me my we our you your it its it's this that these those is am are was "
    "were be been being do does did done have has had having can could will would shall should may "
    "might must to of in on at by for with about from as into and or but if so than then too very "
    "not no yes there here what which who whom when where why how please also just any some all"
)
_FUNCTION_WORDS = frozenset(_FUNCTION_TEXT.split())

Vector = Mapping[str, float]


@dataclass(frozen=True)
class Cluster:
    """`name` is the words that set it apart, `ids` its members, the most typical one first."""

    name: str
    ids: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.ids)


def cluster_texts(texts: Mapping[str, str], *, most: int = 8) -> tuple[Cluster, ...]:
    """Return at most `most` clusters of the texts by id, the largest first.

    Every text is in exactly one cluster. There are about half as many clusters as the square
    root of twice the texts; those that come out empty are left out.
    """
    ids = sorted(texts)
    if not ids:
        return ()
    vectors = _vectors([texts[key] for key in ids])
    wanted = max(1, min(most, round(math.sqrt(len(ids) / 2))))
    centres = _spread(vectors, wanted)
    members = _settled(vectors, centres)
    found = [_cluster(ids, vectors, group) for group in members if group]
    return tuple(sorted(found, key=lambda cluster: (-cluster.size, cluster.ids)))


def nearest_clusters(
    texts: Mapping[str, str], clusters: Sequence[Cluster], others: Mapping[str, str]
) -> dict[str, int]:
    """Return for each of `others` the place of the cluster it is like; one like none is left out.

    `texts` are those the clusters were made of, which stay as they are.
    """
    members = sorted(texts)
    strangers = sorted(others)
    vectors = _vectors([texts[key] for key in members] + [others[key] for key in strangers])
    by_id = dict(zip(members, vectors, strict=False))
    centres = [_mean([by_id[key] for key in cluster.ids]) for cluster in clusters]
    homes = {}
    for key, vector in zip(strangers, vectors[len(members) :], strict=True):
        likeness = [round(_dot(vector, centre), 12) for centre in centres]
        if likeness and max(likeness) >= _LIKE:
            homes[key] = likeness.index(max(likeness))
    return homes


def _vectors(texts: Sequence[str]) -> list[Vector]:
    counts = [Counter(_words(text)) for text in texts]
    frequency: Counter[str] = Counter()
    for words in counts:
        frequency.update(words.keys())
    total = len(texts) + 1
    idf = {word: math.log(total / count) for word, count in frequency.items()}
    return [
        _unit({word: math.log1p(n) * idf[word] for word, n in words.items()}) for words in counts
    ]


def _words(text: str) -> list[str]:
    words = _WORD.findall(text[:_LONGEST_TEXT].lower())
    return [word for word in words if word not in _FUNCTION_WORDS]


def _unit(vector: Vector) -> Vector:
    length = math.sqrt(math.fsum(weight * weight for weight in vector.values()))
    if not length:
        return {}
    return {word: weight / length for word, weight in sorted(vector.items())}


def _spread(vectors: Sequence[Vector], wanted: int) -> list[Vector]:
    """Choose centres far from each other: the most typical text, then whatever is least covered."""
    mean = _mean(vectors)
    first = max(range(len(vectors)), key=lambda place: (_dot(vectors[place], mean), -place))
    centres = [vectors[first]]
    nearest = [_dot(vector, centres[0]) for vector in vectors]
    while len(centres) < wanted:
        place = min(range(len(vectors)), key=lambda place: (round(nearest[place], 12), place))
        if nearest[place] > 1 - 1e-9:
            break
        centres.append(vectors[place])
        nearest = [
            max(old, _dot(vector, centres[-1]))
            for old, vector in zip(nearest, vectors, strict=True)
        ]
    return centres


def _settled(vectors: Sequence[Vector], centres: list[Vector]) -> list[list[int]]:
    """Let texts go to their nearest centre and centres to the middle of theirs, until they stay."""
    before: list[int] = []
    for _ in range(_ROUNDS):
        homes = [_nearest(vector, centres) for vector in vectors]
        if homes == before:
            break
        before = homes
        centres = [
            _mean([vectors[place] for place, home in enumerate(homes) if home == number]) or centre
            for number, centre in enumerate(centres)
        ]
    return [
        [place for place, home in enumerate(before) if home == number]
        for number in range(len(centres))
    ]


def _nearest(vector: Vector, centres: Sequence[Vector]) -> int:
    # Rounded, so that a last bit of floating point never decides.
    likeness = [round(_dot(vector, centre), 12) for centre in centres]
    return likeness.index(max(likeness))


def _cluster(ids: Sequence[str], vectors: Sequence[Vector], group: Sequence[int]) -> Cluster:
    centre = _mean([vectors[place] for place in group])
    ranked = sorted(group, key=lambda place: (-round(_dot(vectors[place], centre), 12), place))
    words = sorted(centre, key=lambda word: (-round(centre[word], 12), word))[:_WORDS_IN_NAME]
    return Cluster(", ".join(words) or "no words", tuple(ids[place] for place in ranked))


def _mean(vectors: Sequence[Vector]) -> Vector:
    total: dict[str, float] = {}
    for vector in vectors:
        for word, weight in vector.items():
            total[word] = total.get(word, 0.0) + weight
    return _unit(total)


def _dot(one: Vector, other: Vector) -> float:
    if len(one) > len(other):
        one, other = other, one
    return math.fsum(weight * other[word] for word, weight in one.items() if word in other)
