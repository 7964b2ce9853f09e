"""A provider goes down under a running installation and comes back: what is stored, and what not.

The breaker's row is the only thing the two jobs share: each runs in a process of its own.
"""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.optimization_app.theatre import ROWS, Theatre
from tests.servers.scripted_openai import ScriptedServer, Step, always, down

AFTERWARDS = """
from feedback_app.models import Feedback, TaskCounter
from llm_app.models import BreakerState
from optimization_app.models import EvaluationRow, Job, Trial
job = Job.objects.get(pk={job_id})
counter = TaskCounter.objects.get()
result = {{
    "free_rows": Feedback.objects.filter(consumed_by=None).count(),
    "counted": counter.unconsumed,
    "cool_down": counter.not_before is not None and counter.not_before > job.finished_at,
    "failures": counter.failures_in_a_row,
    "breaker": list(BreakerState.objects.values_list("state", flat=True)),
    "evaluated": EvaluationRow.objects.filter(job=job).count(),
    "unanswered": EvaluationRow.objects.filter(job=job, text="").count(),
    "partial": Trial.objects.filter(job=job, is_full=False).count(),
    "wrong": job.error,
}}
"""
# As if the pause had been waited out; the waiting itself is in test_shared_breaker.py.
PAUSE_OVER = """
from datetime import timedelta
from django.db.models import F
from llm_app.models import BreakerState
BreakerState.objects.update(opened_at=F("opened_at") - timedelta(seconds=300))
result = None
"""

pytestmark = pytest.mark.slow


def afterwards(theatre: Theatre, job_id: int) -> dict[str, Any]:
    found: dict[str, Any] = theatre.installation.shell(AFTERWARDS.format(job_id=job_id))
    return found


def ends_as_provider_down(theatre: Theatre) -> int:
    job_id = theatre.start_job()
    found = theatre.wait_for_end(job_id)
    assert (found["state"], found["stop_reason"]) == ("failed", "provider_down"), found
    assert (found["verdict"], found["drafts"]) == ("none", 0)
    return job_id


def test_a_job_fails_frees_its_rows_and_the_next_one_succeeds_after_the_pause(
    tmp_path: Path,
) -> None:
    with (
        ScriptedServer(down()) as server,
        Theatre.open(tmp_path / "kaizen", "sqlite", server, KAIZEN_CALL_TIMEOUT_S="5") as theatre,
    ):
        theatre.installation.start_worker()
        found = afterwards(theatre, ends_as_provider_down(theatre))
        assert (found["free_rows"], found["counted"]) == (ROWS, ROWS)
        assert (found["cool_down"], found["failures"]) == (True, 1)
        assert found["breaker"] == ["open"]
        assert (found["evaluated"], found["partial"]) == (0, 0)
        assert found["wrong"]
        calls = server.calls

        server.policy = always()
        found = afterwards(theatre, ends_as_provider_down(theatre))
        assert server.calls == calls
        assert found["failures"] == 2

        theatre.installation.shell(PAUSE_OVER)
        job_id = theatre.start_job()
        end = theatre.wait_for_end(job_id)
        assert (end["state"], end["stop_reason"], end["drafts"]) == ("succeeded", "finished", 1)
        found = afterwards(theatre, job_id)
        assert (found["free_rows"], found["counted"]) == (0, 0)
        assert (found["cool_down"], found["failures"]) == (False, 0)
        assert found["breaker"] == ["closed"]


def test_an_outage_in_the_middle_leaves_only_scores_of_real_answers(tmp_path: Path) -> None:
    """The pause is short here, and really waited out."""
    short = {"KAIZEN_BREAKER_RESET_S": "1"}
    with (
        ScriptedServer() as server,
        Theatre.open(tmp_path / "kaizen", "sqlite", server, **short) as theatre,
    ):
        server.policy = lambda number, _request: Step() if number < 90 else Step(status=500)
        theatre.installation.start_worker()
        job_id = ends_as_provider_down(theatre)
        found = afterwards(theatre, job_id)
        assert found["evaluated"] > 0
        assert (found["unanswered"], found["partial"]) == (0, 0)
        assert (found["free_rows"], found["cool_down"]) == (ROWS, True)
        facts = theatre.facts(job_id)
        assert facts["records"] == 90
        assert facts["baseline"] is not None

        server.policy = always()
        time.sleep(1)
        end = theatre.wait_for_end(theatre.start_job())
        assert (end["state"], end["stop_reason"], end["drafts"]) == ("succeeded", "finished", 1)
