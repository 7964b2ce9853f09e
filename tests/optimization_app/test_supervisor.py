import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from django_q.models import OrmQ

from kaizen_engine.states import JobState, StopReason
from optimization_app import supervisor
from optimization_app.models import Job
from optimization_app.services.lease import Claim, job_claim
from optimization_app.stopping import STOP_FD
from optimization_app.supervisor import Patience, Supervisor
from optimization_app.worker import run_optimize_job

pytestmark = pytest.mark.django_db

SLEEPER = "import time; time.sleep(60)"
QUICK = Patience(look_s=0.05, deadline_s=0.3, cancel_s=0.2, stop_s=0.3, lost_s=0.2)


def child(script: str) -> Callable[[Claim], list[str]]:
    return lambda claim: [sys.executable, "-c", script]


@pytest.fixture(autouse=True)
def _data_dir(tmp_path: Path, settings) -> None:
    from dataclasses import replace

    settings.CONFIG = replace(settings.CONFIG, data_dir=tmp_path)


@pytest.fixture
def claim(queued_job: Job) -> Claim:
    found = job_claim(queued_job.pk, "me")
    assert found is not None
    return found


def supervise(claim: Claim, script: str) -> Job:
    Supervisor(claim, command=child(script), patience=QUICK).run()
    return Job.objects.get(pk=claim.job_id)


def test_a_job_whose_child_dies_waits_again_and_wakes_a_worker(claim: Claim) -> None:
    job = supervise(claim, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert (job.state, job.attempts, job.lease_until) == (JobState.QUEUED, 1, None)
    assert OrmQ.objects.filter(key="long").count() == 1


def test_a_job_that_kills_every_child_fails_in_the_end(claim: Claim) -> None:
    Job.objects.update(max_attempts=1)
    job = supervise(claim, "raise SystemExit(3)")
    assert (job.state, job.stop_reason) == (JobState.FAILED, StopReason.WORKER_LOST)


def test_a_child_that_passes_the_deadline_is_ended_with_all_it_started(
    claim: Claim, tmp_path: Path
) -> None:
    Job.objects.update(deadline_at=timezone.now())
    late = Claim(claim.job_id, claim.fence, claim.claimed_at, timezone.now(), 1)
    note = tmp_path / "grandchild"
    script = f"sleep 60 & echo $! > {note}; wait"
    Supervisor(late, command=lambda _: ["sh", "-c", script], patience=QUICK).run()
    job = Job.objects.get()
    assert (job.state, job.stop_reason) == (JobState.FAILED, StopReason.TIMEOUT)
    assert not _runs(int(note.read_text()))


def test_a_cancel_that_the_child_does_not_obey_ends_it(claim: Claim) -> None:
    Job.objects.update(cancel_requested=True)
    job = supervise(claim, SLEEPER)
    assert (job.state, job.stop_reason) == (JobState.CANCELLED, StopReason.CANCELLED)


def test_a_frozen_child_whose_job_went_to_another_is_ended(claim: Claim) -> None:
    Job.objects.update(fence=claim.fence + 1)
    job = supervise(claim, "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)")
    assert (job.state, job.fence) == (JobState.RUNNING, claim.fence + 1)


def test_a_job_that_its_child_has_ended_is_left_alone(claim: Claim) -> None:
    Job.objects.update(state=JobState.SUCCEEDED.value)
    assert supervise(claim, "pass").state == JobState.SUCCEEDED
    assert not OrmQ.objects.exists()


def test_the_lease_is_kept_until_the_child_has_begun_and_no_longer(claim: Claim) -> None:
    past = timezone.now() - timedelta(seconds=1)
    keeper = Supervisor(claim, patience=QUICK)
    Job.objects.update(lease_until=past)
    keeper._heed_job()
    assert Job.objects.get().lease_until > timezone.now()
    Job.objects.update(heartbeat_at=timezone.now(), lease_until=past)
    keeper._heed_job()
    assert Job.objects.get().lease_until == past


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_supervisor_outlives_a_database_that_hiccups(
    claim: Claim, error: type[Exception]
) -> None:
    def fail(*_: Any) -> None:
        raise error("connection already closed")

    with connection.execute_wrapper(fail):
        Supervisor(claim, patience=QUICK)._heed_job()


def test_a_worker_that_stops_gives_its_job_back_and_takes_no_other(
    claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_fd, write_fd = os.pipe()
    monkeypatch.setenv(STOP_FD, str(read_fd))
    os.close(write_fd)
    try:
        job = supervise(claim, SLEEPER)
        assert job.state == JobState.QUEUED
        assert not OrmQ.objects.exists()
        assert run_optimize_job(job.pk) == "left to the next worker"
    finally:
        os.close(read_fd)


def test_a_message_for_a_job_somebody_works_on_does_nothing(running_job: Job) -> None:
    for _ in range(3):
        assert run_optimize_job(running_job.pk) == "not to be claimed"


def test_the_child_is_the_command_of_its_claim(claim: Claim) -> None:
    command = supervisor.child_command(claim)
    assert command[-4:] == ["run_job", str(claim.job_id), "1", "--skip-checks"]


def _runs(pid: int) -> bool:
    command = ["ps", "-o", "stat=", "-p", str(pid)]
    state = subprocess.run(command, capture_output=True, text=True, check=False)
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")
