"""A job runs in a process of its own, so that its wall clock is hard and its memory its own.

The child keeps the lease; the supervisor ends the child's whole process group when the deadline
has passed, when a cancel is not obeyed and when the worker has to stop. What the child leaves
unfinished goes back to the queue.
"""

import contextlib
import logging
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import Error, close_old_connections
from django.db.models import Q
from django.utils import timezone

from kaizen_engine.states import StopReason
from optimization_app.models import Job
from optimization_app.processes import end_group, manage_command
from optimization_app.queue import wake
from optimization_app.services.finish import job_end_cancelled, job_fail
from optimization_app.services.lease import Claim, lease_keep, lease_release
from optimization_app.services.moves import held_by
from optimization_app.stopping import STOP_FD, stop_requested

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """Seconds: between looks, for the child to begin, past the deadline, after a cancel, after a
    request to stop, and once somebody else has the job."""

    look_s: float = 0.5
    begin_s: float = 60.0
    deadline_s: float = 120.0
    cancel_s: float = 90.0
    stop_s: float = 75.0
    lost_s: float = 5.0


def child_command(claim: Claim) -> list[str]:
    return manage_command("run_job", str(claim.job_id), str(claim.fence))


class Supervisor:
    """Runs one claimed job to its end. `command` is what works on it."""

    def __init__(
        self,
        claim: Claim,
        *,
        command: Callable[[Claim], list[str]] = child_command,
        patience: Patience | None = None,
    ) -> None:
        self._claim = claim
        self._command = command
        self._patience = patience or Patience()
        self._kill_at = self._from(max(claim.deadline_at, timezone.now()), "deadline_s")
        self._begin_until = self._from(timezone.now(), "begin_s")
        self._told_to_stop = False
        self._hurried: set[str] = set()

    def run(self) -> None:
        job = Job.objects.select_related("task").get(pk=self._claim.job_id)
        with _log_file(job, self._claim.fence) as log:
            process = self._start(log)
            try:
                self._watch(process)
            finally:
                end_group(process)
        _settle(self._claim, ran_out_of_time=timezone.now() >= self._kill_at)

    def _start(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if name != STOP_FD}
        return subprocess.Popen(  # noqa: S603 - a fixed command
            self._command(self._claim),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(self._patience.look_s)
                return
            if timezone.now() >= self._kill_at:
                return
            self._heed_stop(process)
            self._heed_job()

    def _heed_stop(self, process: subprocess.Popen[bytes]) -> None:
        if not self._told_to_stop and stop_requested():
            self._told_to_stop = True
            process.terminate()
            self._hurry("stop_s")

    def _heed_job(self) -> None:
        try:
            self._keep_lease_until_it_begins()
            mine = Job.objects.filter(held_by(self._claim.fence), pk=self._claim.job_id)
            cancelled = mine.values_list("cancel_requested", flat=True).first()
        except Error:
            logger.warning("the supervisor could not read its job", exc_info=True)
            close_old_connections()
            return
        if cancelled is None:
            self._hurry("lost_s")
        elif cancelled:
            self._hurry("cancel_s")

    def _keep_lease_until_it_begins(self) -> None:
        """Importing takes the child seconds; from its own first heartbeat on it is alone."""
        if self._begin_until > timezone.now():
            claimed = Q(heartbeat_at=self._claim.claimed_at)
            lease_keep(self._claim.job_id, held_by(self._claim.fence) & claimed)

    def _hurry(self, length: str) -> None:
        """Give the child this long from now, once a reason; a frozen child obeys nothing."""
        if length not in self._hurried:
            self._hurried.add(length)
            self._kill_at = min(self._kill_at, self._from(timezone.now(), length))

    def _from(self, start: datetime, length: str) -> datetime:
        return start + timedelta(seconds=getattr(self._patience, length))


def _log_file(job: Job, fence: int) -> IO[bytes]:
    folder = Path(settings.CONFIG.data_dir) / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / f"{job.public_id}-{fence}.log").open("ab")


def _settle(claim: Claim, *, ran_out_of_time: bool) -> None:
    """Decide about a job that its child has left unfinished; usually there is none."""
    where = held_by(claim.fence)
    job = Job.objects.select_related("task").filter(where, pk=claim.job_id).first()
    if job is None:
        return
    if job.cancel_requested:
        job_end_cancelled(job=job, where=where)
    elif ran_out_of_time and timezone.now() >= claim.deadline_at:
        error = "The job did not stop at its deadline and was ended."
        job_fail(job=job, stop_reason=StopReason.TIMEOUT, where=where, error=error)
    elif job.attempts >= job.max_attempts:
        error = f"The process that worked on this job died {job.attempts} times."
        job_fail(job=job, stop_reason=StopReason.WORKER_LOST, where=where, error=error)
    elif lease_release(job, claim.fence) and not stop_requested():
        wake(job.pk)
