"""One run of the playground in the words of its page; reads rows and asks no model."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from statistics import fmean, median
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from kaizen_engine.prompts.render import RenderError, render_messages
from llm_app.models import LedgerEntry
from optimization_app.models import PlaygroundAnswer, PlaygroundRun
from optimization_app.playground_form import as_text
from optimization_app.playground_models import LIVE_STATES, PlaygroundState
from prompts_app.review_page import money

LETTERS = "ABCDEFGH"
LATE_S = 20
NEAR = 1e-9


@dataclass(frozen=True)
class Message:
    """One message as it was sent; a picture or a sound is named, not shown."""

    role: str
    text: str


@dataclass(frozen=True)
class Column:
    """One variant, and what its answers add up to."""

    letter: str
    name: str
    model: str
    answered: int
    troubled: int
    score: float | None
    scored: int
    tokens_in: int
    tokens_out: int
    cost: str
    latency_ms: float | None
    params: str

    @property
    def percent(self) -> str:
        return "" if self.score is None else f"{self.score:.1%}"


@dataclass(frozen=True)
class Line:
    """One row with what each variant answered; `better` is the letter of the better score."""

    number: int
    inputs: str
    expected: str
    answers: Sequence[PlaygroundAnswer | None]
    better: str


@dataclass(frozen=True)
class RunPage:
    run: PlaygroundRun
    is_live: bool
    is_failed: bool
    sentence: str
    columns: Sequence[Column]
    lines: Sequence[Line]
    done: int
    total: int
    spent: str
    sent: Sequence[tuple[str, Sequence[Message]]]

    @property
    def is_single(self) -> bool:
        return len(self.run.rows) == 1

    @property
    def only(self) -> Sequence[tuple[Column, PlaygroundAnswer | None]]:
        """Return each variant with its answer to the only row."""
        return list(zip(self.columns, self.lines[0].answers, strict=True))


def run_page(run: PlaygroundRun) -> RunPage:
    answers = {(one.variant, one.row): one for one in run.answers.order_by("variant", "row")}
    total = len(run.variants) * len(run.rows)
    is_live = run.state in LIVE_STATES and not _is_lost(run)
    return RunPage(
        run=run,
        is_live=is_live,
        is_failed=run.state == PlaygroundState.FAILED or _is_lost(run),
        sentence=_sentence(run, len(answers), total),
        columns=[_column(run, number, answers.values()) for number in range(len(run.variants))],
        lines=[_line(run, number, row, answers) for number, row in enumerate(run.rows)],
        done=len(answers),
        total=total,
        spent=money(_spent(run)),
        sent=_sent(run) if len(run.rows) == 1 else [],
    )


def _is_lost(run: PlaygroundRun) -> bool:
    until = run.claimed_until
    return run.state == PlaygroundState.RUNNING and until is not None and until < timezone.now()


def _sentence(run: PlaygroundRun, done: int, total: int) -> str:
    if _is_lost(run):
        return "The worker was lost. Run it again: what was paid for is in the ledger."
    if run.state == PlaygroundState.QUEUED:
        if timezone.now() - run.created_at > timedelta(seconds=LATE_S):
            return "No worker has taken it yet. Workers are started by: manage.py work"
        return "Waiting for a worker."
    if run.state == PlaygroundState.RUNNING:
        return f"{done} of {total} answers are there."
    if run.state == PlaygroundState.FAILED:
        return run.error or "It failed."
    troubled = run.answers.exclude(problem="").count()
    if troubled:
        return f"{total - troubled} of {total} answers; {troubled} could not be had."
    return "All answers are there."


def _column(run: PlaygroundRun, number: int, answers: Iterable[PlaygroundAnswer]) -> Column:
    mine = [one for one in answers if one.variant == number]
    good = [one for one in mine if one.latency_ms is not None]
    scores = [one.score for one in mine if one.score is not None]
    variant = run.variants[number]
    params = variant["artifact"].get("params") or {}
    return Column(
        letter=LETTERS[number],
        name=f"from version {variant['from']}",
        model=variant["model"],
        answered=len(good),
        troubled=sum(bool(one.problem) for one in mine),
        score=fmean(scores) if scores else None,
        scored=len(scores),
        tokens_in=sum(one.input_tokens for one in mine),
        tokens_out=sum(one.output_tokens for one in mine),
        cost=money(sum((one.cost_usd for one in mine), Decimal(0))),
        latency_ms=median(one.latency_ms or 0 for one in good) if good else None,
        params=", ".join(f"{name} {value}" for name, value in sorted(params.items())),
    )


def _line(
    run: PlaygroundRun,
    number: int,
    row: Mapping[str, Any],
    answers: Mapping[tuple[int, int], PlaygroundAnswer],
) -> Line:
    mine = [answers.get((variant, number)) for variant in range(len(run.variants))]
    return Line(
        number=number + 1,
        inputs=_plain(row["inputs"]),
        expected=_plain(row["expected"]),
        answers=mine,
        better=_better(mine),
    )


def _better(answers: Sequence[PlaygroundAnswer | None]) -> str:
    scores = [one.score if one else None for one in answers]
    known = [score for score in scores if score is not None]
    if len(known) < len(scores) or not known or max(known) - min(known) < NEAR:
        return ""
    return LETTERS[scores.index(max(known))]


def _spent(run: PlaygroundRun) -> Decimal:
    charged = LedgerEntry.objects.filter(subject=run.public_id)
    return charged.aggregate(usd=Sum("cost_usd"))["usd"] or Decimal(0)


def _sent(run: PlaygroundRun) -> list[tuple[str, list[Message]]]:
    """Render what was sent by the one renderer; it is not stored a second time."""
    found = []
    for letter, variant in zip(LETTERS, run.variants, strict=False):
        try:
            messages = render_messages(variant["artifact"], run.rows[0]["inputs"])
        except RenderError:
            messages = []
        found.append((letter, [Message(one["role"], _content(one["content"])) for one in messages]))
    return found


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(
        part["text"] if part["type"] == "text" else f"[{part['type']}]" for part in content
    )


def _plain(values: Mapping[str, Any]) -> str:
    if len(values) == 1:
        return as_text(next(iter(values.values())))
    return "\n".join(f"{name}: {as_text(value)}" for name, value in values.items())
