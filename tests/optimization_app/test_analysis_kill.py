"""kill -9 between an analyst's answers: the next analysis finishes, and asks for none again."""

import signal
from pathlib import Path

import pytest

from tests.optimization_app.theatre import Theatre, model_server, send

SLOW_S = 1.0
SEND_AGAIN = "from optimization_app.queue import analyse\nanalyse({job_id})"
KEPT = """
from llm_app.models import CallRecord
from optimization_app.models import Insight
from prompts_app.models import ChangeNote
result = {
    "answers": CallRecord.objects.count(),
    "insights": Insight.objects.count(),
    "changelogs": ChangeNote.objects.count(),
}
"""

pytestmark = pytest.mark.slow


def test_an_analysis_that_is_killed_is_finished_and_pays_once(tmp_path: Path) -> None:
    with (
        model_server() as server,
        Theatre.open(tmp_path / "kaizen", "sqlite", server) as theatre,
    ):
        theatre.installation.start_worker()
        job_id = theatre.start_job()
        theatre.wait_for_end(job_id)
        server.latency_s = SLOW_S
        theatre.wait_for_calls(theatre.facts(job_id)["records"] + 2)
        send(theatre.installation.pids(" insights "), signal.SIGKILL)
        killed = theatre.installation.shell(KEPT)
        assert killed["insights"] == 0
        assert theatre.field(job_id, "analysed_at") is None
        server.latency_s = 0
        theatre.stage(SEND_AGAIN.format(job_id=job_id))
        theatre.wait_for_analysis(job_id)
        kept = theatre.installation.shell(KEPT)
        assert kept["insights"] > 0
        assert kept["changelogs"] == 1
        # The call that was under way is asked again, the answers before it are not.
        assert server.calls <= kept["answers"] + 1
