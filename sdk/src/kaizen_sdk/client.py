"""The client for threads: what most applications import."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from kaizen_sdk._base_client import CLOSE_TIMEOUT_S, BaseClient
from kaizen_sdk._prompt_cache import Key
from kaizen_sdk._protocol import Call, read_job_answer
from kaizen_sdk._review import Answer, Ask
from kaizen_sdk.job import Job
from kaizen_sdk.prompt import Fallback, Prompt


class CTClient(BaseClient[httpx.BaseTransport, Job]):
    """Logs feedback and gets prompts, from any number of threads, across forks.

    Feedback goes out in the background and never slows or breaks the application. Prompts come
    from memory; those in use are kept fresh in the background. `base_url` and `api_key` default
    to KAIZEN_URL and KAIZEN_API_KEY. `on_error` receives a KaizenError, mostly in a background
    thread, once a minute for each kind at most. Raises ConfigurationError where the address or
    the key is missing.
    """

    def get_prompt(
        self, task: str, *, tag: str = "production", fallback: Fallback | None = None
    ) -> Prompt:
        """Return the version that `tag` points to, from memory where it is fresh.

        Waits for the server, a few seconds at most, for a prompt that was never asked for or not
        for `hard_ttl_s`. Where nothing is known, `fallback` (an artifact, a template text with
        `{{variables}}`, or a system and a user message) is given back as a prompt with
        `is_fallback`; without it PromptUnavailable, PromptNotFound, AuthenticationError or
        PermissionDenied is raised.
        """
        entry = self._entries.get((task, tag))
        if entry is not None and (now := self._monotonic()) < entry.fresh_until and entry.prompt:
            entry.used_at = now
            return entry.prompt
        key = (task, tag)
        must_ask = self._prompts.must_ask(key, fallback)
        if must_ask:
            self._ask_prompt(key)
        return self._prompts.pick(key, fallback, was_asked=must_ask)

    def run(
        self,
        task: str,
        inputs: Mapping[str, Any],
        ask: Ask,
        *,
        tag: str = "production",
        fallback: Fallback | None = None,
        event_id: str | None = None,
    ) -> Answer:
        """Get the prompt, render it, and return what `ask(messages, prompt)` answers.

        A share of the calls (`review_share`, 2 % by default), drawn by a hash of the event id, is
        sent in the background for a person to review: only such a random sample tells how good
        all traffic is. Raises what `get_prompt`, RenderError and `ask` raise, and nothing else.
        """
        prompt = self.get_prompt(task, tag=tag, fallback=fallback)
        text = ask(prompt.messages(inputs), prompt)
        return self._answered(task, inputs, prompt, text, event_id)

    def _ask_prompt(self, key: Key) -> None:
        flight, is_mine = self._prompts.board(key)
        while not is_mine:
            if flight.wait(2 * self._prompt_timeout_s):
                return
            flight, is_mine = self._prompts.board(key)
        with self._prompts.flying(flight):
            flight.response = self._background.send(flight.call, timeout_s=self._prompt_timeout_s)

    def _open(self) -> None:
        """Callers use the connections of the background."""

    def _ask_job(self, call: Call, job_id: str = "") -> Job:
        self._check_open()
        return read_job_answer(self._background.send(call), job_id)

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until all feedback logged so far is settled; False after `timeout` seconds."""
        return self._sender.flush(timeout)

    def close(self, timeout: float = CLOSE_TIMEOUT_S) -> None:
        """Deliver what waits for at most `timeout` seconds and stop; safe to call again."""
        self._stop(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
