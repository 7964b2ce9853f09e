"""Lineage as an indented list: what the drawing says, for reading, hearing and without `dot`."""

from dataclasses import dataclass

from prompts_app.lineage_graph import Edge, Lineage, Node

DEEPEST = 6


@dataclass(frozen=True)
class Line:
    """A version below the one it came from. A merge names its parents and where they part."""

    node: Node
    depth: int
    comes_from: list[Edge]
    ancestor: int

    @property
    def is_merge(self) -> bool:
        return len(self.comes_from) > 1


def lineage_lines(lineage: Lineage) -> list[Line]:
    """Return each version once, below its latest parent; only a branch moves to the right."""
    children: dict[int, list[int]] = {number: [] for number in lineage.nodes}
    comes_from = {number: lineage.parents_of(number) for number in lineage.nodes}
    roots = []
    for number, edges in comes_from.items():
        if edges:
            children[max(edge.parent for edge in edges)].append(number)
        else:
            roots.append(number)
    return [
        Line(lineage.nodes[number], depth, comes_from[number], lineage.ancestors.get(number, 0))
        for number, depth in _walk(sorted(roots), children)
    ]


def _walk(roots: list[int], children: dict[int, list[int]]) -> list[tuple[int, int]]:
    """Return number and depth, side branches before the line that goes on the longest."""
    walked, waiting = [], [(root, 0) for root in reversed(roots)]
    while waiting:
        number, depth = waiting.pop()
        walked.append((number, min(depth, DEEPEST)))
        below = sorted(children[number])
        waiting += [(child, depth) for child in below[-1:]]
        waiting += [(child, depth + 1) for child in reversed(below[:-1])]
    return walked
