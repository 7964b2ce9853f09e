"""One breaker for many jobs, in one process or several: it opens, probes once and recovers."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from django.db import connections

from kaizen_engine.clock import FrozenClock
from kaizen_engine.llm.breaker import LocalBreaker
from kaizen_engine.states import StopReason
from llm_app.stores import DatabaseBreaker
from llm_app.writer import GroupCommitWriter
from tests.faults.scene import KEY, THREADS, Play, Scene, findings
from tests.servers.scripted_openai import ScriptedServer, Step, down, script

RESET_S = 300.0
FAILING_CALLS = 9


@pytest.fixture
def clock() -> FrozenClock:
    """Time for the breakers alone: the jobs run on the real one."""
    return FrozenClock()


@pytest.fixture
def local_scenes(server: ScriptedServer, clock: FrozenClock) -> tuple[Scene, Scene]:
    breaker = LocalBreaker(reset_s=RESET_S, clock=clock)
    return Scene(server, breaker=breaker), Scene(server, breaker=breaker)


@pytest.fixture
def database_scenes(
    live_database: str, server: ScriptedServer, clock: FrozenClock
) -> Iterator[tuple[Scene, Scene]]:
    """Two jobs as two processes would have them: each its own breaker, writer and connection."""
    with closing(GroupCommitWriter()) as one, closing(GroupCommitWriter()) as other:
        breakers = [
            DatabaseBreaker(writer, threshold=3, reset_s=RESET_S, clock=clock)
            for writer in (one, other)
        ]
        yield Scene(server, breaker=breakers[0]), Scene(server, breaker=breakers[1])
    connections.close_all()


@pytest.fixture(params=["local", "database"])
def scenes(request: pytest.FixtureRequest) -> tuple[Scene, Scene]:
    found: tuple[Scene, Scene] = request.getfixturevalue(f"{request.param}_scenes")
    return found


def test_three_failed_calls_open_it_and_no_job_calls_while_it_is_open(
    scenes: tuple[Scene, Scene], clock: FrozenClock
) -> None:
    first, second = scenes
    assert FAILING_CALLS <= first.play(down()).calls <= FAILING_CALLS + 3 * (THREADS - 1)
    assert first.breaker.state(KEY) == second.breaker.state(KEY) == "open"

    for seconds in (0.0, RESET_S - 1):
        clock.advance(seconds)
        for scene in scenes:
            play = scene.play()
            assert play.calls == 0
            assert play.outcome.stop_reason is StopReason.PROVIDER_DOWN
            assert "not called for another" in play.outcome.stop_detail


def test_a_probe_after_the_reset_closes_it_and_that_job_finishes(
    scenes: tuple[Scene, Scene], clock: FrozenClock, calm: Play
) -> None:
    first, second = scenes
    first.play(down())
    clock.advance(RESET_S)
    play = second.play()

    assert findings(play) == findings(calm)
    assert play.calls == calm.calls
    assert first.breaker.state(KEY) == "closed"
    assert findings(first.play()) == findings(calm)


def test_a_probe_that_fails_opens_it_again_after_its_own_tries_alone(
    scenes: tuple[Scene, Scene], clock: FrozenClock
) -> None:
    first, second = scenes
    first.play(down())
    clock.advance(RESET_S)
    play = second.play(down())

    assert play.outcome.stop_reason is StopReason.PROVIDER_DOWN
    assert play.calls == 3
    assert first.play().calls == 0


def test_failures_with_answers_between_them_never_open_it(
    scenes: tuple[Scene, Scene], calm: Play
) -> None:
    """Two calls in a row fail all their tries, time and again: never three."""
    scene = replace(scenes[0])
    bursts = [Step(status=500)] * 8 + [Step()] * 12
    play = scene.play(script(*bursts * 4))
    assert findings(play) == findings(calm)
    assert scene.breaker.state(KEY) == "closed"


def test_429_never_opens_it(scenes: tuple[Scene, Scene], calm: Play) -> None:
    play = scenes[0].play(script(*[Step(status=429)] * 12))
    assert findings(play) == findings(calm)
    assert scenes[0].breaker.state(KEY) == "closed"
