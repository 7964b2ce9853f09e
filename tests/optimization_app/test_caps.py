"""Caps in money, tokens and minutes, and a cancel: never passed, nothing called afterwards."""

import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.optimization_app.theatre import Theatre
from tests.servers.scripted_openai import ScriptedServer, always, varying

LATENCY_S = 0.03
ENOUGH_CALLS = 80
TIME_S = 18
ON_THE_WAY_S = 3.0
CASES = [(1, "bootstrap"), (8, "bootstrap"), (8, "miprov2")]
# Less than the whole search costs, and more than its first candidate, proposals included.
CAP_USD = {"bootstrap": "0.015", "miprov2": "0.024"}
CAP_TOKENS = {"bootstrap": 30_000, "miprov2": 45_000}

pytestmark = pytest.mark.slow


class CapTheatre(Theatre):
    """A theatre whose jobs are all of one strategy."""

    strategy = "bootstrap"

    def start_job(self, **config: Any) -> int:
        return super().start_job(optimizer_type=self.strategy, **config)


@pytest.fixture(
    scope="module", params=CASES, ids=["one-thread", "eight-threads", "miprov2-eight-threads"]
)
def theatre(request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CapTheatre]:
    threads, strategy = request.param
    folder = tmp_path_factory.mktemp("caps") / "kaizen"
    with (
        ScriptedServer(latency_s=LATENCY_S) as server,
        CapTheatre.open(
            folder,
            "sqlite",
            server,
            KAIZEN_JOB_THREADS=str(threads),
            KAIZEN_LEASE_S="5",
        ) as theatre,
    ):
        theatre.strategy = strategy
        yield theatre


def in_seconds(seconds: float) -> str:
    return str(datetime.now(UTC) + timedelta(seconds=seconds))


def begin(theatre: Theatre, **changes: Any) -> tuple[int, "subprocess.Popen[bytes]"]:
    """Start a job with other caps than those it was admitted with, and work on it right here."""
    theatre.server.policy, theatre.server.latency_s = always(), LATENCY_S
    job_id = theatre.start_job()
    fence = theatre.stage(
        "from optimization_app.models import Job\n"
        "from optimization_app.services.lease import job_claim\n"
        f"Job.objects.filter(pk={job_id}).update(**{changes!r})\n"
        f"result = job_claim({job_id}, 'test').fence"
    )
    return job_id, theatre.work_on(job_id, fence)


def end(theatre: Theatre, job_id: int, child: "subprocess.Popen[bytes]", before: int) -> Any:
    """Wait for the child, and check what holds however a job was stopped."""
    theatre.finish(child)
    ended = time.monotonic()
    found = theatre.facts(job_id)
    # The server tells of a call once it has answered it, whether or not somebody still waits.
    time.sleep(3 * theatre.server.latency_s)
    calls = theatre.server.received[before:]
    assert len(calls) == found["records"] + found["lost"]
    assert max(call.at for call in calls) < ended
    assert Decimal(found["spent_usd"]) == Decimal(found["ledger_usd"])
    assert found["artifact"], "the best candidate so far is kept"
    return found


def test_money_is_never_passed(theatre: CapTheatre) -> None:
    before, cap = theatre.server.calls, CAP_USD[theatre.strategy]
    found = end(theatre, *begin(theatre, budget_usd=cap), before)
    assert (found["state"], found["stop_reason"]) == ("succeeded", "budget_usd")
    assert Decimal(cap) / 3 < Decimal(found["ledger_usd"]) <= Decimal(cap)


def test_tokens_are_never_passed_whatever_the_length_of_the_answers(theatre: CapTheatre) -> None:
    before, cap = theatre.server.calls, CAP_TOKENS[theatre.strategy]
    job_id, child = begin(theatre, budget_tokens=cap)
    theatre.server.policy = varying()
    found = end(theatre, job_id, child, before)
    assert (found["state"], found["stop_reason"]) == ("succeeded", "budget_tokens")
    assert cap / 2 < found["spent_tokens"] <= cap


def test_no_call_begins_after_the_deadline(theatre: Theatre) -> None:
    before = theatre.server.calls
    begun = time.monotonic()
    job_id, child = begin(theatre, deadline_at=in_seconds(TIME_S))
    theatre.wait_for_calls(before + ENOUGH_CALLS)
    theatre.server.latency_s = 2.0
    found = end(theatre, job_id, child, before)
    assert (found["state"], found["stop_reason"]) == ("succeeded", "timeout")
    last = max(call.at for call in theatre.server.received)
    assert last < begun + TIME_S + ON_THE_WAY_S


def test_a_cancel_stops_the_job_and_drafts_nothing(theatre: Theatre) -> None:
    before = theatre.server.calls
    job_id, child = begin(theatre)
    theatre.wait_for_calls(before + ENOUGH_CALLS)
    theatre.server.latency_s = 0.5
    theatre.stage(
        "from optimization_app.models import Job\n"
        "from optimization_app.services.cancel import job_cancel\n"
        f"job = Job.objects.select_related('task').get(pk={job_id})\n"
        "job_cancel(actor=stage.Actor.system(job.task.project_id), job=job)"
    )
    found = end(theatre, job_id, child, before)
    assert (found["state"], found["stop_reason"]) == ("cancelled", "cancelled")
    assert found["drafts"] == 0
