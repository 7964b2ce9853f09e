"""The heartbeat: what it survives, and that nothing is called once it cannot be kept."""

import threading
from dataclasses import replace

import pytest
from django.db import InterfaceError, OperationalError, connection

from kaizen_engine.clock import FrozenClock, SystemClock
from kaizen_engine.errors import JobAbort
from kaizen_engine.llm.meter import Budget, Meter, Spent
from kaizen_engine.states import StopReason
from optimization_app.models import Job
from optimization_app.pulse import Pulse
from optimization_app.run import run_claimed_job
from tests.factories.optimization import JobFactory
from tests.installation import wait_until
from tests.optimization_app.faulty_database import failing

HEARTBEAT = 'UPDATE "optimization_app_job"'


@pytest.fixture
def job(live_database: str, settings) -> Job:
    settings.CONFIG = replace(settings.CONFIG, lease_s=2)
    return JobFactory(running=True)


@pytest.fixture
def meter() -> Meter:
    return Meter(Budget(), Spent(), SystemClock())


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_heartbeat_outlives_a_database_that_hiccups(
    job: Job, meter: Meter, error: type[Exception]
) -> None:
    began = job.heartbeat_at
    failures = iter([error("connection already closed")] * 2)
    with (
        failing(lambda sql: next(failures, None) if sql.startswith(HEARTBEAT) else None),
        Pulse(job.pk, job.fence, meter),
    ):
        wait_until(lambda: Job.objects.get().heartbeat_at > began, 5, "a heartbeat")
    assert next(failures, None) is None
    assert meter.stopped is None


def test_a_heartbeat_that_ends_stops_the_meter(job: Job, meter: Meter) -> None:
    def bug(sql: str) -> Exception | None:
        return RuntimeError("a bug") if sql.startswith(HEARTBEAT) else None

    with failing(bug), Pulse(job.pk, job.fence, meter):
        wait_until(lambda: meter.stopped is not None, 5, "a stop")
    assert meter.stopped is StopReason.WORKER_LOST


def test_a_process_that_slept_through_its_lease_is_refused_before_the_database_answers(
    job: Job,
) -> None:
    clock, answered = FrozenClock(), threading.Event()
    meter = Meter(Budget(), Spent(), clock)

    def never(sql: str) -> None:
        answered.wait(5)

    with failing(never), Pulse(job.pk, job.fence, meter):
        meter.lease_until = clock.monotonic() + 1
        clock.advance(2)
        with pytest.raises(JobAbort) as abort:
            meter.check()
        answered.set()
    assert abort.value.reason is StopReason.WORKER_LOST


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_fails_a_child_does_not_fail_its_job(
    job: Job, error: type[Exception]
) -> None:
    connection.close()

    def gone(sql: str) -> Exception | None:
        return error("server closed the connection") if "optimization_app_step" in sql else None

    with failing(gone), pytest.raises(error):
        run_claimed_job(job.pk, job.fence)
    connection.close()
    assert Job.objects.get().state == "running"
