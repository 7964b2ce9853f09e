"""Gets prompts through the cache: one request for each key at a time, refreshes in a thread."""

from __future__ import annotations

import copy
import queue
import threading
from collections.abc import Callable

from kaizen_sdk._fork import reset_in_children
from kaizen_sdk._prompt_cache import Action, Entry, Key, PromptCache
from kaizen_sdk._protocol import prompt_not_found
from kaizen_sdk._reporter import Reporter
from kaizen_sdk.errors import (
    AuthenticationError,
    ClientClosed,
    KaizenError,
    NotFound,
    PermissionDenied,
    PromptUnavailable,
)
from kaizen_sdk.prompt import Fallback, Prompt, fallback_prompt

# Asks the server for (task, tag) unless the ETag still holds; None means that it does.
Fetch = Callable[[str, str, str], tuple[Prompt, str] | None]


class PromptSource:
    def __init__(
        self, cache: PromptCache, fetch: Fetch, *, reporter: Reporter, wait_limit_s: float
    ) -> None:
        self._cache = cache
        self._fetch = fetch
        self._reporter = reporter
        self._wait_limit_s = wait_limit_s
        self._closed = False
        self.reset_after_fork()
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        self._lock = threading.Lock()
        self._flights: dict[Key, threading.Event] = {}
        self._requests: queue.SimpleQueue[Key | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def get(self, task: str, tag: str, fallback: Fallback | None) -> Prompt:
        """Return the best prompt there is; raise a KaizenError where there is none."""
        key = (task, tag)
        action = self._cache.plan(key, has_fallback=fallback is not None)
        if fallback is not None and self._is_cold(key):
            # Made before it is needed: a wrong one shows on the first call, not in an outage.
            fallback_prompt(task, tag, fallback)
        if self._closed:
            action = Action.SERVE
        if action is Action.REFRESH:
            self._refresh_in_background(key)
        elif action is Action.FETCH:
            self._fetch_now(key)
        return self._pick(key, fallback, was_asked=action is Action.FETCH)

    def close(self) -> None:
        self._closed = True
        self._requests.put(None)

    def _is_cold(self, key: Key) -> bool:
        entry = self._cache.entries.get(key)
        return entry is None or entry.prompt is None

    def _pick(self, key: Key, fallback: Fallback | None, *, was_asked: bool) -> Prompt:
        entry = self._cache.entries.get(key)
        if entry is not None and entry.prompt is not None and entry.stale is not None:
            confirmed = was_asked and entry.error is None
            return entry.prompt if confirmed else entry.stale
        if fallback is not None:
            return fallback_prompt(*key, fallback)
        raise self._unavailable(key, entry)

    def _unavailable(self, key: Key, entry: Entry | None) -> KaizenError:
        cause = entry.error if entry is not None else None
        if isinstance(cause, NotFound):
            return prompt_not_found(cause)
        if isinstance(cause, (AuthenticationError, PermissionDenied)):
            return copy.copy(cause)
        if cause is None and self._closed:
            return ClientClosed("the client was closed")
        message = f"no prompt {key[0]!r} ({key[1]}): {cause or 'the server did not answer yet'}"
        unavailable = PromptUnavailable(message)
        unavailable.__cause__ = cause
        return unavailable

    def _fetch_now(self, key: Key) -> None:
        flight, is_mine = self._board(key)
        if is_mine:
            self._fly(key, flight)
            return
        if self._is_cold(key):
            flight.wait(self._wait_limit_s)

    def _refresh_in_background(self, key: Key) -> None:
        flight, is_mine = self._board(key)
        if not is_mine:
            return
        try:
            self._start()
        except RuntimeError as error:  # no thread to be had: the next call tries again
            self._land(key, flight)
            self._reporter.report("no refresh thread", KaizenError(str(error)))
            return
        self._requests.put(key)

    def _board(self, key: Key) -> tuple[threading.Event, bool]:
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None:
                return flight, False
            self._flights[key] = flight = threading.Event()
            return flight, True

    def _land(self, key: Key, flight: threading.Event) -> None:
        with self._lock:
            self._flights.pop(key, None)
        flight.set()

    def _fly(self, key: Key, flight: threading.Event) -> None:
        try:
            self._revalidate(key)
        finally:
            self._land(key, flight)

    def _revalidate(self, key: Key) -> None:
        held = self._cache.entries.get(key)
        etag = held.etag if held is not None else ""
        try:
            answer = self._fetch(*key, etag)
        except KaizenError as error:
            self._failed(key, error)
        except Exception as error:  # a broken transport must not reach the application
            self._failed(key, KaizenError(f"{type(error).__name__}: {error}"))
        else:
            if answer is not None:
                self._cache.succeeded(key, *answer)
            elif held is not None and held.prompt is not None:
                self._cache.succeeded(key, held.prompt, held.etag)

    def _failed(self, key: Key, error: KaizenError) -> None:
        self._cache.failed(key, error)
        self._reporter.report(f"prompt {key[0]!r} ({key[1]}) not refreshed", error)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="kaizen-sdk-prompts", daemon=True)
                thread.start()
                self._thread = thread

    def _run(self) -> None:
        requests = self._requests
        while (key := requests.get()) is not None:
            self._fly(key, self._flights[key])
