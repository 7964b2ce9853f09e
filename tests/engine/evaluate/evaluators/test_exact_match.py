import pytest

from kaizen_engine.evaluate.evaluator import Case
from kaizen_engine.evaluate.spec import evaluator_from_spec

EXACT = evaluator_from_spec("exact_match")


@pytest.mark.parametrize(
    ("expected", "output", "score"),
    [
        ({"label": "a"}, {"label": "a"}, 1),
        ({"label": "a"}, {"label": " a\n"}, 1),
        ({"label": "a"}, {"label": "A"}, 0),
        ({"label": "é"}, {"label": "e\u0301"}, 1),
        ({"label": "a"}, {}, 0),
        ({"label": "a"}, {"label": "a", "more": 1}, 1),
        ({"a": 1, "b": 2}, {"a": 1, "b": 3}, 0.5),
        ({"a": 1}, {"a": 1.0}, 1),
        ({"a": 1}, {"a": True}, 0),
        ({"a": 0.3}, {"a": 0.1 + 0.2}, 1),
        ({"a": [1, {"b": "x"}]}, {"a": [1, {"b": "x "}]}, 1),
        ({"a": [1]}, {"a": [1, 2]}, 0),
        ({"a": "1"}, {"a": 1}, 0),
        ({}, {"a": 1}, 0),
    ],
)
def test_exact_match_is_the_share_of_fields_answered(expected, output, score):
    found = EXACT.evaluate(Case("1", {}, expected, output))
    assert (found.score, found.parts) == (score, {"exact_match": score})


def test_the_reason_names_the_fields_that_differ():
    found = EXACT.evaluate(Case("1", {}, {"a": 1, "b": 2}, {"a": 1, "b": 3}))
    assert found.reasons == {"exact_match": "differs in b"}
