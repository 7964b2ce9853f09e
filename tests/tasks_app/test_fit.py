"""What fits a task: declared fields, the bare value of a one-field task, known labels."""

import pytest

from projects_app.exceptions import InvalidInput
from tasks_app.fit import as_label, as_output, check_inputs, fits
from tasks_app.models import Task
from tests.factories.tasks import object_schema

TEXT = {"type": "string"}
LABEL = {"type": "string", "enum": ["a", "b"]}
ONE = Task(input_schema=object_schema(text=TEXT), output_schema=object_schema(label=LABEL))
TWO = Task(output_schema=object_schema(label=LABEL, why=TEXT))
NESTED = Task(output_schema=object_schema(place={"type": "object"}))
BARE = Task(input_schema={}, output_schema={})


def refused_field(call, *arguments):
    with pytest.raises(InvalidInput) as refusal:
        call(*arguments)
    return next(iter(refusal.value.errors))


def test_a_missing_input_is_named():
    assert refused_field(check_inputs, ONE, {}) == "inputs.text"


def test_an_undeclared_input_is_named():
    assert refused_field(check_inputs, ONE, {"text": "x", "user": "u"}) == "inputs.user"


def test_a_schema_may_let_further_inputs_in():
    schema = {**object_schema(text=TEXT), "additionalProperties": True}
    check_inputs(Task(input_schema=schema), {"text": "x", "user": "u"})


def test_a_task_without_a_schema_takes_anything():
    check_inputs(BARE, {"whatever": [1]})
    assert as_output(BARE, "text") == {"output": "text"}
    assert as_label(BARE, {"x": 1}) == {"x": 1}


@pytest.mark.parametrize("value", ["a", 3, True, ["x"]])
def test_a_bare_value_is_the_only_field_of_a_one_field_task(value):
    assert as_output(ONE, value) == {"label": value}


def test_an_object_is_taken_as_the_fields_or_as_the_only_field_of_that_type():
    assert as_output(ONE, {"label": "a"}) == {"label": "a"}
    assert as_output(NESTED, {"city": "Ulm"}) == {"place": {"city": "Ulm"}}
    assert as_output(NESTED, {"place": {"city": "Ulm"}}) == {"place": {"city": "Ulm"}}


def test_no_answer_is_no_output():
    assert as_output(TWO, None) is None
    assert as_label(TWO, None) is None


def test_a_bare_value_says_nothing_about_two_fields():
    assert refused_field(as_output, TWO, "a") == "output"
    assert refused_field(as_label, TWO, "a") == "corrected_output"


@pytest.mark.parametrize(
    ("label", "field"),
    [
        ({"label": "a"}, "corrected_output.why"),
        ({"label": "a", "why": "x", "also": 1}, "corrected_output.also"),
        ({"label": "c", "why": "x"}, "corrected_output.label"),
    ],
)
def test_a_correction_has_every_field_and_no_other_and_known_labels(label, field):
    assert refused_field(as_label, TWO, label) == field


def test_an_answer_may_be_as_wrong_as_it_was():
    assert as_output(TWO, {"label": "nonsense"}) == {"label": "nonsense"}


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        ({"text": "x"}, {"label": "a"}, True),
        ({"text": "x", "more": 1}, {"label": "a"}, True),
        ({}, {"label": "a"}, False),
        ({"text": "x"}, {}, False),
        ({"text": "x"}, {"label": None}, False),
        ({"text": "x"}, {"label": "c"}, False),
    ],
)
def test_a_row_fits_when_it_can_be_rendered_and_scored(inputs, outputs, expected):
    assert fits(ONE, inputs, outputs) is expected
