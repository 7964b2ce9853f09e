"""A prompt on one page: what is live, how it came to be, who gets it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prompts_app.clients import Clients, clients_of
from prompts_app.long_text import LongText, cut_text
from prompts_app.models import PromptVersion, Tag
from prompts_app.prompt_rows import newest_drafts
from prompts_app.score_trend import Trend, TrendPoint, score_trend
from prompts_app.selectors import PRODUCTION, version_before
from tasks_app.models import Task

FIRST = 4_000


@dataclass(frozen=True)
class Passage:
    """One of the messages of a version, as far as it fits a page."""

    title: str
    text: LongText


@dataclass(frozen=True)
class PromptPage:
    """`tags` begins with the live one. `before` is what a rollback would put back."""

    task: Task
    live: Tag | None
    tags: list[Tag]
    passages: list[Passage]
    demos: int
    draft: int | None
    before: PromptVersion | None
    clients: Clients
    trend: Trend | None

    @property
    def score(self) -> TrendPoint | None:
        """Return the live version's point, where it was measured."""
        return next((one for one in self.trend.points if one.is_live), None) if self.trend else None

    @property
    def moves(self) -> list[TrendPoint]:
        return [point for point in self.trend.points if point.moves] if self.trend else []


def prompt_page_of(task: Task) -> PromptPage:
    tags = tags_of(task)
    live = tags.get(PRODUCTION)
    version = _with_text(live) if live else None
    artifact = version.artifact if version else {}
    return PromptPage(
        task=task,
        live=live,
        tags=list(tags.values()),
        passages=passages_of(artifact),
        demos=len(artifact.get("demos", ())),
        draft=newest_drafts([task.pk]).get(task.pk),
        before=version_before(task, PRODUCTION, version) if version else None,
        clients=clients_of(task, tags),
        trend=score_trend(task, version),
    )


def tags_of(task: Task) -> dict[str, Tag]:
    """Return the task's tags by name, the live one first, with the numbers they name."""
    tags = Tag.objects.filter(task=task).select_related("version")
    light = tags.defer("version__artifact", "version__evidence", "version__dspy_state")
    found = sorted(light, key=lambda tag: (tag.name != PRODUCTION, tag.name))
    return {tag.name: tag for tag in found}


def passages_of(artifact: Mapping[str, Any]) -> list[Passage]:
    texts = (
        ("Instruction", artifact.get("system")),
        ("User message", artifact.get("user_template")),
    )
    return [Passage(title, cut_text(text, first=FIRST)) for title, text in texts if text]


def _with_text(live: Tag) -> PromptVersion:
    """Load the one text that the page shows."""
    return PromptVersion.objects.defer("dspy_state", "evidence").get(pk=live.version_id)
