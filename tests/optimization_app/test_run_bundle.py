"""A run leaves the house in one file, and runs again where nobody has seen it: equal, no call."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from kaizen_engine.data.bundle import BundleRefused, bundle_pack
from optimization_app.models import Job
from optimization_app.services.bundle import FORMAT, recording_from
from projects_app.commands import CheckFailed, UsageError
from tests.installation import Installation
from tests.optimization_app.theatre import Theatre, model_server

CLAIM = """
from optimization_app.services.lease import job_claim
stage.Job.objects.filter(pk={job}).update(**{changes!r})
result = [job_claim({job}, "test").fence, str(stage.Job.objects.get(pk={job}).public_id)]
"""
CANCEL = """
from optimization_app.services.cancel import job_cancel
job = stage.Job.objects.get(pk={job})
job_cancel(actor=stage.Actor.system(job.task.project_id), job=job)
"""
# How each job ends, and after how many of its calls somebody cancels it.
RUNS: dict[str, dict[str, Any]] = {
    "finished": {"config": {"optimizer_type": "miprov2"}},
    "budget_tokens": {"config": {}, "changes": {"budget_tokens": 26_000}},
    "cancelled": {"config": {}, "cancel_at": 100},
    "cancelled in the baseline": {"config": {}, "cancel_at": 10},
}


class Runs:
    """An installation with one job for each way to end, and another one that knows none."""

    def __init__(self, theatre: Theatre, elsewhere: Installation) -> None:
        self.theatre, self.elsewhere = theatre, elsewhere
        self.jobs = {name: self._play(**run) for name, run in RUNS.items()}

    def _play(self, config: dict[str, Any], **plan: Any) -> str:
        before = self.theatre.server.calls
        job = self.theatre.start_job(**config)
        claim = CLAIM.format(job=job, changes=plan.get("changes", {}) | {"lease_until": None})
        fence, public_id = self.theatre.stage(claim)
        child = self.theatre.work_on(job, fence)
        if "cancel_at" in plan:
            self.theatre.wait_for_calls(before + plan["cancel_at"])
            self.theatre.stage(CANCEL.format(job=job))
        self.theatre.finish(child)
        return str(public_id)

    def export(self, name: str, path: Path) -> dict[str, Any]:
        out = ("--out", str(path), "--project", "support", "--json")
        told: dict[str, Any] = json.loads(self.call("export_run", self.jobs[name], *out))
        return told

    def call(self, *arguments: str, elsewhere: bool = False) -> str:
        """Run a command in a process that is there already, and return what it printed."""
        installation = self.elsewhere if elsewhere else self.theatre.installation
        printed: str = installation.shell(
            "import io\nfrom django.core.management import call_command\nout = io.StringIO()\n"
            f"call_command(*{arguments!r}, stdout=out, stderr=io.StringIO())\n"
            "result = out.getvalue()"
        )
        return printed


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    here, there = (tmp_path_factory.mktemp(name) / "kaizen" for name in ("here", "there"))
    with (
        model_server(latency_s=0.03) as server,
        Theatre.open(here, "sqlite", server, KAIZEN_LEASE_S="5") as theatre,
        Installation(there) as elsewhere,
    ):
        yield Runs(theatre, elsewhere)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_run_is_equal_to_the_byte_where_its_job_is_unknown(
    runs: Runs, tmp_path: Path, name: str
) -> None:
    told = runs.export(name, tmp_path / "run.zip")
    calls = runs.theatre.server.calls
    bundle = ("replay", "--bundle", str(tmp_path / "run.zip"), "--sha256", told["sha256"])
    found = json.loads(runs.call(*bundle, "--json", elsewhere=True))
    assert (found["equal"], found["differences"]) == (True, [])
    assert (found["job"], found["bundle"]) == (runs.jobs[name], told["sha256"])
    at_home = json.loads(runs.call("replay", runs.jobs[name], "--project", "support", "--json"))
    assert at_home["equal"]
    for figure in ("winner", "answers", "rows", "trials"):
        assert found[figure] == at_home[figure], figure
    assert runs.theatre.server.calls == calls
    assert (found["asked"] == 0) or name != "finished"


@pytest.mark.slow
def test_the_jobs_ended_as_their_names_say(runs: Runs) -> None:
    ends = runs.theatre.stage(
        "result = list(stage.Job.objects.order_by('pk').values_list('state', 'stop_reason'))"
    )
    assert ends == [
        ["succeeded", "finished"],
        ["succeeded", "budget_tokens"],
        ["cancelled", "cancelled"],
        ["cancelled", "cancelled"],
    ]


@pytest.mark.slow
def test_a_bundle_says_what_was_run_with_what_and_is_the_same_bytes_again(
    runs: Runs, tmp_path: Path
) -> None:
    one, other = (runs.export("finished", tmp_path / f"{name}.zip") for name in "ab")
    assert one["sha256"] == other["sha256"]
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        job = json.loads(archive.read("job.json"))
        candidates = archive.read("candidates.jsonl").splitlines()
        calls = archive.read("calls.jsonl").splitlines()
    assert job["data"]["sha256"] == job["evidence"]["dataset_hash"]
    assert {name: len(ids) for name, ids in job["data"]["splits"].items() if ids} == {
        "train": 12,
        "dev": 48,
    }
    assert job["evidence"]["seeds"] == {"search": job["seed"], "statistics": job["seed"]}
    assert [price["model"] for price in job["prices"]] == job["models"] == ["local/demo"]
    assert {"python", "dspy", "optuna"} <= job["libraries"].keys()
    assert all(json.loads(line)["artifact"]["system"] for line in candidates)
    assert len(calls) == job["spent"]["calls"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("calls.jsonl", b'"K1"', b'"K2"', "calls.jsonl is not what was exported"),
        ("scores.jsonl", b'"score":0', b'"score":1', "scores.jsonl is not what was exported"),
        ("job.json", b'"verdict":"', b'"verdict":"x', "job.json is not what was exported"),
    ],
)
def test_a_bundle_that_was_tampered_with_is_refused_by_its_hash(
    runs: Runs, tmp_path: Path, file: str, old: bytes, new: bytes, said: str
) -> None:
    files = exported(runs, tmp_path)
    files[file] = files[file].replace(old, new, 1)
    path = tmp_path / "tampered.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(CheckFailed, match=said) as raised:
        call_command("replay", "--bundle", str(path))
    assert raised.value.returncode == 1


@pytest.mark.slow
def test_a_forged_manifest_is_found_by_the_hash_that_the_export_named(
    runs: Runs, tmp_path: Path
) -> None:
    files = exported(runs, tmp_path)
    sha256 = runs.export("finished", tmp_path / "run.zip")["sha256"]
    del files["manifest.json"]
    files["scores.jsonl"] = files["scores.jsonl"].replace(b'"score":0', b'"score":1', 1)
    (tmp_path / "forged.zip").write_bytes(bundle_pack(FORMAT, files)[0])
    with pytest.raises(CheckFailed, match="not the one that was asked for"):
        call_command("replay", "--bundle", str(tmp_path / "forged.zip"), "--sha256", sha256)
    with pytest.raises(AssertionError, match="differs in"):
        runs.call("replay", "--bundle", str(tmp_path / "forged.zip"), elsewhere=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        lambda files: files.update({"spec.json": b'{"artifact":{}}'}),
        lambda files: files.update({"spec.json": b"[]"}),
        lambda files: files.update({"rows.jsonl": b'{"list":"others"}\n'}),
        lambda files: files.update({"calls.jsonl": b"7\n"}),
        lambda files: files.update({"job.json": b"{}"}),
    ],
)
def test_content_that_means_nothing_is_refused_in_words(
    runs: Runs, tmp_path: Path, change: Callable[[dict[str, bytes]], None]
) -> None:
    files = exported(runs, tmp_path)
    del files["manifest.json"]
    change(files)
    with pytest.raises(BundleRefused, match="cannot be understood"):
        recording_from(bundle_pack(FORMAT, files)[0])


def exported(runs: Runs, folder: Path) -> dict[str, bytes]:
    runs.export("finished", folder / "run.zip")
    with zipfile.ZipFile(io.BytesIO((folder / "run.zip").read_bytes())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_job_that_runs_is_not_exported(running_job: Job, tmp_path: Path) -> None:
    job = str(running_job.public_id)
    with pytest.raises(UsageError, match="has not ended"):
        call_command("export_run", job, project="support", out=tmp_path / "run.zip")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["0190f7a0-0000-7000-8000-000000000000"],
        ["x", "--bundle", "run.zip"],
        ["--bundle", "/nowhere/run.zip"],
    ],
)
def test_replay_wants_a_job_or_a_bundle(arguments: list[str]) -> None:
    with pytest.raises(UsageError):
        call_command("replay", *arguments)
