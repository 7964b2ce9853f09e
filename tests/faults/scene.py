"""A whole small job through the real gateway and client, against a server that misbehaves."""

from dataclasses import dataclass, field
from typing import Any

from kaizen_engine.clock import SystemClock
from kaizen_engine.llm.breaker import Breaker, LocalBreaker
from kaizen_engine.llm.gateway import Gateway, Route, Tuning
from kaizen_engine.llm.journal import MemoryJournal
from kaizen_engine.llm.limiter import LocalLimiter
from kaizen_engine.llm.meter import Budget, Meter, Spent
from kaizen_engine.llm.types import LostCall
from kaizen_engine.optimize.dspy_native import NativeProvider
from kaizen_engine.optimize.job import EvaluationEvent, JobOutcome, TrialEvent, run_job
from tests.engine.optimize.support import (
    PRICES,
    RecordedEvents,
    generated_rows,
    make_spec,
    wait_for_other_threads,
)
from tests.servers.scripted_openai import Policy, ScriptedServer, always

TRAIN, DEV, TEST = 16, 24, 20
SETTINGS = {"num_trials": 1, "max_demos": 8, "max_bootstrapped_demos": 1}
KEY = "demo"
THREADS = 4
CLOCK = SystemClock()


@dataclass(frozen=True)
class Play:
    """What one job came to, and all that it left behind."""

    outcome: JobOutcome
    journal: MemoryJournal
    events: RecordedEvents
    lost: list[LostCall]
    calls: int

    @property
    def trials(self) -> list[TrialEvent]:
        return [event for event in self.events.heard if isinstance(event, TrialEvent)]

    @property
    def evaluations(self) -> dict[str, EvaluationEvent]:
        heard = [event for event in self.events.heard if isinstance(event, EvaluationEvent)]
        return {event.label: event for event in heard}


@dataclass
class Scene:
    """One server, and jobs run against it one after the other; `breaker` is theirs together."""

    server: ScriptedServer
    strategy: str = "bootstrap"
    budget: Budget = field(default_factory=Budget)
    call_timeout_s: float = 10.0
    patience_s: float = 10.0
    breaker: Breaker = field(default_factory=lambda: LocalBreaker(clock=CLOCK))

    def play(self, policy: Policy | None = None) -> Play:
        """Run a job to its end; `policy` counts the calls of this job alone, from 0."""
        first = self.server.next_number() + 1
        chosen = policy or always()
        self.server.policy = lambda number, request: chosen(number - first, request)
        events, journal = RecordedEvents(), MemoryJournal()
        lost: list[LostCall] = []
        provider = NativeProvider(self.server.base_url, "none")
        try:
            gateway = self._gateway(provider, journal, lost)
            outcome = run_job(spec(self.strategy), gateway, events)
            wait_for_other_threads()
        finally:
            provider.close()
        calls = sum(one.number >= first for one in self.server.received)
        return Play(outcome, journal, events, lost, calls)

    def _gateway(
        self, provider: NativeProvider, journal: MemoryJournal, lost: list[LostCall]
    ) -> Gateway:
        return Gateway(
            {KEY: Route(provider, None, PRICES)},
            meter=Meter(self.budget, Spent(), CLOCK),
            breaker=self.breaker,
            limiter=LocalLimiter(CLOCK),
            journal=journal,
            clock=CLOCK,
            call_timeout_s=self.call_timeout_s,
            tuning=Tuning(backoff_s=0.01, patience_s=self.patience_s),
            on_lost=lost.append,
        )


def spec(strategy: str) -> Any:
    rows = generated_rows(TRAIN, DEV, TEST)
    return make_spec(rows, strategy=strategy, settings=SETTINGS, threads=THREADS)


def findings(play: Play) -> tuple[Any, ...]:
    """Return all that a fault must not change: who won, each trial, each row, the verdict."""
    outcome = play.outcome
    return (
        outcome.stop_reason,
        outcome.verdict,
        outcome.winner,
        outcome.comparison,
        outcome.trials,
        outcome.evaluations,
    )
