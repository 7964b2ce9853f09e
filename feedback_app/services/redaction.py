"""Redaction: the texts of feedback, and of all that was made of it, overwritten for good.

What stays is that somebody said something: when, of which prompt, with which score and thumb. The
rooms above hear of it before the texts are gone, overwrite their copies in the same transaction,
and name what they cannot overwrite.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from feedback_app.models import Example, Feedback
from feedback_app.services.dismissal import forget_waiting, locked_rows
from feedback_app.signals import texts_redacted
from feedback_app.wire import REDACTED_HASH
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput
from projects_app.services.audit import audit_record
from tasks_app.fit import declared

REDACTED = "[redacted]"
# Chosen, not written: a free reason would soon repeat the very text.
REASONS: Mapping[str, str] = {
    "personal": "personal data",
    "asked": "the person asked for it",
    "secret": "a secret, such as a password or a key",
    "other": "another reason",
}


@dataclass(frozen=True)
class Redacted:
    """`remains` says in words where the texts still are, such as in an immutable version."""

    rows: int
    remains: tuple[str, ...] = ()


@transaction.atomic
def feedback_redact(*, actor: Actor, rows: Sequence[Feedback], reason: str) -> Redacted:
    """Overwrite inputs, outputs, comment and metadata, hold-out rows as well; no way back."""
    if reason not in REASONS:
        message = "say why the text has to go"
        raise InvalidInput(message, code="reason_required", errors={"reason": message})
    open_rows = locked_rows(actor, rows).filter(redacted_at=None)
    forget_waiting(open_rows)
    chosen = list(open_rows.select_for_update(of=("self",)).select_related("task"))
    examples = list(Example.objects.filter(feedback__in=chosen).select_related("task"))
    heard = texts_redacted.send(sender=Feedback, feedback=chosen, examples=examples)
    now = timezone.now()
    for row in chosen:
        Feedback.objects.filter(pk=row.pk).update(**_without_text(row, now))
        audit_record(actor=actor, action="kaizen.feedback.redacted", subject=row, why=reason)
    for example in examples:
        Example.objects.filter(pk=example.pk).update(**_example_without_text(example, now))
    return Redacted(len(chosen), _sentences(answer for _, answer in heard))


def _without_text(row: Feedback, now: Any) -> dict[str, Any]:
    return {
        "inputs": _blanks(row.task.input_schema, row.inputs),
        "output": None if row.output is None else _blanks(row.task.output_schema, row.output),
        "corrected_output": None,
        "comment": "",
        "metadata": {},
        "metrics": {},
        # A hash of short words can be guessed back.
        "content_hash": REDACTED_HASH,
        "dismissed_at": row.dismissed_at or now,
        "redacted_at": now,
    }


def _example_without_text(example: Example, now: Any) -> dict[str, Any]:
    return {
        "inputs": _blanks(example.task.input_schema, example.inputs),
        "outputs": _blanks(example.task.output_schema, example.outputs),
        "rated_output": None,
        "comment": "",
        "metadata": {},
        "links": [],
        "group": secrets.token_hex(16),
        "dismissed_at": example.dismissed_at or now,
        "redacted_at": now,
    }


def _blanks(schema: Mapping[str, Any], value: Any) -> dict[str, str]:
    """Keep the names that the prompt declares; any other name may itself say too much."""
    fields = [name for name in declared(schema) if isinstance(value, Mapping) and name in value]
    return dict.fromkeys(fields, REDACTED) or {"text": REDACTED}


def _sentences(answers: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sentence for answer in answers for sentence in answer or ())
