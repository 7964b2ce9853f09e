"""Run a request once for each `Idempotency-Key`, and repeat its first answer for 24 hours.

Record and effect share one transaction: a crash leaves neither, a refusal is not stored, and a
twin that arrives meanwhile waits at the unique constraint and then gets the first answer.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from projects_app.exceptions import Conflict, InvalidInput
from projects_app.models import IdempotencyRecord

KEPT = timedelta(hours=24)
LONGEST_KEY = 255


@dataclass(frozen=True)
class Answer:
    """An HTTP status and a JSON body."""

    status: int
    body: Any
    is_replay: bool = False


def idempotency_run(
    *, project_id: int, route: str, key: str, request: bytes, run: Callable[[], tuple[int, Any]]
) -> Answer:
    """Return what `run` answered, now or the first time. An empty key runs every time.

    `request` is whatever tells two requests apart, usually the body. Raises Conflict
    (`idempotency_mismatch`) when the key came with another request before, or
    (`idempotency_in_progress`) when the first one has not answered yet.
    """
    if not key:
        return Answer(*run())
    if len(key) > LONGEST_KEY or not key.isprintable():
        raise InvalidInput(f"an Idempotency-Key has at most {LONGEST_KEY} printable characters")
    request_hash = hashlib.sha256(request).hexdigest()
    with transaction.atomic():
        record, is_first = _claim(project_id, route, key, request_hash)
        if not is_first:
            return _replayed(record, request_hash)
        status, body = run()
        record.status, record.response = status, body
        record.save(update_fields=["status", "response"])
        return Answer(status, body)


def idempotency_forget() -> int:
    """Delete the records past their time; return how many."""
    return IdempotencyRecord.objects.filter(created_at__lt=timezone.now() - KEPT).delete()[0]


def _claim(
    project_id: int, route: str, key: str, request_hash: str
) -> tuple[IdempotencyRecord, bool]:
    same = IdempotencyRecord.objects.filter(project_id=project_id, route=route, key=key)
    same.filter(created_at__lt=timezone.now() - KEPT).delete()
    try:
        with transaction.atomic():
            record = IdempotencyRecord.objects.create(
                project_id=project_id, route=route, key=key, request_hash=request_hash
            )
    except IntegrityError:
        return same.get(), False
    return record, True


def _replayed(record: IdempotencyRecord, request_hash: str) -> Answer:
    if record.request_hash != request_hash:
        message = "this Idempotency-Key was used for another request"
        raise Conflict(message, code="idempotency_mismatch")
    if record.status is None:
        message = "the first request with this Idempotency-Key has not answered yet"
        raise Conflict(message, code="idempotency_in_progress")
    return Answer(record.status, record.response, is_replay=True)
