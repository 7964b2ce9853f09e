"""What the blocking and the awaiting client share: everything but the wait for an answer."""

from __future__ import annotations

import atexit
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic, TypeVar

import httpx

from kaizen_sdk import _protocol
from kaizen_sdk._clock import Clock, SystemClock
from kaizen_sdk._events import EventIds, frozen
from kaizen_sdk._http import Http, Limits
from kaizen_sdk._parse import OutputParseError
from kaizen_sdk._prompt_cache import PromptCache
from kaizen_sdk._prompt_source import PromptSource
from kaizen_sdk._queue import EventQueue, Stats
from kaizen_sdk._reporter import ErrorHook, Reporter
from kaizen_sdk._review import REVIEW_SHARE, Answer, is_sampled, sampled_event
from kaizen_sdk._sender import Sender
from kaizen_sdk._settings import load_settings
from kaizen_sdk.errors import ClientClosed, ConfigurationError
from kaizen_sdk.prompt import Prompt

CLOSE_TIMEOUT_S = 2.0
# Nobody waits for a client that was forgotten, so its events may take their time.
FORGOTTEN_TIMEOUT_S = 30.0

TransportT = TypeVar("TransportT", httpx.BaseTransport, httpx.AsyncBaseTransport)
JobT = TypeVar("JobT")


class BaseClient(ABC, Generic[TransportT, JobT]):
    """Feedback and refreshes leave in threads of its own, whatever its caller's way of waiting.

    JobT is what asking for a job gives: the job, or something to await it by.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        transport: TransportT | None = None,
        timeout_s: float = 10.0,
        connect_timeout_s: float = 2.0,
        prompt_timeout_s: float = 3.0,
        cache_ttl_s: float = 10.0,
        hard_ttl_s: float = 300.0,
        max_queue: int = 10_000,
        max_queue_bytes: int = 64 * 1024 * 1024,
        review_share: float = REVIEW_SHARE,
        on_error: ErrorHook | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._settings = load_settings(base_url, api_key)
        self._transport: TransportT | None = transport
        self._prompt_timeout_s = prompt_timeout_s
        self._limits = Limits(timeout_s, connect_timeout_s)
        self._context = httpx.create_ssl_context()
        self._closed = False
        self._review_share = review_share
        self._background = Http(
            self._settings, _for_threads(transport), self._limits, self._context
        )
        clock = clock or SystemClock()
        reporter = Reporter(on_error, clock)
        self._open_feedback(max_queue, max_queue_bytes, clock, reporter)
        self._open_prompts(cache_ttl_s, hard_ttl_s, clock, reporter)
        self._open()
        _OPEN_CLIENTS.add(self)

    @abstractmethod
    def _open(self) -> None:
        """Make ready to send what callers wait for."""

    @abstractmethod
    def _ask_job(self, call: _protocol.Call, job_id: str = "") -> JobT: ...

    def _open_feedback(
        self, max_queue: int, max_queue_bytes: int, clock: Clock, reporter: Reporter
    ) -> None:
        http = self._background

        def post(events: Sequence[bytes]) -> list[_protocol.ItemResult]:
            return _protocol.read_feedback_answer(http.send(_protocol.feedback_call(events)))

        self._new_event_id = EventIds()
        self._queue = EventQueue(max_queue, max_queue_bytes)
        self._sender = Sender(self._queue, post, clock=clock, reporter=reporter)
        # The thread knows the sender only, so a forgotten client can go; its events still leave.
        weakref.finalize(self, self._sender.close_soon, FORGOTTEN_TIMEOUT_S).atexit = False

    def _open_prompts(
        self, cache_ttl_s: float, hard_ttl_s: float, clock: Clock, reporter: Reporter
    ) -> None:
        http, timeout_s = self._background, self._prompt_timeout_s

        def send(call: _protocol.Call) -> httpx.Response:
            return http.send(call, timeout_s=timeout_s)

        cache = PromptCache(clock, cache_ttl_s=cache_ttl_s, hard_ttl_s=hard_ttl_s)
        self._monotonic = clock.monotonic
        self._entries = cache.entries
        self._prompts = PromptSource(cache, send, clock=clock, reporter=reporter)
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
            # In the order of FIELDS.
            given = (
                event_id, task, inputs, output, score, thumb, comment,
                corrected_output, metrics, metadata, origin, prompt_hash,
            )  # fmt: skip
            self._sender.submit(*frozen(given))
        except Exception as error:  # feedback must never break the application
            self._sender.refuse(error)
        return event_id

    def _answered(
        self, task: str, inputs: Mapping[str, Any], prompt: Prompt, text: Any, event_id: str | None
    ) -> Answer:
        """Queue the call for review where the lot falls on it. Never raises, never waits."""
        answer = Answer(event_id or self._new_event_id(), str(text), prompt)
        try:
            if is_sampled(answer.event_id, self._review_share):
                self.log_feedback(**sampled_event(answer, task, inputs))
                return replace(answer, is_sampled=True)
        except OutputParseError:
            return answer  # for the caller to see, when the output is read
        except Exception as error:  # a review must never break the application
            self._sender.refuse(error)
        return answer

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
        minutes: int | None = None,
        teacher: str | None = None,
        student: str | None = None,
        confirm: bool = False,
    ) -> JobT:
        """Start a job for a prompt, or return the live one. Raises a KaizenError.

        `confirm` says that what it may cost was seen; without it a project may refuse a dear job
        with Conflict and the code `confirmation_needed`.
        Not repeated by itself: after ConnectionFailed, calling again is safe, since a prompt has
        one live job at most. `minutes` are whole. With a `dataset_id` the job works on the rows of
        that dataset alone, else on all feedback and datasets of the prompt.
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
        return self._ask_job(_protocol.start_call(prompt_id, dataset_id, config, confirm=confirm))

    def job(self, job_id: str) -> JobT:
        """Return a job as it is now. Raises a KaizenError."""
        return self._ask_job(_protocol.job_call(job_id), job_id)

    def stats(self) -> Stats:
        """Return how many events were logged, delivered, refused and dropped."""
        return self._queue.stats()

    def _check_open(self) -> None:
        if self._closed:
            raise ClientClosed("the client was closed")

    def _stop(self, timeout_s: float) -> None:
        self._closed = True
        self._sender.close(timeout_s)
        self._prompts.close()
        self._background.close()
        _OPEN_CLIENTS.discard(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings.base_url!r})"


def _for_threads(
    transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None,
) -> httpx.BaseTransport | None:
    if transport is None or isinstance(transport, httpx.BaseTransport):
        return transport
    message = (
        "transport= must be an httpx.BaseTransport too, as httpx.MockTransport is: "
        "feedback and refreshes are sent by threads, without await"
    )
    raise ConfigurationError(message)


_OPEN_CLIENTS: weakref.WeakSet[BaseClient[Any, Any]] = weakref.WeakSet()


def _stop_all() -> None:
    end = time.monotonic() + CLOSE_TIMEOUT_S
    for client in list(_OPEN_CLIENTS):
        client._stop(max(0.0, end - time.monotonic()))


atexit.register(_stop_all)
