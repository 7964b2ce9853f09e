"""Copies of redacted feedback in this room: answers, labels, suggestions and the journal."""

import secrets
from collections.abc import Collection
from typing import Any

from django.db.models import Q

from feedback_app.models import Example, Feedback
from feedback_app.services.redaction import REDACTED
from llm_app.models import CachedAnswer, CallRecord
from optimization_app.models import EvaluationRow, HumanLabel, JudgeVerdict, LabelItem
from optimization_app.models import SuggestedExample as Suggestion

BLANK = {"text": REDACTED}


def copies_redact(*, feedback: Collection[Feedback], examples: Collection[Example]) -> None:
    """Overwrite them; belongs in the transaction that overwrites the rows themselves."""
    copied = Q(feedback__in=feedback) | Q(example__in=examples)
    answers = EvaluationRow.objects.filter(example__in=examples)
    _redact_journal(answers)
    answers.update(output=None, text=REDACTED, parse_error="", reasons={}, votes={})
    for item in LabelItem.objects.filter(copied):
        blank: dict[str, Any] = {"inputs": BLANK, "answer": BLANK, "reference": None}
        LabelItem.objects.filter(pk=item.pk).update(**blank, content_hash=secrets.token_hex(32))
        HumanLabel.objects.filter(item=item).update(note="")
        JudgeVerdict.objects.filter(item=item).update(reasons={})
    for row in Suggestion.objects.filter(copied):
        unlike = secrets.token_hex(32)
        Suggestion.objects.filter(pk=row.pk).update(
            inputs=BLANK, outputs=BLANK, content_hash=unlike
        )


def _redact_journal(answers: Any) -> None:
    """The answers of the student, as they were paid for; a replay of such a run ends there."""
    asked = list(answers.values_list("job__public_id", "messages_hash").distinct())
    calls = CallRecord.objects.filter(
        subject__in={job for job, _ in asked}, messages_hash__in={one for _, one in asked}
    )
    hashes = list(calls.values_list("request_hash", flat=True).distinct())
    CachedAnswer.objects.filter(request_hash__in=hashes).delete()
    for call in calls:
        call.response = {**call.response, "text": REDACTED}
        call.save(update_fields=["response"])
