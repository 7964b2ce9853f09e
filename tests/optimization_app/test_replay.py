"""A finished job runs again from its journal: equal to the byte, no call, nothing written."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from kaizen_engine.optimize.strategy import BREEDERS
from optimization_app.models import Job
from projects_app.commands import UsageError
from tests.installation import Installation
from tests.optimization_app.theatre import STAGE

PLAY = """
from optimization_app.models import Job
from optimization_app.run import run_claimed_job
from optimization_app.services.lease import job_claim
stage.build_task("")
stage.log(60)
job_id = stage.start(num_trials=3, num_fewshot_examples=6, optimizer_type={strategy!r})
run_claimed_job(job_id, job_claim(job_id, "test").fence)
job = Job.objects.get(pk=job_id)
result = [str(job.public_id), job.state, job.stop_reason, job.calls]
"""
# What a test changes is rolled back, so that one job serves them all.
REPLAY = """
import io
from django.core.management import CommandError, call_command
from django.db import transaction
from llm_app.models import CallRecord
from optimization_app.models import EvaluationRow, Job, Trial
out, err, code = io.StringIO(), io.StringIO(), 0
with transaction.atomic():
    {change}
    try:
        call_command("replay", {job!r}, project="support", json=True, stdout=out, stderr=err)
    except CommandError as error:
        code = error.returncode
        err.write(str(error))
    transaction.set_rollback(True)
result = [code, out.getvalue(), err.getvalue()]
"""


class Stage:
    def __init__(self, installation: Installation, strategy: str) -> None:
        self.installation = installation
        played = installation.shell(STAGE + PLAY.format(strategy=strategy))
        self.job, self.state, self.stop_reason, self.calls = played

    def replay(self, change: str = "pass") -> tuple[int, dict[str, Any], str]:
        code, out, err = self.installation.shell(REPLAY.format(job=self.job, change=change))
        return code, json.loads(out) if out else {}, err


@pytest.fixture(scope="module", params=["bootstrap", "miprov2"])
def stage(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Installation(tmp_path_factory.mktemp("replay") / "kaizen") as installation:
        yield Stage(installation, request.param)


@pytest.mark.slow
def test_winner_and_scores_are_equal_to_the_byte_without_a_call(stage: Stage) -> None:
    assert (stage.state, stage.stop_reason) == ("succeeded", "finished")
    code, found, err = stage.replay()
    assert (code, found["differences"], err) == (0, [], "")
    assert found["asked"] == 0
    assert found["equal"]
    assert found["winner"]
    assert found["rows"] > 0
    assert found["answers"] == stage.calls


@pytest.mark.slow
@pytest.mark.parametrize("strategy", sorted(BREEDERS))
def test_searches_that_breed_replay_to_the_byte_as_well(strategy: str, tmp_path: Path) -> None:
    with Installation(tmp_path / "kaizen") as installation:
        stage = Stage(installation, strategy)
        code, found, err = stage.replay()
    assert stage.state == "succeeded"
    assert (code, found["differences"], err) == (0, [], "")
    assert (found["asked"], found["answers"]) == (0, stage.calls)


@pytest.mark.slow
def test_a_shell_gets_one_json_and_the_database_stays_as_it_is(stage: Stage) -> None:
    path = stage.installation.data_dir / "kaizen.sqlite3"
    before = dump(path)
    printed = stage.installation.manage("replay", stage.job, "--project", "support", "--json")
    assert json.loads(printed)["equal"]
    assert dump(path) == before


def dump(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        return list(connection.iterdump())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("CallRecord.objects.filter(pk=CallRecord.objects.first().pk).delete()", "no answer"),
        ("CallRecord.objects.all().delete()", "no answer"),
        ("Trial.objects.filter(number=Trial.objects.last().number).update(score=0.01)", "1 trial"),
        ("EvaluationRow.objects.filter(label='winner_dev').update(score=0.123)", "score(s)"),
        (
            "r = Job.objects.get().result; r['artifact']['system'] += ' '; "
            "Job.objects.update(result=r)",
            "the winner's text",
        ),
        (
            "r = Job.objects.get().result; r['evidence']['dev']['after']['mean'] = 0.5; "
            "Job.objects.update(result=r)",
            "dev: was",
        ),
        (
            "from feedback_app.models import Example; "
            "Example.objects.filter(split='dev').update(inputs={'text': 'changed'})",
            "no answer",
        ),
    ],
)
def test_what_differs_is_named_and_exits_with_1(stage: Stage, change: str, named: str) -> None:
    code, found, err = stage.replay(change)
    assert code == 1
    assert not found["equal"]
    assert named in err


@pytest.mark.slow
def test_another_library_is_named_as_a_hint(stage: Stage) -> None:
    change = (
        "r = Job.objects.get().result; r['evidence']['versions']['numpy'] = '0.1'; "
        "Job.objects.update(result=r)"
    )
    code, found, err = stage.replay(change)
    assert code == 0
    assert found["hints"][0].startswith("numpy was 0.1")
    assert "numpy was 0.1" in err


def test_a_job_that_has_not_ended_is_no_usage(running_job: Job) -> None:
    with pytest.raises(UsageError, match="has not ended") as raised:
        call_command("replay", str(running_job.public_id), project="support")
    assert raised.value.returncode == 2


@pytest.mark.parametrize("slug", ["support", "elsewhere"])
def test_a_job_of_another_project_is_unknown(
    running_job: Job, other_project: Any, slug: str
) -> None:
    known = str(running_job.public_id) if slug == "elsewhere" else "nonsense"
    with pytest.raises(UsageError, match="no such job"):
        call_command("replay", known, project=slug)
