"""The same rivals on a real SQLite file and on PostgreSQL, several times over."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.installation import Installation

ROUNDS = range(3)


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def play(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Any]]:
    """Return a runner of the scenarios by name."""
    folder = tmp_path_factory.mktemp("races") / request.param
    with Installation(folder, database=request.param) as installation:
        yield lambda name: installation.shell(
            f"from tests.prompts_app import race_scenarios\nresult = race_scenarios.{name}()"
        )


def test_of_two_approvers_one_wins_and_the_tag_moves_once(play):
    for _ in ROUNDS:
        assert play("two_approvers_of_one_version") == {
            "answers": ["approved", "stale"],
            "live": 2,
            "revision": 2,
            "project_revision": 2,
            "moves": 2,
            "audits": 2,
            "approved": [2],
        }


def test_an_approval_and_a_promotion_of_one_version_move_the_tag_once(play):
    for _ in ROUNDS:
        outcome = play("an_approver_and_a_promoter")
        assert outcome["answers"] in (
            ["approved", "moved"],
            ["approved", "stale"],
            ["stale", "moved"],
        )
        assert (outcome["live"], outcome["revision"], outcome["moves"]) == (2, 2, 2)
        assert outcome["approved"] == [2]


def test_of_two_proven_versions_only_the_first_approved_replaces_what_was_live(play):
    for _ in ROUNDS:
        outcome = play("approvers_of_two_versions")
        loser = next(answer for answer in outcome["answers"] if answer != "approved")
        assert loser in ("stale", "evidence_stale")
        assert outcome["live"] == outcome["winner"]
        assert outcome["approved"] == [outcome["winner"]]
        assert (outcome["revision"], outcome["moves"]) == (2, 2)


def test_of_first_offers_one_goes_live_and_none_is_lost(play):
    for _ in ROUNDS:
        outcome = play("first_offers")
        assert outcome["answers"] == [1, 2, 3, 4]
        assert (outcome["live"], outcome["revision"], outcome["moves"]) == (1, 1, 1)


def test_racing_authors_get_distinct_numbers_without_gaps(play):
    for _ in ROUNDS:
        assert play("authors_of_different_texts") == [1, 2, 3, 4, 5, 6]


def test_racing_authors_of_one_text_share_one_version(play):
    for _ in ROUNDS:
        assert play("authors_of_one_text") == {"numbers": [1], "created": 1}
