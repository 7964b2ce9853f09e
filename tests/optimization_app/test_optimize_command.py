"""The command that starts a job: as whom, with what, and what it says when it waited."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from optimization_app.models import Job
from projects_app.commands import CheckFailed, UsageError
from tests.installation import ROOT, Installation
from tests.optimization_app.theatre import STAGE

Result = dict[str, Any]
FEW_ROWS = """
from feedback_app.models import Example
stage.Feedback.objects.all().delete()
Example.objects.all().delete()
stage.log(10, first=500)
"""


@pytest.fixture
def run() -> Callable[..., Result]:
    def call(**options: Any) -> Result:
        out = io.StringIO()
        chosen = {"project": "support", "task": "triage", "json": True} | options
        call_command("optimize", stdout=out, stderr=io.StringIO(), **chosen)
        return json.loads(out.getvalue())

    return call


@pytest.mark.usefixtures("ready_task")
def test_a_job_is_queued_with_what_was_asked_for(run: Callable[..., Result]) -> None:
    found = run(optimizer="miprov2", trials=3, budget_usd="1.5")
    job = Job.objects.get()
    assert found["job"] == str(job.public_id)
    assert (found["created"], found["state"], job.trigger) == (True, "queued", "command")
    assert (job.optimizer, job.config["num_trials"]) == ("miprov2", 3)
    assert job.started_by_label == "system"


@pytest.mark.usefixtures("ready_task", "editor")
def test_a_member_may_be_named_as_who_started_it(run: Callable[..., Result]) -> None:
    run(user="editor")
    assert Job.objects.get().started_by_label == "user:editor"


@pytest.mark.usefixtures("ready_task")
def test_a_second_call_joins_the_live_job(run: Callable[..., Result]) -> None:
    first, second = run(), run()
    assert second["job"] == first["job"]
    assert (first["created"], second["created"]) == (True, False)
    assert Job.objects.count() == 1


@pytest.mark.usefixtures("ready_task", "viewer", "outsider")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"task": "unknown"}, "no task 'unknown'"),
        ({"project": "elsewhere"}, "no task 'triage'"),
        ({"user": "viewer"}, "may not do this"),
        ({"user": "outsider"}, "no member"),
        ({"trials": 1000}, "num_trials"),
    ],
)
def test_a_wrong_call_starts_nothing_and_exits_with_2(
    run: Callable[..., Result], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        run(**options)
    assert not Job.objects.exists()


@pytest.mark.usefixtures("ready_task")
def test_a_budget_that_cannot_be_enough_exits_with_1(run: Callable[..., Result]) -> None:
    with pytest.raises(CheckFailed):
        run(budget_usd="0")
    assert not Job.objects.exists()


@pytest.mark.slow
def test_waiting_shows_the_evidence_and_tells_better_from_not_by_the_exit_code(
    tmp_path: Path,
) -> None:
    with Installation(tmp_path / "kaizen") as installation:
        installation.shell(STAGE + "stage.build_task(''); stage.log(200)")
        installation.start_worker()
        code, found, _ = wait(installation)
        assert found["evidence"]["holdout"]["gain"] > 0
        assert code == (0 if found["verdict"] in ("confirmed", "likely") else 1)
        installation.shell(STAGE + FEW_ROWS)
        code, found, messages = wait(installation)
        assert (code, found["state"]) == (1, "failed")
        assert "20 usable examples" in messages


def wait(installation: Installation) -> tuple[int, Result, str]:
    arguments = ["--project", "support", "--task", "triage", "--trials", "3", "--wait", "--json"]
    done = subprocess.run(
        [sys.executable, "manage.py", "optimize", *arguments],
        env=installation.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), done.stderr
