"""Every factory makes an object that the model itself calls valid."""

import pytest

from tests.factories import feedback


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("factory", "traits"),
    [
        (feedback.FeedbackFactory, {}),
        (feedback.FeedbackFactory, {"bad": True}),
        (feedback.FeedbackFactory, {"corrected": True}),
        (feedback.FeedbackFactory, {"consumed": True}),
        (feedback.TaskCounterFactory, {"unconsumed": 3}),
        (feedback.DatasetFactory, {"representative": True}),
        (feedback.ExampleFactory, {}),
        (feedback.ExampleFactory, {"from_feedback": True}),
    ],
)
def test_a_factory_makes_a_valid_object(factory, traits):
    nullable_json = ["output", "corrected_output", "metrics", "metadata"]
    without_form = ["thumb", "score", "consumed_by", "not_before"]
    factory(**traits).full_clean(exclude=[*nullable_json, *without_form])
