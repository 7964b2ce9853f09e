"""Real processes on a stage: a model server that counts its calls, a worker, and what kills it."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kaizen_engine.llm.providers.demo_server import DemoServer
from tests.installation import Installation, wait_until

STAGE = "from tests.optimization_app import stage\n"
ENDED = ("succeeded", "failed", "cancelled")
STATES = "result = list(stage.Job.objects.order_by('id').values_list('state', flat=True))"
SEARCH = {"num_trials": 3, "num_fewshot_examples": 6}
ROWS = 60


@contextmanager
def model_server(latency_s: float = 0.05) -> Iterator[DemoServer]:
    with DemoServer(("127.0.0.1", 0), latency_s=latency_s) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Theatre:
    """One installation with one task, one queued job and the means to disturb it."""

    def __init__(self, installation: Installation, server: Any) -> None:
        self.installation = installation
        self.server = server
        address = f"http://127.0.0.1:{server.server_port}/v1"
        self.stage(f"stage.build_task({address!r}); stage.log({ROWS})")

    @classmethod
    @contextmanager
    def open(cls, folder: Path, database: str, server: Any, **environment: str) -> Iterator[Any]:
        allowed = f"127.0.0.1:{server.server_port}"
        short = {"KAIZEN_LEASE_S": "2", "KAIZEN_REAPER_PERIOD_S": "1"}
        environment = {"KAIZEN_ALLOW_PRIVATE_TARGETS": allowed, **short, **environment}
        with Installation(folder, database, **environment) as installation:
            yield cls(installation, server)

    def stage(self, python: str) -> Any:
        return self.installation.shell(STAGE + python)

    def start_job(self, **config: Any) -> int:
        job_id: int = self.stage(f"result = stage.start(**{SEARCH | config!r})")
        return job_id

    def facts(self, job_id: int) -> dict[str, Any]:
        found: dict[str, Any] = self.stage(f"result = stage.facts({job_id})")
        return found

    def field(self, job_id: int, name: str) -> Any:
        """Return one field of a job; cheaper than its facts, so for asking again and again."""
        field = f"stage.Job.objects.values_list({name!r}, flat=True).get(pk={job_id})"
        return self.stage(f"result = {field}")

    def states(self) -> list[str]:
        """Return the state of every job."""
        found: list[str] = self.stage(STATES)
        return found

    def wait_for_calls(self, calls: float) -> None:
        wait_until(lambda: self.server.calls >= calls, 60, f"call {calls:.0f}")

    def wait_for_end(self, job_id: int, timeout_s: float = 60) -> dict[str, Any]:
        wait_until(lambda: self.field(job_id, "state") in ENDED, timeout_s, "the job to end")
        return self.facts(job_id)

    def wait_for_analysis(self, job_id: int) -> dict[str, Any]:
        """Wait for the last call that a job makes: its analyst speaks after its end."""
        wait_until(lambda: self.field(job_id, "analysed_at"), 60, "the job to be analysed")
        return self.facts(job_id)

    def work_on(self, job_id: int, fence: int) -> "subprocess.Popen[bytes]":
        """Start the child of a claimed job by itself, without a queue and a supervisor."""
        name, number = "run_job", str(job_id)
        return self.installation.start_manage("child", name, number, str(fence), "--skip-checks")

    def finish(self, child: "subprocess.Popen[bytes]", timeout_s: float = 90) -> None:
        log = self.installation.folder / "child.log"
        assert child.wait(timeout_s) == 0, log.read_text()[-4000:]

    def child(self) -> int:
        pids = wait_until(lambda: self.installation.pids(" run_job "), 30, "a child that works")
        return int(pids[-1])

    def worker(self) -> int:
        """Return the queue's worker that supervises the child."""
        return parent_of(self.child())

    def kill(self, victim: str) -> None:
        if victim == "tree":
            send(self.installation.pids("manage.py"), signal.SIGKILL)
            self.installation.start_worker()
        else:
            send([{"child": self.child, "worker": self.worker}[victim]()], signal.SIGKILL)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def send(pids: list[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
