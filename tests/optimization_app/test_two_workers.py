"""Two `manage.py work` share ten jobs of ten tasks while kill -9 takes whatever runs: once each.

Victims and moments come from a seed; what is killed comes back as a supervisor would bring it back.
"""

import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.installation import wait_until
from tests.optimization_app.theatre import (
    ENDED,
    ROWS,
    SEARCH,
    Theatre,
    model_server,
    parent_of,
    send,
)

JOBS, THREADS = 10, 4
VICTIMS = ["child", "child", "worker", "worker", "keeper", "all"]
CALLS_OF_A_JOB = 170
BUILD = f"""
for number in range(1, {JOBS}):
    stage.add_task(f"task-{{number}}", threshold=10_000)
    stage.log({ROWS}, slug=f"task-{{number}}")
slugs = ["triage", *(f"task-{{number}}" for number in range(1, {JOBS}))]
result = [stage.start(slug, **{SEARCH | {"num_trials": 1}!r}) for slug in slugs]
"""
ENDINGS = """
from collections import Counter
from projects_app.models import AuditEntry
ended = [f"kaizen.job.{state}" for state in ("succeeded", "failed", "cancelled")]
told = AuditEntry.objects.filter(action__in=ended).values_list("object_id", flat=True)
result = list(Counter(told).values())
"""
ANSWERS = """
from llm_app.models import CallRecord
result = CallRecord.objects.count()
"""

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


class Workers:
    """The two `manage.py work`, each with its clusters, and the children that work on jobs."""

    def __init__(self, theatre: Theatre, seed: int) -> None:
        self._theatre = theatre
        self._lots = random.Random(seed)
        self._keepers: list[subprocess.Popen[bytes]] = []
        self.keep_two()

    def keep_two(self) -> None:
        self._keepers = [keeper for keeper in self._keepers if keeper.poll() is None]
        while len(self._keepers) < 2:
            self._keepers.append(self._theatre.installation.start_worker())

    def children(self) -> list[int]:
        return self._theatre.installation.pids(" run_job ")

    def kill(self, victim: str) -> None:
        wait_until(self.children, 120, "a child that works")
        victims: dict[str, Callable[[], list[int]]] = {
            "child": lambda: [self._lots.choice(self.children())],
            "worker": lambda: [parent_of(self._lots.choice(self.children()))],
            "keeper": lambda: [self._lots.choice(self._keepers).pid],
            "all": lambda: self._theatre.installation.pids("manage.py"),
        }
        send(victims[victim](), signal.SIGKILL)
        for keeper in self._keepers:
            if victim == "all":
                keeper.wait(10)
        self.keep_two()


def scenario(seed: int) -> list[tuple[int, str]]:
    """Return which call is the last before each kill, and what is killed."""
    lots = random.Random(seed)
    moments = lots.sample(range(CALLS_OF_A_JOB // 2, (JOBS - 2) * CALLS_OF_A_JOB), len(VICTIMS))
    victims = lots.sample(VICTIMS, len(VICTIMS))
    return list(zip(sorted(moments), victims, strict=True))


def test_ten_jobs_of_ten_tasks_end_once_each_under_kills(tmp_path: Path) -> None:
    with (
        model_server(latency_s=0.01) as server,
        Theatre.open(tmp_path / "kaizen", "postgres", server) as theatre,
    ):
        job_ids = theatre.stage(BUILD)
        workers = Workers(theatre, seed=7)
        wait_until(lambda: len(workers.children()) == 2, 120, "a job for each of the two workers")
        for moment, victim in scenario(seed=7):
            theatre.wait_for_calls(moment)
            workers.kill(victim)
        wait_until(lambda: set(theatre.states()) <= set(ENDED), 400, "every job to end")
        check(theatre, [theatre.wait_for_analysis(job_id) for job_id in job_ids])


def check(theatre: Theatre, jobs: list[dict[str, Any]]) -> None:
    assert len(jobs) == JOBS
    for found in jobs:
        assert (found["state"], found["stop_reason"]) == ("succeeded", "finished"), found
        assert found["drafts"] == 1
        assert found["steps"] == ["draft", "outcome", "prepared"]
    assert theatre.installation.shell(ENDINGS) == [1] * JOBS
    assert sum(found["attempts"] for found in jobs) > JOBS
    paid = theatre.installation.shell(ANSWERS)
    # Every answer is stored once, and a kill takes what two children had in flight at most.
    assert paid <= theatre.server.calls <= paid + 2 * len(VICTIMS) * THREADS
