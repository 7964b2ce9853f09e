"""Which version came from which, of as many versions as a person can take in.

A prompt with many versions shows the latest, all that have a tag and all that were ever live; a
line that passes versions left out says how many.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, Q, QuerySet

from prompts_app.models import GateResult, PromptVersion, Tag
from prompts_app.score_rows import before_of, scores_by_version
from prompts_app.selectors import PRODUCTION, PROMOTION
from prompts_app.version_rows import HEAVY
from tasks_app.models import Task

MOST, LATEST = 80, 40


@dataclass(frozen=True)
class Edge:
    """From a version to one made of it; `passed` versions between them are left out."""

    parent: int
    child: int
    passed: int = 0


@dataclass(frozen=True)
class Node:
    number: int
    tags: tuple[str, ...]
    was_live: bool
    score: float | None
    gain: float | None
    verdict: str
    reason: str
    review_state: str

    @property
    def names(self) -> str:
        """Return the tags of the team's own."""
        return ", ".join(tag for tag in self.tags if tag != PRODUCTION)

    @property
    def kind(self) -> str:
        """Return the word by which it is drawn."""
        if PRODUCTION in self.tags:
            return "live"
        return "past" if self.was_live else self.review_state


@dataclass(frozen=True)
class Lineage:
    """Versions by number. `ancestors` has the latest common one of each merge's parents."""

    nodes: dict[int, Node]
    edges: list[Edge]
    left_out: int = 0
    ancestors: dict[int, int] = field(default_factory=dict)

    def parents_of(self, number: int) -> list[Edge]:
        return [edge for edge in self.edges if edge.child == number]


def lineage_graph(task: Task) -> Lineage:
    parents = _all_parents(task)
    shown = _shown(task, len(parents))
    nodes = _nodes(task, shown)
    edges = [edge for number in nodes for edge in _edges_to(number, parents, nodes.keys())]
    merges = {number: parents[number] for number in nodes if len(parents[number]) > 1}
    ancestors = {number: common_ancestor(of, parents) for number, of in merges.items()}
    return Lineage(
        nodes,
        sorted(edges, key=lambda edge: (edge.child, edge.parent)),
        len(parents) - len(nodes),
        {number: found for number, found in ancestors.items() if found},
    )


def common_ancestor(numbers: Iterable[int], parents: Mapping[int, list[int]]) -> int:
    """Return the latest version that all of these come from, or 0."""
    lines = [_line_of(number, parents) for number in numbers]
    shared = set.intersection(*lines) if lines else set()
    return max(shared, default=0)


def _line_of(number: int, parents: Mapping[int, list[int]]) -> set[int]:
    """Return the version and all that it comes from."""
    found, waiting = set(), [number]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += parents.get(one, [])
    return found


def _all_parents(task: Task) -> dict[int, list[int]]:
    """Return the numbers of each version's parents: two narrow queries, however long the texts."""
    numbers = dict(PromptVersion.objects.filter(task=task).order_by().values_list("pk", "number"))
    through = PromptVersion.parents.through.objects.filter(from_promptversion__task=task)
    parents: dict[int, list[int]] = {number: [] for number in numbers.values()}
    for child, parent in through.values_list("from_promptversion_id", "to_promptversion_id"):
        if parent in numbers:
            parents[numbers[child]].append(numbers[parent])
    return parents


def _shown(task: Task, count: int) -> Q:
    if count <= MOST:
        return Q()
    last = PromptVersion.objects.filter(task=task).order_by("-number")
    from_number = last.values_list("number", flat=True)[LATEST - 1]
    tagged = Exists(Tag.objects.filter(version=OuterRef("pk")))
    return Q(number__gte=from_number) | Q(tagged) | Q(Exists(_arrivals()))


def _arrivals() -> QuerySet[GateResult]:
    return GateResult.objects.filter(version=OuterRef("pk"), name=PROMOTION, tag=PRODUCTION)


def _nodes(task: Task, shown: Q) -> dict[int, Node]:
    rows = PromptVersion.objects.filter(shown, task=task).order_by("-number").defer(*HEAVY)
    rows = rows.annotate(was_live=Exists(_arrivals())).prefetch_related("tags")
    versions = list(rows[:MOST])
    scores = scores_by_version(version.pk for version in versions)
    return {
        version.number: Node(
            number=version.number,
            tags=tuple(sorted(tag.name for tag in version.tags.all())),
            was_live=version.was_live,
            score=own.after if own else before_of(version.public_id, scores),
            gain=own.gain if own else None,
            verdict=version.verdict,
            reason=version.change_reason,
            review_state=version.review_state,
        )
        for version in reversed(versions)
        for own in [scores.get(version.pk)]
    }


def _edges_to(number: int, parents: Mapping[int, list[int]], shown: Iterable[int]) -> list[Edge]:
    """Follow each line of parents to the first version that is shown."""
    found: dict[int, int] = {}
    waiting, seen = [(parent, 0) for parent in parents[number]], set()
    while waiting:
        at, passed = waiting.pop(0)
        if at in seen:
            continue
        seen.add(at)
        if at in shown:
            found[at] = passed
        else:
            waiting += [(parent, passed + 1) for parent in parents[at]]
    return [Edge(parent, number, passed) for parent, passed in found.items()]
