"""The spread of scores as bars: geometry for an SVG, and the same figures for a table."""

from dataclasses import dataclass

from feedback_app.inbox import BUCKETS, Spread

WIDTH, HEIGHT, GAP = 600, 100, 6


@dataclass(frozen=True)
class Bar:
    """One tenth; `high` is the score that a filter for this bar ends with."""

    label: str
    count: int
    low: str
    high: str
    x: float
    y: float
    width: float
    height: float


def bars_of(spread: Spread) -> list[Bar]:
    most = max(spread.tenths)
    return [_bar(place, count, most) for place, count in enumerate(spread.tenths)]


def _bar(place: int, count: int, most: int) -> Bar:
    step = WIDTH / BUCKETS
    # A single row is still to be seen beside thousands.
    height = max(2.0, HEIGHT * count / most) if count else 0.0
    is_last = place == BUCKETS - 1
    low, high = place / BUCKETS, (place + 1) / BUCKETS
    return Bar(
        label=f"{low:.1f}–{high:.1f}",
        count=count,
        low=f"{low:.1f}",
        high="1" if is_last else f"{high - 0.0001:.4f}",
        x=round(place * step + GAP / 2, 1),
        y=round(HEIGHT - height, 1),
        width=round(step - GAP, 1),
        height=round(height, 1),
    )
