"""From the threshold to merged and served, over a repository of somebody's application."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from kaizen_engine.git.local import LocalGit
from kaizen_engine.prompts.prompt_yml import read_prompt_file
from tests.engine.git.repositories import Checkout, git
from tests.git.http_backend import git_server
from tests.installation import Installation, wait_until
from tests.optimization_app.theatre import model_server

pytestmark = pytest.mark.slow

ROWS = 240
BUILD = """
from tests.optimization_app import stage
stage.build_task({model!r}, threshold={rows}, num_trials=3, max_demos=24)
from tests.git import stage as git_stage
result = git_stage.connect({url!r})
stage.log({rows})
"""
PROGRESS = "from tests.git import stage; result = stage.progress()"
POLL = "from prompts_app.worker import tend_pulls; result = tend_pulls()"


@contextmanager
def application(root: Path, kind: str) -> Iterator[tuple[str, str]]:
    """Yield the address of a bare repository with an application in it, and its host and port."""
    bare = root / "app.git"
    LocalGit.create(bare, base="main")
    git(bare, "config", "http.receivepack", "true")
    if kind == "path":
        yield str(bare), ""
    else:
        with git_server(root) as server:
            yield f"http://{server.target}/app.git", server.target


@pytest.mark.parametrize("kind", ["path", "http"])
def test_feedback_becomes_a_merge_that_is_served(tmp_path: Path, kind: str) -> None:
    root = tmp_path / "repositories"
    with model_server(0.0) as model, application(root, kind) as (url, target):
        allowed = f"127.0.0.1:{model.server_port},{target}"
        environment = {"KAIZEN_ALLOW_PRIVATE_TARGETS": allowed, "KAIZEN_GIT_ROOTS": str(root)}
        with Installation(tmp_path / "kaizen", **environment) as installation:
            web = installation.start_web()
            address = f"http://127.0.0.1:{model.server_port}/v1"
            made = installation.shell(BUILD.format(model=address, rows=ROWS, url=url))
            installation.start_worker()
            found = proposed(installation)
            alice = Checkout(tmp_path / "alice", url)
            sha = alice.merge(found["head"])
            installation.shell(POLL)
            assert installation.shell(PROGRESS)["pull"] == "merged"
            assert installation.shell(PROGRESS)["held"] == ""
            merged = git(root / "app.git", "show", f"{sha}:{made['path']}") + "\n"
            artifact = read_prompt_file(merged.encode()).artifact
            served = httpx.get(
                f"{web}/api/v1/tasks/triage/prompt", headers={"X-API-Key": made["key"]}
            ).json()
            assert served["artifact"] == artifact.to_dict()
            assert (served["hash"], served["number"]) == (artifact.hash, 2)


def proposed(installation: Installation) -> dict[str, Any]:
    """Return what the workers made of the feedback, without anybody's help."""
    found: dict[str, Any] = wait_until(
        lambda: installation.shell(PROGRESS), 120, "the job and its pull request"
    )
    assert (found["state"], found["error"]) == ("succeeded", "")
    assert found["verdict"] == "confirmed"
    wait_until(
        lambda: installation.shell(PROGRESS)["pull"] == "open", 30, "the pull request to open"
    )
    assert found["pulls"] == 1
    return found
