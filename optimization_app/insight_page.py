"""Insights in the words and points of their pages; reads rows and decides nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet, prefetch_related_objects

from kaizen_engine.states import SuggestionState, TopicLife
from optimization_app.models import Insight, InsightSighting, SuggestedExample
from projects_app.models import Project
from tasks_app.fit import declared

WIDTH, HEIGHT = 120, 24
TREND = 12
CASES = 10
TONES = {
    TopicLife.FIXED.value: "is-pass",
    TopicLife.REGRESSED.value: "is-fail",
    TopicLife.GROWING.value: "is-fail",
}


@dataclass(frozen=True)
class InsightCard:
    """`trend` is the points of a line of failure shares, `said` the same for a reader."""

    insight: Insight
    tone: str
    trend: str
    said: str


@dataclass(frozen=True)
class Field:
    """An input of the form in which a person gives the right answer."""

    name: str
    value: str
    choices: Sequence[str]


@dataclass(frozen=True)
class Suggestion:
    suggestion: SuggestedExample
    inputs: str
    fields: list[Field]


def insight_rows(
    project: Project, *, task: str = "", state: str = "", life: str = ""
) -> QuerySet[Insight]:
    """Return the project's insights, the worst first; an empty filter lets all through."""
    rows = Insight.objects.filter(task__project=project).select_related("task")
    named = {"task__slug": task, "state": state, "life": life}
    return rows.filter(**{name: value for name, value in named.items() if value})


def cards_of(insights: Sequence[Insight]) -> list[InsightCard]:
    """Return the cards of a list, with the latest sightings of all by one query."""
    latest = InsightSighting.objects.order_by("-id")[:TREND]
    prefetch_related_objects(insights, Prefetch("sightings", latest, to_attr="latest"))
    return [_card(insight, insight.latest[::-1]) for insight in insights]  # type: ignore[attr-defined]


def card_of(insight: Insight) -> InsightCard:
    return cards_of([insight])[0]


def _card(insight: Insight, points: Sequence[InsightSighting]) -> InsightCard:
    shares = [_share(point) for point in points]
    said = ", ".join(f"{share:.0%}" for share in shares)
    return InsightCard(insight, TONES.get(insight.life, ""), _line(shares), said)


def suggestions_of(insight: Insight) -> list[Suggestion]:
    waiting = insight.suggestions.filter(state=SuggestionState.PENDING.value)
    schema = declared(insight.task.output_schema)
    return [
        Suggestion(one, _plain(one.inputs), _fields(schema, one.outputs))
        for one in waiting.order_by("id")
    ]


def _share(point: InsightSighting) -> float:
    return point.failures / point.scored if point.scored else 0.0


def _line(shares: Sequence[float]) -> str:
    """Return the points of a polyline in a box of 120 by 24; one point is a flat line."""
    shown = list(shares) * 2 if len(shares) == 1 else list(shares)
    step = WIDTH / max(1, len(shown) - 1)
    return " ".join(
        f"{number * step:.1f},{HEIGHT - 2 - share * (HEIGHT - 4):.1f}"
        for number, share in enumerate(shown)
    )


def _fields(schema: Any, outputs: dict[str, Any]) -> list[Field]:
    names = list(schema) or list(outputs) or ["output"]
    return [
        Field(
            name,
            _text(outputs.get(name, "")),
            [_text(value) for value in schema.get(name, {}).get("enum", ())],
        )
        for name in names
    ]


def _plain(values: dict[str, Any]) -> str:
    return "\n".join(
        _text(value) if len(values) == 1 else f"{name}: {_text(value)}"
        for name, value in values.items()
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
