"""A cap holds over kills: what was under way when a process died counts as spent."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from kaizen_engine.llm.providers.demo import DemoModel
from kaizen_engine.llm.providers.openai_wire import read_chat_request
from tests.optimization_app.theatre import Theatre
from tests.servers.scripted_openai import Received, ScriptedServer

CAP = 60_000
KILLS = 4
CLAIM = """
from optimization_app.models import Job
from optimization_app.services.lease import job_claim
Job.objects.filter(pk={job_id}).update(lease_until=None, budget_tokens={cap})
result = job_claim({job_id}, "test").fence
"""

pytestmark = pytest.mark.slow


def billed(received: Iterable[Received]) -> int:
    """Add up what the server would charge for: every request it took, answered or not."""
    model, tokens = DemoModel(), 0
    for each in received:
        answer = model.complete(read_chat_request(json.dumps(each.body).encode()), timeout_s=60)
        tokens += answer.input_tokens + answer.output_tokens
    return tokens


def test_tokens_billed_over_four_kills_stay_below_the_cap(tmp_path: Path) -> None:
    with (
        ScriptedServer(latency_s=0.2) as server,
        Theatre.open(
            tmp_path / "kaizen", "sqlite", server, KAIZEN_JOB_THREADS="8", KAIZEN_LEASE_S="5"
        ) as theatre,
    ):
        job_id = theatre.start_job()
        for _ in range(KILLS):
            before = server.calls
            child = theatre.work_on(job_id, theatre.stage(CLAIM.format(job_id=job_id, cap=CAP)))
            theatre.wait_for_calls(before + 12)
            child.kill()
            child.wait()
        child = theatre.work_on(job_id, theatre.stage(CLAIM.format(job_id=job_id, cap=CAP)))
        theatre.finish(child)
        found = theatre.facts(job_id)
        spent = billed(server.received)
    assert found["stop_reason"] == "budget_tokens"
    assert found["lost"] == KILLS
    assert found["spent_tokens"] <= CAP
    assert spent <= found["spent_tokens"]
