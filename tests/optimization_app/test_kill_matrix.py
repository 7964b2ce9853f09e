"""kill -9 of everything at 30, 60 and 90 % of the calls: the job ends once and pays once.

Three orders of three victims cover all nine pairs of victim and moment on SQLite, for `bootstrap`;
PostgreSQL and `miprov2` take each victim once.
"""

import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.installation import wait_until
from tests.optimization_app.theatre import Theatre, model_server, send

MOMENTS = (0.3, 0.6, 0.9)
ORDERS = [("worker", "child", "tree"), ("child", "tree", "worker"), ("tree", "worker", "child")]
POSTGRES = pytest.mark.postgres
CASES = [
    *(pytest.param("sqlite", "bootstrap", order, id="-".join(order)) for order in ORDERS),
    pytest.param("sqlite", "miprov2", ORDERS[1], id="miprov2"),
    pytest.param("postgres", "bootstrap", ORDERS[0], marks=POSTGRES, id="postgres"),
]
ENDINGS = """
from projects_app.models import AuditEntry
result = AuditEntry.objects.filter(action="kaizen.job.succeeded").count()
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def calls_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], int]:
    """Return what tells how many calls a strategy makes when nothing disturbs it."""
    return cache(lambda strategy: undisturbed_calls(tmp_path_factory, strategy))


def undisturbed_calls(tmp_path_factory: pytest.TempPathFactory, strategy: str) -> int:
    with (
        model_server() as server,
        Theatre.open(tmp_path_factory.mktemp("calm") / "kaizen", "sqlite", server) as theatre,
    ):
        theatre.installation.start_worker()
        job_id = theatre.start_job(optimizer_type=strategy)
        assert theatre.wait_for_analysis(job_id)["state"] == "succeeded"
        return server.calls


def check(theatre: Theatre, job_id: int, calls: int) -> None:
    found = theatre.wait_for_end(job_id)
    assert (found["state"], found["stop_reason"]) == ("succeeded", "finished"), found
    assert found["drafts"] == 1
    assert found["steps"] == ["draft", "outcome", "prepared"]
    assert theatre.installation.shell(ENDINGS) == 1
    theatre.wait_for_analysis(job_id)
    assert theatre.server.calls <= 1.1 * calls


@pytest.mark.parametrize(("database", "strategy", "victims"), CASES)
def test_a_job_survives_every_kill_and_pays_once(
    tmp_path: Path,
    database: str,
    strategy: str,
    victims: tuple[str, ...],
    calls_of: Callable[[str], int],
) -> None:
    calls = calls_of(strategy)
    with (
        model_server() as server,
        Theatre.open(tmp_path / "kaizen", database, server) as theatre,
    ):
        theatre.installation.start_worker()
        job_id = theatre.start_job(optimizer_type=strategy)
        for moment, victim in zip(MOMENTS, victims, strict=True):
            theatre.wait_for_calls(moment * calls)
            theatre.kill(victim)
        check(theatre, job_id, calls)


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=POSTGRES)])
def test_a_worker_that_slept_through_its_lease_is_fenced_off(
    tmp_path: Path, database: str, calls_of: Callable[[str], int]
) -> None:
    """The message comes three times as well, and there is a second worker to take them."""
    calls = calls_of("bootstrap")
    with (
        model_server() as server,
        Theatre.open(tmp_path / "kaizen", database, server) as theatre,
    ):
        theatre.installation.start_worker()
        job_id = theatre.start_job()
        theatre.wait_for_calls(0.3 * calls)
        sleepers = [theatre.worker(), theatre.child()]
        theatre.installation.start_worker()
        theatre.stage(f"from optimization_app.queue import wake\nfor _ in 'abc': wake({job_id})")
        send(sleepers, signal.SIGSTOP)
        wait_until(lambda: theatre.field(job_id, "fence") > 1, 120, "another claim")
        theatre.wait_for_calls(0.6 * calls)
        send(sleepers, signal.SIGCONT)
        check(theatre, job_id, calls)
