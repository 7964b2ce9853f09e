"""Gets prompts through the cache, for clients that block and for clients that await.

The client itself sends the requests that its caller waits for:

    if source.must_ask(key, fallback):      # also begins a refresh in the background
        flight, is_mine = source.board(key)
        if is_mine:
            with source.flying(flight):
                flight.response = …         # or any exception: the cache remembers both
        else:                               # wait for flight.landing; abandoned, board again
    return source.pick(key, fallback, …)
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from kaizen_sdk._clock import Clock
from kaizen_sdk._delivery import is_away
from kaizen_sdk._flights import Flight, Flights
from kaizen_sdk._prompt_cache import Action, Entry, Key, PromptCache
from kaizen_sdk._protocol import Call, prompt_call, prompt_not_found, read_prompt_answer
from kaizen_sdk._refresher import Refresher
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


class PromptSource:
    """`send` is for the background thread. Nothing in here waits for the network."""

    def __init__(
        self,
        cache: PromptCache,
        send: Callable[[Call], httpx.Response],
        *,
        clock: Clock,
        reporter: Reporter,
    ) -> None:
        self._cache = cache
        self._send = send
        self._reporter = reporter
        self.flights = Flights()
        self._refresher = Refresher(
            self._poll, cache.next_poll_in_s, clock=clock, reporter=reporter
        )

    def must_ask(self, key: Key, fallback: Fallback | None) -> bool:
        """Say whether the caller must ask the server before it picks."""
        action = self._cache.plan(key, has_fallback=fallback is not None)
        if fallback is not None and self._is_cold(key):
            # Made before it is needed: a wrong one shows on the first call, not in an outage.
            fallback_prompt(*key, fallback)
        if self._refresher.is_closed:
            return False
        if action is Action.REFRESH:
            self._refresh_in_background(key)
        return action is Action.FETCH

    def board(self, key: Key) -> tuple[Flight, bool]:
        """Return the flight for this key, and whether it is the caller who must make it."""
        held = self._cache.entries.get(key)
        mine = Flight(key, held, prompt_call(*key, held.etag if held else ""))
        flight = self.flights.board(mine)
        return flight, flight is mine

    @contextmanager
    def flying(self, flight: Flight) -> Iterator[None]:
        """Keep what the flight brought, whatever that is, then let go on who waits for it."""
        is_settled = True
        try:
            yield
            self._keep(flight)
        except KaizenError as error:
            self._failed(flight.key, error)
        except Exception as error:  # a broken transport must not reach the application
            self._failed(flight.key, KaizenError(f"{type(error).__name__}: {error}"))
        except BaseException:
            is_settled = False
            raise
        finally:
            self.flights.land(flight, is_settled=is_settled)
            if self._cache.is_polled:
                self._refresher.watch()

    def pick(self, key: Key, fallback: Fallback | None, *, was_asked: bool) -> Prompt:
        """Return the best prompt there is; raise a KaizenError where there is none."""
        entry = self._cache.entries.get(key)
        if entry is not None and entry.prompt is not None and entry.stale is not None:
            is_confirmed = (was_asked and entry.error is None) or self._cache.is_fresh(entry)
            return entry.prompt if is_confirmed else entry.stale
        if fallback is not None:
            return fallback_prompt(*key, fallback)
        raise self._unavailable(key, entry)

    def close(self) -> None:
        self._refresher.close()

    def _is_cold(self, key: Key) -> bool:
        entry = self._cache.entries.get(key)
        return entry is None or entry.prompt is None

    def _unavailable(self, key: Key, entry: Entry | None) -> KaizenError:
        cause = entry.error if entry is not None else None
        if isinstance(cause, NotFound):
            return prompt_not_found(cause)
        if isinstance(cause, (AuthenticationError, PermissionDenied)):
            return copy.copy(cause)
        if cause is None and self._refresher.is_closed:
            return ClientClosed("the client was closed")
        message = f"no prompt {key[0]!r} ({key[1]}): {cause or 'the server did not answer yet'}"
        unavailable = PromptUnavailable(message)
        unavailable.__cause__ = cause
        return unavailable

    def _refresh_in_background(self, key: Key) -> None:
        flight, is_mine = self.board(key)
        if is_mine and not self._refresher.run_soon(lambda: self._fly(flight)):
            self.flights.land(flight, is_settled=False)

    def _fly(self, flight: Flight) -> None:
        with self.flying(flight):
            flight.response = self._send(flight.call)

    def _poll(self) -> None:
        keys = self._cache.due()
        # One prompt whose request always times out must not be the one that is always tried.
        random.shuffle(keys)
        while keys and not self._refresher.is_closed:
            key = keys.pop()
            flight, is_mine = self.board(key)
            if not is_mine:
                continue
            self._fly(flight)
            entry = self._cache.entries.get(key)
            if entry is not None and entry.error is not None and is_away(entry.error):
                self._postpone(keys, entry.error)
                return

    def _postpone(self, keys: list[Key], error: KaizenError) -> None:
        """Leave a server that is away alone: one question tells as much as many."""
        for key in keys:
            self._cache.failed(key, error)

    def _keep(self, flight: Flight) -> None:
        if flight.response is None:
            return
        answer = read_prompt_answer(flight.response, flight.key[0])
        if answer is not None:
            self._cache.succeeded(flight.key, *answer)
        elif flight.held is not None and flight.held.prompt is not None:
            self._cache.succeeded(flight.key, flight.held.prompt, flight.held.etag)

    def _failed(self, key: Key, error: KaizenError) -> None:
        if self._refresher.is_closed:
            return
        self._cache.failed(key, error)
        self._reporter.report(f"prompt {key[0]!r} ({key[1]}) not refreshed", error)
