"""`manage.py work`: all queue clusters as children of one process that keeps them alive.

1. Each cluster is a session of its own, so Ctrl-C in a terminal reaches this process alone.
2. To stop, the stop pipe is closed and only the clusters' main processes get SIGTERM: a signal to
   a whole cluster makes django-q2 hang.
3. A main process that dies leaves workers behind that go on; its group is ended before a new one
   starts.
4. Lost jobs are looked for here, in this loop, since a schedule of django-q2 cannot come more often
   than each half minute and never comes while the default cluster is frozen. The schedule stays
   as the backstop for installations that start the clusters by themselves.
"""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

from django.conf import settings
from django.db import close_old_connections

from optimization_app.processes import end_group, manage_command
from optimization_app.stopping import STOP_FD, stop_requested
from optimization_app.worker import reap_jobs, sweep_schedules, sweep_thresholds

logger = logging.getLogger(__name__)

CLUSTER_NAME = "Q_CLUSTER_NAME"
DEFAULT = "default"
CLUSTERS = (DEFAULT, "long")
LOOK_S = 0.5
RESTART_S = 2.0


@dataclass
class Cluster:
    name: str
    process: subprocess.Popen[bytes] | None = None
    started_at: float = field(default=0.0)

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, stop_fd: int) -> None:
        environment = {key: text for key, text in os.environ.items() if key != CLUSTER_NAME}
        environment[STOP_FD] = str(stop_fd)
        if self.name != DEFAULT:
            environment[CLUSTER_NAME] = self.name
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - a fixed command
            manage_command("work", "--cluster", self.name),
            env=environment,
            pass_fds=(stop_fd,),
            start_new_session=True,
        )

    def sweep(self) -> None:
        """End whatever is left of the cluster's process group."""
        if self.process is not None:
            end_group(self.process)


class Workforce:
    """All clusters, until `stop`; `run` returns when they have ended."""

    def __init__(self, names: tuple[str, ...] = CLUSTERS) -> None:
        self._clusters = [Cluster(name) for name in names]
        self._read_fd, self._write_fd = os.pipe()
        self._stopping = threading.Event()
        self._next_look = 0.0

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        while not self._stopping.is_set():
            self._keep_alive()
            self._tend()
            self._stopping.wait(LOOK_S)
        self._end()

    def _keep_alive(self) -> None:
        for cluster in self._clusters:
            if cluster.is_alive or time.monotonic() - cluster.started_at < RESTART_S:
                continue
            if cluster.process is not None:
                logger.error("cluster %s ended and is started again", cluster.name)
                cluster.sweep()
            cluster.start(self._read_fd)

    def _tend(self) -> None:
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + settings.CONFIG.reaper_period_s
        try:
            reap_jobs()
            sweep_thresholds()
            sweep_schedules()
        except Exception:
            # Whatever is wrong with one look, the clusters have to be kept alive.
            logger.exception("looking for lost jobs failed; the next look will do")
            close_old_connections()

    def _end(self) -> None:
        os.close(self._write_fd)
        for cluster in self._clusters:
            if cluster.process is not None and cluster.is_alive:
                cluster.process.terminate()
        until = time.monotonic() + settings.CONFIG.call_timeout_s + 60
        for cluster in self._clusters:
            if cluster.process is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    cluster.process.wait(max(0.0, until - time.monotonic()))
            cluster.sweep()
        os.close(self._read_fd)


def serve_cluster(name: str) -> None:
    """Be one cluster: django-q2's, which also stops when the stop pipe closes."""
    _become(name)
    from django_q.cluster import Cluster as QCluster

    cluster = QCluster()
    # django-q2 stops within the signal handler; one that interrupts a stop waits for its own lock.
    signals: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: signals.append(received))
    cluster.start()
    while cluster.sentinel.is_alive():
        if stop_requested(LOOK_S) or signals:
            cluster.stop()
        elif STOP_FD not in os.environ:
            time.sleep(LOOK_S)


def _become(name: str) -> None:
    """django-q2 reads the name of its queue at import, so a process with another begins anew."""
    wanted = "" if name == DEFAULT else name
    if os.environ.get(CLUSTER_NAME, "") != wanted:
        environment = {**os.environ, CLUSTER_NAME: wanted}
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)  # noqa: S606
