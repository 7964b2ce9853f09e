"""Topics: clusters of inputs with their failures, and what became of each since the last job.

Made from rows that a search may see; the hold-out never comes here.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from kaizen_engine.optimize.clusters import cluster_texts, nearest_clusters
from kaizen_engine.states import TopicLife

FEWEST_FAILURES = 2
# So few examples teach a search nothing about a topic.
FEWEST_EXAMPLES = 3
# So many scored rows without a failure say that a topic is mended.
FEWEST_MENDED = 3
MOST_TOPICS = 12
_GROWTH = 1.25
_SAME = 0.5


@dataclass(frozen=True)
class TopicRow:
    """One row: its input as text, its score with the live prompt (None: not scored), and whether
    it can be an example to learn from. `group` is the same in every job.

    A candidate is no example yet: it belongs to a topic without counting there.
    """

    group: str
    text: str
    score: float | None = None
    teaches: bool = False
    is_candidate: bool = False


@dataclass(frozen=True)
class Topic:
    """`members` and `failing` are groups, the most typical first; `rows` and the like count."""

    name: str
    members: tuple[str, ...]
    failing: tuple[str, ...]
    rows: int
    scored: int
    examples: int
    candidates: tuple[str, ...] = ()

    @property
    def failures(self) -> int:
        return len(self.failing)

    @property
    def is_failing(self) -> bool:
        return self.failures >= FEWEST_FAILURES

    @property
    def is_gap(self) -> bool:
        """It fails, and there is next to nothing that a search could learn it from."""
        return self.is_failing and self.examples < FEWEST_EXAMPLES


@dataclass(frozen=True)
class Sighting:
    """A topic as an earlier job saw it; shares are of all rows and of the scored ones."""

    life: TopicLife
    members: frozenset[str]
    share: float
    failures: int
    failure_share: float


def find_topics(rows: Sequence[TopicRow], good_score: float) -> tuple[Topic, ...]:
    """Return the topics of the rows, those with most failures first; a group counts once."""
    examples = {row.group: row for row in rows if not row.is_candidate}
    texts = {group: row.text for group, row in examples.items()}
    clusters = cluster_texts(texts, most=MOST_TOPICS)
    others = {row.group: row.text for row in rows if row.is_candidate}
    homes = nearest_clusters(texts, clusters, others)
    found = [
        _topic(
            cluster.name,
            [examples[group] for group in cluster.ids],
            tuple(key for key, home in homes.items() if home == place),
            good_score,
        )
        for place, cluster in enumerate(clusters)
    ]
    return tuple(sorted(found, key=lambda topic: (-topic.failures, -topic.rows, topic.name)))


def match_topics(
    topics: Sequence[Topic], known: Mapping[int, Collection[str]]
) -> dict[int, int | None]:
    """Return for each topic's place the id of the known one it continues, if any.

    Two are the same when half of the smaller one's groups are in both; the largest overlap
    is matched first, and each known topic goes on in one topic only.
    """
    pairs = sorted(
        (
            (-len(common), place, key)
            for place, topic in enumerate(topics)
            for key, members in known.items()
            if (common := set(topic.members) & set(members))
            and len(common) >= _SAME * min(len(topic.members), len(members))
        ),
    )
    matched: dict[int, int | None] = dict.fromkeys(range(len(topics)))
    taken: set[int] = set()
    for _, place, key in pairs:
        if matched[place] is None and key not in taken:
            matched[place] = key
            taken.add(key)
    return matched


def life_of(topic: Topic, before: Sighting | None, *, share: float) -> TopicLife:
    """Return what became of a topic; `share` is of all rows of this job."""
    if before is None:
        return TopicLife.NEW
    if not topic.failures:
        mended = before.failures and topic.scored >= FEWEST_MENDED
        if mended or before.life is TopicLife.FIXED:
            return TopicLife.FIXED
        return TopicLife.GROWING if share > _GROWTH * before.share else TopicLife.STEADY
    if before.life is TopicLife.FIXED:
        return TopicLife.REGRESSED
    failing = topic.failures / topic.scored
    grows = failing > _GROWTH * before.failure_share and topic.failures > before.failures
    return TopicLife.GROWING if grows else TopicLife.STEADY


def _topic(
    name: str, rows: Sequence[TopicRow], candidates: tuple[str, ...], good_score: float
) -> Topic:
    scored = [row for row in rows if row.score is not None]
    return Topic(
        name=name,
        members=tuple(row.group for row in rows),
        failing=tuple(row.group for row in scored if (row.score or 0.0) < good_score),
        rows=len(rows),
        scored=len(scored),
        examples=sum(row.teaches for row in rows),
        candidates=candidates,
    )
