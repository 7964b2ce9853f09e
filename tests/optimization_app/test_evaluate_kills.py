"""kill -9 in the middle of an evaluation: it goes on, and no answer is paid for twice."""

from pathlib import Path

import pytest

from tests.optimization_app.theatre import Theatre, model_server

POSTGRES = pytest.mark.postgres
FOUND = """
from llm_app.models import CachedAnswer
from optimization_app.models import EvaluationRow, Job
job = Job.objects.get(pk={job_id})
result = {{
    "cached": CachedAnswer.objects.count(),
    "rows": EvaluationRow.objects.filter(job=job).count(),
    "asked": sum(one["rows"] for one in job.result["evaluation"]["splits"].values()),
}}
"""
THREADS = 4

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=POSTGRES)])
def test_an_evaluation_survives_kills_and_pays_once(tmp_path: Path, database: str) -> None:
    with (
        model_server() as server,
        Theatre.open(tmp_path / "kaizen", database, server) as theatre,
    ):
        theatre.installation.start_worker()
        job_id = theatre.stage("result = stage.start_evaluation(split='all')")
        for victim, calls in (("child", 25), ("worker", 60)):
            theatre.wait_for_calls(calls)
            theatre.kill(victim)
        found = theatre.wait_for_end(job_id)
        assert (found["state"], found["stop_reason"]) == ("succeeded", "finished"), found
        told = theatre.installation.shell(FOUND.format(job_id=job_id))
        assert told["rows"] == told["cached"] == found["records"] == 2 * told["asked"]
        # What was on its way when the process died was paid for and never came.
        assert server.calls <= told["cached"] + 2 * THREADS
