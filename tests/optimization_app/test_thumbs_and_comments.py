"""From thumbs and comments alone to a draft, and with a judge that people trust to a proven one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation

pytestmark = pytest.mark.slow

STAGE = "from tests.optimization_app import judged_stage as stage\n"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Any]:
    with Installation(tmp_path / "kaizen") as installation:
        yield lambda python: installation.shell(f"{STAGE}result = {python}")


def test_thumbs_and_comments_reach_a_draft_and_a_trusted_judge_more(shell: Any) -> None:
    shell("stage.build()")
    shell("stage.log_thumbs(80)")
    first = shell("stage.run_job()")
    assert (first["state"], first["verdict"]) == ("succeeded", "better_on_reported"), first
    assert first["draft"] == 2
    assert first["reported"]["fixed"] > first["reported"]["broken"]
    assert first["judged_rows"] > 0
    assert first["holdout"] is None
    assert first["judge"]["state"] == "missing"
    assert first["gates"]["judge_passport"] == "fail"
    assert {"user train", "user lesson", "user dev_reported"} == set(first["used"])
    page = shell(f"stage.page_of({first['id']})")
    assert "How each row was used" in page
    assert "train, comments on bad answers" in page
    assert "dev, reported beside" in page

    shell("stage.log_calls(180)")
    labelled = shell("stage.label_blindly(60)")
    assert labelled["given"] == labelled["random"] == labelled["labels"] == 60, labelled
    assert labelled["state"] == "valid"
    second = shell("stage.run_job()")
    assert second["judge"]["may_confirm"]
    assert second["verdict"] in ("confirmed", "likely"), second
    assert second["gates"]["judge_passport"] == "pass"
    assert {"random dev_deciding", "random holdout_deciding"} < set(second["used"])

    assert shell("stage.change_one_word()") == "expired"
    assert "evidence_stale" in shell(f"stage.approve({second['id']})")
    third = shell("stage.run_job()")
    assert third["judge"]["state"] == "expired"
    assert third["verdict"] not in ("confirmed", "likely"), third
