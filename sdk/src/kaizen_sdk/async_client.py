"""The client for asyncio. Imported on first use, since asyncio takes its time."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from kaizen_sdk._base_client import CLOSE_TIMEOUT_S, BaseClient
from kaizen_sdk._flights import Flight
from kaizen_sdk._http import AsyncHttp
from kaizen_sdk._prompt_cache import Key
from kaizen_sdk._protocol import Call, read_job_answer
from kaizen_sdk._review import Answer, Ask
from kaizen_sdk.job import Job
from kaizen_sdk.prompt import Fallback, Prompt

T = TypeVar("T")


class AsyncCTClient(BaseClient[httpx.AsyncBaseTransport, Coroutine[Any, Any, Job]]):
    """CTClient for asyncio: the same verbs, `await` before all but `log_feedback` and `stats`.

    One client serves any number of event loops and threads, across forks. A cached prompt is
    returned without giving way to other tasks. A `transport` must be an httpx.BaseTransport as
    well, as httpx.MockTransport is: feedback and refreshes leave in threads. Cancelling a call
    cancels no other call for the same prompt.
    """

    def _open(self) -> None:
        self._http = AsyncHttp(self._settings, self._transport, self._limits, self._context)

    async def get_prompt(
        self, task: str, *, tag: str = "production", fallback: Fallback | None = None
    ) -> Prompt:
        """Return the version that `tag` points to; all as in CTClient.get_prompt."""
        entry = self._entries.get((task, tag))
        if entry is not None and (now := self._monotonic()) < entry.fresh_until and entry.prompt:
            entry.used_at = now
            return entry.prompt
        key = (task, tag)
        must_ask = self._prompts.must_ask(key, fallback)
        if must_ask:
            await self._ask_prompt(key)
        return self._prompts.pick(key, fallback, was_asked=must_ask)

    async def run(
        self,
        task: str,
        inputs: Mapping[str, Any],
        ask: Ask,
        *,
        tag: str = "production",
        fallback: Fallback | None = None,
        event_id: str | None = None,
    ) -> Answer:
        """Like CTClient.run; `ask` may be a coroutine function."""
        prompt = await self.get_prompt(task, tag=tag, fallback=fallback)
        text = ask(prompt.messages(inputs), prompt)
        if inspect.isawaitable(text):
            text = await text
        return self._answered(task, inputs, prompt, text, event_id)

    async def _ask_prompt(self, key: Key) -> None:
        flight, is_mine = self._prompts.board(key)
        while not is_mine:
            if await _landing(flight, 2 * self._prompt_timeout_s):
                return
            flight, is_mine = self._prompts.board(key)
        with self._prompts.flying(flight):
            flight.response = await self._http.send(flight.call, timeout_s=self._prompt_timeout_s)

    async def _ask_job(self, call: Call, job_id: str = "") -> Job:
        self._check_open()
        return read_job_answer(await self._http.send(call), job_id)

    async def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all feedback logged so far is settled; False after `timeout` seconds."""
        return await _aside(lambda: self._sender.flush(timeout))

    async def aclose(self, timeout: float = CLOSE_TIMEOUT_S) -> None:
        """Deliver what waits for at most `timeout` seconds and stop; safe to call again."""
        await _aside(lambda: self._stop(timeout))
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()


async def _landing(flight: Flight, timeout_s: float) -> bool:
    try:
        return await asyncio.wait_for(asyncio.wrap_future(flight.landing), timeout_s)
    except TimeoutError:
        return True


async def _aside(work: Callable[[], T]) -> T:
    """Do blocking work in a thread of its own: the loop's threads may all be taken."""
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, name="kaizen-sdk-aside", daemon=True).start()
    return await asyncio.wrap_future(done)
