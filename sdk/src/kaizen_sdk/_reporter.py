"""Tells the application about trouble, without drowning it and without ever raising."""

from __future__ import annotations

import logging
from collections.abc import Callable

from kaizen_sdk._clock import Clock
from kaizen_sdk.errors import KaizenError

logger = logging.getLogger("kaizen_sdk")
ErrorHook = Callable[[KaizenError], None]
_QUIET_S = 60.0


class Reporter:
    """One warning, and one call of the hook, for each kind of trouble a minute."""

    def __init__(self, hook: ErrorHook | None, clock: Clock) -> None:
        self._hook = hook
        self._clock = clock
        self._quiet_until: dict[str, float] = {}

    def report(self, kind: str, error: KaizenError) -> None:
        now = self._clock.monotonic()
        if now < self._quiet_until.get(kind, now):
            return
        self._quiet_until[kind] = now + _QUIET_S
        logger.warning("%s: %s", kind, error)
        if self._hook is not None:
            self._call_hook(self._hook, error)

    def _call_hook(self, hook: ErrorHook, error: KaizenError) -> None:
        try:
            hook(error)
        except Exception:
            logger.exception("the on_error hook raised")
