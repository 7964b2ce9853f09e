"""`manage.py work`: stops clean, keeps its clusters alive, and leaves no orphans."""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.installation import Installation, wait_until
from tests.optimization_app.theatre import ROWS, Theatre, model_server, send

pytestmark = pytest.mark.slow


def mains(installation: Installation) -> set[int]:
    """Return the main process of each cluster: the leaders of their sessions."""
    return {pid for pid in installation.pids("work --cluster") if os.getsid(pid) == pid}


def wait_for_both(installation: Installation) -> set[int]:
    # A cluster has a main process, a sentinel, a monitor, a pusher and its workers.
    for name, processes in (("default", 6), ("long", 5)):
        wait_until(
            lambda command=f"work --cluster {name}", n=processes: (
                len(installation.pids(command)) == n
            ),
            30,
            f"the cluster {name}",
        )
    return mains(installation)


def test_a_worker_told_to_stop_gives_its_job_back_for_the_next_one(tmp_path: Path) -> None:
    with (
        model_server() as server,
        Theatre.open(tmp_path / "kaizen", "sqlite", server, KAIZEN_LEASE_S="30") as theatre,
    ):
        worker = theatre.installation.start_worker()
        job_id = theatre.start_job()
        theatre.wait_for_calls(ROWS)
        worker.send_signal(signal.SIGINT)
        assert worker.wait(60) == 0
        assert theatre.installation.pids("manage.py") == []
        left = theatre.facts(job_id)
        assert (left["state"], left["attempts"]) == ("queued", 0)
        assert left["records"] == server.calls
        theatre.installation.start_worker()
        assert theatre.wait_for_end(job_id)["state"] == "succeeded"


def test_a_cluster_that_dies_is_swept_and_started_again(tmp_path: Path) -> None:
    with Installation(tmp_path / "kaizen") as installation:
        worker = installation.start_worker()
        before = wait_for_both(installation)
        victim = min(before)
        group = [pid for pid in installation.pids() if os.getsid(pid) == victim]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: len(mains(installation) - before) == 1, 30, "a new cluster")
        assert not set(group) & set(installation.pids())
        worker.terminate()
        assert worker.wait(60) == 0
        assert installation.pids("manage.py") == []


def test_a_cluster_stops_however_often_it_is_told_to(tmp_path: Path) -> None:
    with Installation(tmp_path / "kaizen") as installation:
        worker = installation.start_worker()
        told = wait_for_both(installation)
        worker.terminate()
        for _ in range(100):
            send(list(told), signal.SIGTERM)
            time.sleep(0.0001)
        assert worker.wait(30) == 0
        assert installation.pids("manage.py") == []


def test_clusters_end_when_their_keeper_is_killed(tmp_path: Path) -> None:
    with Installation(tmp_path / "kaizen") as installation:
        worker = installation.start_worker()
        wait_for_both(installation)
        worker.kill()
        wait_until(lambda: installation.pids("manage.py") == [], 30, "all clusters to end")


def test_an_orphaned_cluster_ends_at_its_next_message(tmp_path: Path) -> None:
    """Killing keeper and main processes together leaves workers that nobody stops."""
    with Installation(tmp_path / "kaizen") as installation:
        worker = installation.start_worker()
        victims = wait_for_both(installation)
        worker.send_signal(signal.SIGSTOP)
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        worker.kill()
        worker.wait(10)
        assert installation.pids("work --cluster")
        installation.shell(
            "from django_q.tasks import async_task\n"
            "for _ in 'ab':\n"
            "    async_task('optimization_app.worker.reap_jobs')\n"
            "    async_task('optimization_app.worker.reap_jobs', q_options={'cluster': 'long'})"
        )
        wait_until(lambda: installation.pids("manage.py") == [], 30, "the orphans to end")
