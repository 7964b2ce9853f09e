import pytest

from kaizen_engine.states import StopReason
from tests.faults.scene import Play, Scene
from tests.servers.scripted_openai import ScriptedServer, scripted_server

server = pytest.fixture(scripted_server)


@pytest.fixture
def scene(server: ScriptedServer) -> Scene:
    return Scene(server)


@pytest.fixture(scope="session")
def calm() -> Play:
    """The same job with nothing in its way."""
    with ScriptedServer() as server:
        play = Scene(server).play()
    assert play.outcome.stop_reason is StopReason.FINISHED
    assert play.outcome.winner is not None
    return play
