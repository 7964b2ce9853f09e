"""Several workers and one version, on a real SQLite file and on PostgreSQL."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.installation import Installation

OPENED = ["kaizen.pull.open", "kaizen.pull.proposed"]
MERGED = ["kaizen.pull.merged", *OPENED]


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def play(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Any]]:
    folder = tmp_path_factory.mktemp("pulls") / request.param
    with Installation(folder, database=request.param) as installation:
        yield lambda name: installation.shell(
            "from tests.prompts_app import pull_race_scenarios\n"
            f"result = pull_race_scenarios.{name}()"
        )


def test_workers_that_open_at_once_open_one_pull_request(play) -> None:
    found = play("openers_of_one_version")
    assert (found["state"], found["head"], found["actions"]) == ("open", "1", OPENED)


def test_workers_that_merge_at_once_merge_once(play) -> None:
    found = play("mergers_of_one_approval")
    assert (found["state"], found["held"], found["actions"]) == ("merged", "", MERGED)
    assert len(found["merges"].splitlines()) == 1
    assert found["moves"] == 1


def test_workers_that_find_one_merge_serve_it_once(play) -> None:
    found = play("finders_of_one_merge")
    assert (found["state"], found["held"], found["actions"]) == ("merged", "", MERGED)
    assert found["moves"] == 1
