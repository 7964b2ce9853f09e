"""Gap-fill: a topic that fails and has no examples gets candidates, for a person to accept.

First from feedback that nobody has labelled, then written by the teacher. What was written never
decides a verdict: its origin is `generated`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from feedback_app.models import Feedback
from feedback_app.services.accepted import example_accept
from kaizen_engine.optimize.topics import Topic, TopicRow
from kaizen_engine.prompts.artifact import canonical_json, sha256_hex
from kaizen_engine.states import SuggestionState
from optimization_app.models import Insight, SuggestedExample
from optimization_app.services.insights import text_of
from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from projects_app.models import Role
from projects_app.services.audit import audit_record
from tasks_app.models import Task

MOST_CANDIDATES = 300
MOST_SUGGESTIONS = 5
_FEEDBACK = "feedback:"


def candidates_of(task: Task) -> list[TopicRow]:
    """Return the task's latest feedback that is no example, as rows that may join a topic."""
    free = Feedback.objects.filter(task=task, example=None, dismissed_at=None)
    rows = free.filter(corrected_output__isnull=True)
    latest = rows.order_by("-id").values_list("pk", "inputs")[:MOST_CANDIDATES]
    return [
        TopicRow(f"{_FEEDBACK}{pk}", text_of(inputs), is_candidate=True) for pk, inputs in latest
    ]


def suggestions_draw(insight: Insight, topic: Topic) -> int:
    """Queue feedback that belongs to the topic; its right answer is for a person to give."""
    ids = [int(name.removeprefix(_FEEDBACK)) for name in topic.candidates]
    rows = Feedback.objects.in_bulk(ids[:MOST_SUGGESTIONS]).values()
    return _queue(
        SuggestedExample(insight=insight, inputs=row.inputs, outputs=row.output or {}, feedback=row)
        for row in rows
    )


def suggestions_store(insight: Insight, rows: Sequence[Mapping[str, Any]], writer: str) -> int:
    """Queue rows {inputs, outputs} that a model wrote."""
    return _queue(
        SuggestedExample(
            insight=insight, inputs=row["inputs"], outputs=row["outputs"], writer=writer
        )
        for row in rows
    )


@transaction.atomic
def suggestion_accept(
    *, actor: Actor, suggestion: SuggestedExample, outputs: Mapping[str, Any]
) -> None:
    """Make an example of it, with the answer that the person says is right.

    Raises NotAllowed, NotHere, InvalidInput for an answer that does not fit the task, and
    Conflict where somebody has decided before.
    """
    _require(actor, suggestion)
    _decide(actor, suggestion, SuggestionState.ACCEPTED)
    example = example_accept(
        task=suggestion.insight.task,
        inputs=suggestion.inputs,
        outputs=outputs,
        feedback=suggestion.feedback,
    )
    SuggestedExample.objects.filter(pk=suggestion.pk).update(example=example, outputs=outputs)
    audit_record(actor=actor, action="kaizen.suggestion.accepted", subject=suggestion)


@transaction.atomic
def suggestion_reject(*, actor: Actor, suggestion: SuggestedExample) -> None:
    """Take it out of the queue. Raises NotAllowed, NotHere, Conflict."""
    _require(actor, suggestion)
    _decide(actor, suggestion, SuggestionState.REJECTED)
    audit_record(actor=actor, action="kaizen.suggestion.rejected", subject=suggestion)


def _queue(suggestions: Iterable[SuggestedExample]) -> int:
    rows = list(suggestions)
    for row in rows:
        row.content_hash = sha256_hex(canonical_json(row.inputs))
    SuggestedExample.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def _require(actor: Actor, suggestion: SuggestedExample) -> None:
    actor.require(role=Role.EDITOR, project_id=suggestion.insight.task.project_id)


def _decide(actor: Actor, suggestion: SuggestedExample, to: SuggestionState) -> None:
    waiting = SuggestedExample.objects.filter(pk=suggestion.pk, state=SuggestionState.PENDING.value)
    moved = waiting.update(state=to.value, decided_by=actor.user, decided_at=timezone.now())
    if not moved:
        message = "somebody has decided about this suggestion already"
        raise Conflict(message, code="already_decided")
