"""What to do after a batch failed: pure decisions, the same for every kind of client."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import Enum, auto

from kaizen_sdk.errors import APIError, ConnectionFailed, KaizenError, ServerError

MAX_TRIES = 5
MAX_RETRY_AFTER_S = 60.0
OUTAGE_PAUSE_S = 30.0
_BACKOFF_BASE_S = 0.5
_BACKOFF_CAP_S = 30.0
_AWAY = frozenset({408, 429, 502, 503, 504})
_SPLITTABLE = frozenset({400, 413, 422})
_SERVER_FAILURE = 500
_random = secrets.SystemRandom()


class Step(Enum):
    RETRY = auto()
    PAUSE = auto()
    SPLIT = auto()
    DROP = auto()


@dataclass(frozen=True, slots=True)
class Decision:
    step: Step
    delay_s: float = 0.0


def after_failure(error: KaizenError, *, tries: int, items: int) -> Decision:
    """Decide for a batch of `items` that has now failed `tries` times in a row.

    A server that is away keeps its events waiting, with a pause after every MAX_TRIES; a batch
    that the server itself fails on is given up then, or it would hold back all that follow. A
    batch refused for its content is halved, to find the event that spoils it.
    """
    if is_retryable(error):
        if tries < MAX_TRIES:
            return Decision(Step.RETRY, _delay_s(error, tries))
        if is_away(error):
            return Decision(Step.PAUSE, max(OUTAGE_PAUSE_S, retry_after_of(error)))
    elif isinstance(error, APIError) and error.status in _SPLITTABLE and items > 1:
        return Decision(Step.SPLIT)
    return Decision(Step.DROP)


def is_retryable(error: KaizenError) -> bool:
    return isinstance(error, ServerError) or is_away(error)


def is_retryable_status(status: int) -> bool:
    return status in _AWAY or status >= _SERVER_FAILURE


def retry_after_of(error: KaizenError) -> float:
    """Seconds the server asked us to wait, at most MAX_RETRY_AFTER_S, 0 where it did not."""
    asked = error.retry_after_s if isinstance(error, APIError) else None
    return min(asked or 0.0, MAX_RETRY_AFTER_S)


def is_away(error: KaizenError) -> bool:
    return isinstance(error, ConnectionFailed) or getattr(error, "status", 0) in _AWAY


def _delay_s(error: KaizenError, tries: int) -> float:
    ceiling = min(_BACKOFF_CAP_S, _BACKOFF_BASE_S * 2 ** (tries - 1))
    return max(retry_after_of(error), _random.uniform(0.0, ceiling))
