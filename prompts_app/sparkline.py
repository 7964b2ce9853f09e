"""A row of scores as the points of a small SVG line."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, MARGIN = 96, 24, 3
# Less than this is no trend worth a slope: two points in a hundred.
LEAST_SPAN = 0.02


@dataclass(frozen=True)
class Sparkline:
    """`points` go into a polyline; the last of them is drawn as a dot. `words` say the same."""

    points: str
    last_x: str
    last_y: str
    words: str


def sparkline(scores: Sequence[float]) -> Sparkline | None:
    """Return the line of at least two scores, the oldest first."""
    if len(scores) < 2:
        return None
    low, high = min(scores), max(scores)
    middle, span = (low + high) / 2, max(high - low, LEAST_SPAN)
    step = (WIDTH - 2 * MARGIN) / (len(scores) - 1)
    at = [
        (MARGIN + step * place, HEIGHT / 2 - (score - middle) / span * (HEIGHT - 2 * MARGIN))
        for place, score in enumerate(scores)
    ]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
    words = f"Went live {len(scores)} times, from {scores[0]:.1%} to {scores[-1]:.1%}"
    return Sparkline(points, f"{at[-1][0]:.1f}", f"{at[-1][1]:.1f}", words)
