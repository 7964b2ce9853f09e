from functools import cache

import pytest

from kaizen_engine.states import StopReason
from tests.faults.scene import Play, Scene
from tests.servers.scripted_openai import ScriptedServer, scripted_server

server = pytest.fixture(scripted_server)


@pytest.fixture
def strategy(request: pytest.FixtureRequest) -> str:
    """`bootstrap`, or what a test is parametrized with."""
    return str(getattr(request, "param", "bootstrap"))


@pytest.fixture
def scene(server: ScriptedServer, strategy: str) -> Scene:
    return Scene(server, strategy=strategy)


@pytest.fixture
def calm(strategy: str) -> Play:
    """The same job with nothing in its way."""
    return _undisturbed(strategy)


@cache
def _undisturbed(strategy: str) -> Play:
    # A server of its own: the demo model's samples depend on what it was asked before.
    with ScriptedServer() as server:
        play = Scene(server, strategy=strategy).play()
    assert play.outcome.stop_reason is StopReason.FINISHED
    assert play.outcome.winner is not None
    return play
