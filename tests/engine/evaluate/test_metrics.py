import pytest

from kaizen_engine.evaluate.metrics import UnknownMetric, exact_match, metric_by_name


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
    assert exact_match(expected, output) == score


def test_metrics_are_found_by_name():
    assert metric_by_name("exact_match").score({"a": 1}, {"a": 1}) == 1
    with pytest.raises(UnknownMetric, match="exact_match"):
        metric_by_name("vibes")
