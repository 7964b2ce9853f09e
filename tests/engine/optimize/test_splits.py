"""Which rows a job uses: labels everywhere, rated answers where a judge can score them."""

from dataclasses import replace

from kaizen_engine.evaluate.runner import Example
from kaizen_engine.optimize.splits import split_examples
from kaizen_engine.states import Split
from tests.engine.optimize.support import SEED_PROMPT, generated_rows


def rated(row: Example, comment: str = "") -> Example:
    return replace(row, outputs={}, rated_output=row.outputs, rated_score=0.0, comment=comment)


def test_a_bad_answer_with_a_comment_teaches_and_is_never_a_row_to_score_by() -> None:
    rows = generated_rows(10, 20, 0)
    bad = [rated(replace(row, id=f"bad {row.id}"), "too long") for row in rows]
    splits = split_examples(SEED_PROMPT, [*rows, *bad])
    assert len(splits.lessons) == 10
    assert all(row.comment == "too long" and not row.is_labelled for row in splits.lessons)
    assert [len(part) for part in (splits.train, splits.dev, splits.test)] == [10, 20, 0]


def test_where_a_judge_scores_rated_answers_are_scored_in_dev_and_hold_out_only() -> None:
    rows = generated_rows(10, 20, 10)
    bad = [rated(replace(row, id=f"bad {row.id}")) for row in rows]
    splits = split_examples(SEED_PROMPT, [*rows, *bad], is_judged=True)
    assert [len(part) for part in (splits.train, splits.dev, splits.test)] == [10, 40, 20]
    assert splits.lessons == ()


def test_fields_that_the_prompt_does_not_name_are_left_out_of_the_rated_answer_too() -> None:
    rows = generated_rows(10, 20, 0)
    odd = replace(rated(rows[-1], "no"), rated_output={"colour": "red", "note": "x"})
    foreign = replace(rated(rows[-1], "no"), rated_output={"note": "x"})
    splits = split_examples(SEED_PROMPT, [*rows, odd, foreign], is_judged=True)
    unlabelled = [row.rated_output for row in splits.dev if not row.is_labelled]
    assert rows[-1].split is Split.DEV
    assert unlabelled == [{"colour": "red"}]
