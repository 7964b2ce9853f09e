"""The client for threads: what applications import."""

from __future__ import annotations

import atexit
import time
import weakref
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx

from kaizen_sdk import _protocol
from kaizen_sdk._clock import Clock, SystemClock
from kaizen_sdk._events import EventIds, snapshot
from kaizen_sdk._http import Http
from kaizen_sdk._prompt_cache import PromptCache
from kaizen_sdk._prompt_source import PromptSource
from kaizen_sdk._queue import Event, EventQueue, Stats
from kaizen_sdk._reporter import ErrorHook, Reporter
from kaizen_sdk._sender import Sender
from kaizen_sdk._settings import load_settings
from kaizen_sdk.errors import ClientClosed
from kaizen_sdk.job import Job
from kaizen_sdk.prompt import Fallback, Prompt

CLOSE_TIMEOUT_S = 2.0
_FIELDS = (
    "event_id",
    "task",
    "inputs",
    "output",
    "score",
    "thumb",
    "comment",
    "corrected_output",
    "metrics",
    "metadata",
    "origin",
    "prompt_hash",
)
_REQUIRED = 4


class CTClient:
    """Logs feedback and gets prompts, from any number of threads, across forks.

    Feedback goes out in the background and never slows or breaks the application. Prompts come
    from memory. `base_url` and `api_key` default to KAIZEN_URL and KAIZEN_API_KEY. `on_error`
    receives a KaizenError, mostly in a background thread, once a minute for each kind at most.
    Raises ConfigurationError where the address or the key is missing.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
        timeout_s: float = 10.0,
        connect_timeout_s: float = 2.0,
        prompt_timeout_s: float = 3.0,
        cache_ttl_s: float = 10.0,
        hard_ttl_s: float = 300.0,
        max_queue: int = 10_000,
        max_queue_bytes: int = 64 * 1024 * 1024,
        on_error: ErrorHook | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._settings = load_settings(base_url, api_key)
        self._prompt_timeout_s = prompt_timeout_s
        self._closed = False
        self._http = Http(
            self._settings, transport, timeout_s=timeout_s, connect_timeout_s=connect_timeout_s
        )
        clock = clock or SystemClock()
        reporter = Reporter(on_error, clock)
        self._open_feedback(max_queue, max_queue_bytes, clock, reporter)
        self._open_prompts(cache_ttl_s, hard_ttl_s, clock, reporter)
        _OPEN_CLIENTS.add(self)

    def _open_feedback(
        self, max_queue: int, max_queue_bytes: int, clock: Clock, reporter: Reporter
    ) -> None:
        http = self._http

        def post(events: Sequence[bytes]) -> list[_protocol.ItemResult]:
            return _protocol.read_feedback_answer(http.send(_protocol.feedback_call(events)))

        self._new_event_id = EventIds()
        self._queue = EventQueue(max_queue, max_queue_bytes)
        self._sender = Sender(self._queue, _document, post, clock=clock, reporter=reporter)
        # The thread knows the sender only, so a forgotten client can go; its events still leave.
        weakref.finalize(self, self._sender.close_soon, CLOSE_TIMEOUT_S).atexit = False

    def _open_prompts(
        self, cache_ttl_s: float, hard_ttl_s: float, clock: Clock, reporter: Reporter
    ) -> None:
        http, timeout_s = self._http, self._prompt_timeout_s

        def fetch(task: str, tag: str, etag: str) -> tuple[Prompt, str] | None:
            call = _protocol.prompt_call(task, tag, etag)
            return _protocol.read_prompt_answer(http.send(call, timeout_s=timeout_s), task)

        cache = PromptCache(clock, cache_ttl_s=cache_ttl_s, hard_ttl_s=hard_ttl_s)
        self._monotonic = clock.monotonic
        self._entries = cache.entries
        self._prompts = PromptSource(cache, fetch, reporter=reporter, wait_limit_s=2 * timeout_s)
        weakref.finalize(self, self._prompts.close).atexit = False

    def log_feedback(
        self,
        task: str,
        inputs: Mapping[str, Any],
        output: Any,
        *,
        score: float | None = None,
        thumb: str | bool | int | None = None,
        comment: str | None = None,
        corrected_output: Any = None,
        metrics: Mapping[str, float] | None = None,
        metadata: Mapping[str, Any] | None = None,
        origin: str | None = None,
        event_id: str | None = None,
        prompt_hash: str | None = None,
    ) -> str:
        """Queue one judged output and return its event id. Never raises, never waits.

        The same `event_id` is stored once, however often it is sent. `origin="random"` says that
        the application judges every call or a random sample, `"user"` that people picked it.
        What could not be delivered is in `stats()`, in the log, and given to `on_error`.
        """
        event_id = str(event_id) if event_id else self._new_event_id()
        try:
            inputs, size = snapshot(inputs)
            output, output_size = snapshot(output)
            size += output_size
            if corrected_output is not None:
                corrected_output, more = snapshot(corrected_output)
                size += more
            if metrics is not None:
                metrics, more = snapshot(metrics)
                size += more
            if metadata is not None:
                metadata, more = snapshot(metadata)
                size += more
            if comment is not None:
                size += 4 * len(comment)
            event = (
                event_id,
                task,
                inputs,
                output,
                score,
                thumb,
                comment,
                corrected_output,
                metrics,
                metadata,
                origin,
                prompt_hash,
            )
            self._sender.submit(event, size)
        except Exception as error:  # feedback must never break the application
            self._sender.refuse(error)
        return event_id

    def get_prompt(
        self, task: str, *, tag: str = "production", fallback: Fallback | None = None
    ) -> Prompt:
        """Return the version that `tag` points to, from memory where it is fresh.

        Waits for the server only for the first call and after `hard_ttl_s` without one, each time
        at most a few seconds. Where nothing is known, `fallback` (an artifact, a template text
        with `{{variables}}`, or a system and a user message) is given back as a prompt with
        `is_fallback`; without it PromptUnavailable, PromptNotFound, AuthenticationError or
        PermissionDenied is raised.
        """
        entry = self._entries.get((task, tag))
        if entry is not None and self._monotonic() < entry.fresh_until and entry.prompt:
            return entry.prompt
        return self._prompts.get(task, tag, fallback)

    def start_optimization(
        self,
        prompt_id: str,
        *,
        optimizer: str = "bootstrap",
        dataset_id: str | None = None,
        num_trials: int | None = None,
        num_fewshot_examples: int | None = None,
        budget_usd: float | None = None,
        budget_tokens: int | None = None,
        minutes: float | None = None,
        teacher: str | None = None,
        student: str | None = None,
    ) -> Job:
        """Start a job for a prompt, or return the live one. Raises a KaizenError.

        Not repeated by itself: after ConnectionFailed, calling again is safe, since a prompt has
        one live job at most.
        """
        config = {
            "optimizer_type": optimizer,
            "num_trials": num_trials,
            "num_fewshot_examples": num_fewshot_examples,
            "budget_usd": budget_usd,
            "budget_tokens": budget_tokens,
            "minutes": minutes,
            "teacher": teacher,
            "student": student,
        }
        return self._job(_protocol.start_call(prompt_id, dataset_id, config))

    def job(self, job_id: str) -> Job:
        """Return a job as it is now. Raises a KaizenError."""
        return self._job(_protocol.job_call(job_id), job_id)

    def _job(self, call: _protocol.Call, job_id: str = "") -> Job:
        if self._closed:
            raise ClientClosed("the client was closed")
        return _protocol.read_job_answer(self._http.send(call), job_id)

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all feedback logged so far is settled; False after `timeout` seconds."""
        return self._sender.flush(timeout)

    def stats(self) -> Stats:
        """Return how many events were logged, delivered, refused and dropped."""
        return self._queue.stats()

    def close(self, timeout: float = CLOSE_TIMEOUT_S) -> None:
        """Deliver what waits for at most `timeout` seconds and stop; safe to call again."""
        self._closed = True
        self._sender.close(timeout)
        self._prompts.close()
        self._http.close()
        _OPEN_CLIENTS.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"CTClient({self._settings.base_url!r})"


def _document(event: Event) -> dict[str, Any]:
    pairs = enumerate(zip(_FIELDS, event, strict=True))
    return {name: value for i, (name, value) in pairs if i < _REQUIRED or value is not None}


_OPEN_CLIENTS: weakref.WeakSet[CTClient] = weakref.WeakSet()


def _close_all() -> None:
    end = time.monotonic() + CLOSE_TIMEOUT_S
    for client in list(_OPEN_CLIENTS):
        client.close(max(0.0, end - time.monotonic()))


atexit.register(_close_all)
