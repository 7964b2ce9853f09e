"""Lineage as a drawing: graphviz finds the places, and the template writes the SVG.

`dot` gets nothing but numbers and gives back nothing but numbers, so no stored text passes through
it and no markup of it reaches a page.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog
from django.core.cache import caches

from prompts_app.lineage_graph import Edge, Lineage, Node

WIDE, HIGH = 96, 54
POINTS_PER_INCH = 72
TIMEOUT_S = 5
KEPT_S = 24 * 3600
MARGIN = 8

log = structlog.get_logger(__name__)
Layout = tuple[float, float, dict[int, tuple[float, float]], list[tuple[int, int, list[float]]]]


@dataclass(frozen=True)
class Box:
    """A version's rectangle with the middle of its lines of words."""

    node: Node
    x: str
    y: str
    middle: str
    title_y: str
    score_y: str
    tag_y: str


@dataclass(frozen=True)
class Wire:
    path: str
    edge: Edge


@dataclass(frozen=True)
class Drawing:
    width: int
    height: int
    boxes: list[Box]
    wires: list[Wire]


def draw_lineage(lineage: Lineage) -> Drawing | None:
    """Return the drawing, or nothing where there is no `dot` or it fails: the list says it all."""
    source = _source(lineage)
    key = f"lineage:{hashlib.sha256(source.encode()).hexdigest()}"
    layout: Layout | None = caches["default"].get(key)
    if layout is None:
        layout = _layout(source)
        if layout is None:
            return None
        caches["default"].set(key, layout, KEPT_S)
    return _drawing(lineage, layout)


def _source(lineage: Lineage) -> str:
    size = f"width={WIDE / POINTS_PER_INCH:.4f} height={HIGH / POINTS_PER_INCH:.4f}"
    lines = [
        "digraph {",
        "rankdir=LR nodesep=0.2 ranksep=0.45",
        f'node [shape=box fixedsize=true label="" {size}]',
        "edge [arrowhead=none]",
        *(f"{number};" for number in sorted(lineage.nodes)),
        *(f"{edge.parent} -> {edge.child};" for edge in lineage.edges),
        "}",
    ]
    return "\n".join(lines)


def _layout(source: str) -> Layout | None:
    dot = shutil.which("dot")
    if dot is None:
        return None
    try:
        found = subprocess.run(  # noqa: S603 - no shell, and the input is ours: numbers
            [dot, "-Tplain"],
            input=source,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        )
        return _read(found.stdout)
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        log.warning("lineage_not_drawn", error=str(error)[:200])
        return None


def _read(plain: str) -> Layout:
    """Read dot's plain format: lengths in inches, the origin at the lower left."""
    rows = [line.split() for line in plain.splitlines()]
    width, height = next((float(row[2]), float(row[3])) for row in rows if row[0] == "graph")
    places = {int(row[1]): (float(row[2]), float(row[3])) for row in rows if row[0] == "node"}
    wires = [
        (int(row[1]), int(row[2]), [float(one) for one in row[4 : 4 + 2 * int(row[3])]])
        for row in rows
        if row[0] == "edge"
    ]
    return width, height, places, wires


def _drawing(lineage: Lineage, layout: Layout) -> Drawing:
    width, height, places, wires = layout
    edges = {(edge.parent, edge.child): edge for edge in lineage.edges}
    boxes = [
        _box(lineage.nodes[number], *_place(x, y, height)) for number, (x, y) in places.items()
    ]
    return Drawing(
        width=round(width * POINTS_PER_INCH) + 2 * MARGIN,
        height=round(height * POINTS_PER_INCH) + 2 * MARGIN,
        boxes=boxes,
        wires=[
            Wire(_path(list(_pairs(points, height))), edges[tail, head])
            for tail, head, points in wires
        ],
    )


def _place(x: float, y: float, height: float) -> tuple[float, float]:
    return x * POINTS_PER_INCH + MARGIN, (height - y) * POINTS_PER_INCH + MARGIN


def _pairs(points: Sequence[float], height: float) -> Iterator[tuple[float, float]]:
    for x, y in zip(points[::2], points[1::2], strict=True):
        yield _place(x, y, height)


def _path(points: Sequence[tuple[float, float]]) -> str:
    first, *rest = (f"{x:.1f},{y:.1f}" for x, y in points)
    return f"M{first}C{' '.join(rest)}"


def _box(node: Node, x: float, y: float) -> Box:
    has_tags = bool(node.tags)
    title = y - (8 if has_tags else 2)
    return Box(
        node=node,
        x=f"{x - WIDE / 2:.1f}",
        y=f"{y - HIGH / 2:.1f}",
        middle=f"{x:.1f}",
        title_y=f"{title:.1f}",
        score_y=f"{title + 14:.1f}",
        tag_y=f"{title + 26:.1f}",
    )
