"""What drops an instruction before it is scored: copies, locked passages, variables, length."""

from dataclasses import replace

import pytest

from kaizen_engine.optimize.candidate_checks import Rules, copied_run, example_runs
from tests.engine.optimize.support import SEED_PROMPT, generated_rows

LONG = "My card was declined twice, at the shop on Elm Street, yesterday!"
COPY = "my card was declined TWICE at the shop"


def long_rows() -> list[object]:
    return [replace(generated_rows(1, 0, 0)[0], inputs={"text": LONG})]


def rules(**changes: object) -> Rules:
    return Rules.of(SEED_PROMPT, long_rows(), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"Sort. For example: {COPY}.", "copies 8 tokens"),
        ("word " * 2000, "longer than"),
        ("Sort {{text}}.", "variables"),
        ("Sort \x07it.", "control characters"),
    ],
)
def test_a_candidate_that_breaks_a_rule_is_dropped_with_the_reason(text: str, problem: str) -> None:
    assert problem in rules().problem(text)


@pytest.mark.parametrize("text", ["Sort it well.", "my card was declined twice at the bank"])
def test_other_candidates_pass(text: str) -> None:
    assert rules().problem(text) == ""


def test_a_lost_variable_is_told_from_a_kept_one() -> None:
    with_variable = Rules.of(replace(SEED_PROMPT, system="About {{text}}: sort."))
    assert "variables" in with_variable.problem("Sort.")
    assert with_variable.problem("Sort {{ text }}.") == ""


def test_a_locked_passage_stays_to_the_letter_and_one_that_is_not_there_binds_nobody() -> None:
    locked = rules(locked=("into one colour", "not in the prompt"))
    assert locked.problem("Sort it into one colour, please.") == ""
    assert "locked" in locked.problem("Sort it into a colour.")


def test_what_the_prompt_said_before_is_no_copy() -> None:
    known = replace(SEED_PROMPT, system=f"Sort. Such as: {LONG}")
    assert Rules.of(known, long_rows()).problem(f"Sort. Mind: {LONG}") == ""  # type: ignore[arg-type]


def test_a_copy_is_named_by_its_tokens() -> None:
    runs = frozenset(example_runs(long_rows()))  # type: ignore[arg-type]
    assert copied_run(COPY, runs) == COPY.lower()
    assert copied_run("my card was declined", runs) == ""


def test_a_long_prompt_may_stay_as_long_as_it_was() -> None:
    long = replace(SEED_PROMPT, system="word " * 2000)
    assert Rules.of(long).problem("word " * 1999) == ""
