"""The child by itself: what it does with outages, bad rows, late starts and lost claims."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.optimization_app.theatre import Theatre
from tests.servers.scripted_openai import ScriptedServer, down

pytestmark = pytest.mark.slow

CLAIM = """
from django.utils import timezone
from optimization_app.models import Job
from optimization_app.services.lease import job_claim
Job.objects.filter(pk={job_id}).update(lease_until=None, **{changes})
result = job_claim({job_id}, "test").fence
"""


@pytest.fixture
def theatre(tmp_path: Path) -> Iterator[Theatre]:
    with (
        ScriptedServer(latency_s=0.03) as server,
        Theatre.open(tmp_path / "kaizen", "sqlite", server, KAIZEN_LEASE_S="5") as theatre,
    ):
        yield theatre


def claim(theatre: Theatre, job_id: int, changes: str = "{}") -> int:
    fence: int = theatre.stage(CLAIM.format(job_id=job_id, changes=changes))
    return fence


def test_a_provider_that_is_down_fails_the_job_and_frees_its_rows(theatre: Theatre) -> None:
    theatre.server.policy = down()
    job_id = theatre.start_job()
    theatre.finish(theatre.work_on(job_id, claim(theatre, job_id)))
    found = theatre.facts(job_id)
    assert (found["state"], found["stop_reason"]) == ("failed", "provider_down")
    assert found["error"]
    assert theatre.stage(
        "from feedback_app.models import TaskCounter\n"
        "result = TaskCounter.objects.get().unconsumed > 0"
    )


def test_a_restart_past_the_deadline_keeps_what_was_paid_for_and_calls_nothing(
    theatre: Theatre,
) -> None:
    before = theatre.server.calls
    job_id = theatre.start_job()
    first = theatre.work_on(job_id, claim(theatre, job_id))
    theatre.wait_for_calls(before + 100)
    first.send_signal(signal.SIGKILL)
    first.wait(10)
    time.sleep(0.5)  # what the child had sent may still be on its way in
    paid = theatre.server.calls
    fence = claim(theatre, job_id, "{'deadline_at': timezone.now()}")
    theatre.finish(theatre.work_on(job_id, fence))
    found = theatre.facts(job_id)
    assert (found["state"], found["stop_reason"]) == ("succeeded", "timeout")
    assert found["artifact"]
    assert theatre.server.calls == paid


def test_a_child_without_the_fence_does_nothing(theatre: Theatre) -> None:
    job_id = theatre.start_job()
    fence = claim(theatre, job_id)
    before = theatre.facts(job_id)
    theatre.finish(theatre.work_on(job_id, fence - 1))
    assert theatre.facts(job_id) == before


def test_a_model_that_lost_its_price_fails_the_job_in_words(theatre: Theatre) -> None:
    job_id = theatre.start_job()
    theatre.stage("from llm_app.models import ModelPrice\nModelPrice.objects.update(model='other')")
    theatre.finish(theatre.work_on(job_id, claim(theatre, job_id)))
    found = theatre.facts(job_id)
    assert (found["state"], found["stop_reason"]) == ("failed", "error")
    assert "price" in found["error"]


def test_too_few_examples_fail_the_job_in_words(theatre: Theatre) -> None:
    theatre.stage("stage.forget_all_but(10)")
    job_id = theatre.start_job()
    theatre.finish(theatre.work_on(job_id, claim(theatre, job_id)))
    found = theatre.facts(job_id)
    assert (found["state"], found["stop_reason"]) == ("failed", "error")
    assert "20 usable examples" in found["error"]
