import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kaizen_engine.prompts.parse import OutputParseError, parse_output

LABELS = {
    "outputs": [{"name": "label", "type": "string", "enum": ["Billing", "Tech, other", "A."]}]
}
FIELDS = {
    "reasoning": True,
    "outputs": [
        {"name": "label", "type": "string", "enum": ["billing", "tech"]},
        {"name": "urgent", "type": "boolean"},
        {"name": "count", "type": "integer"},
        {
            "name": "who",
            "type": "object",
            "schema": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "tags": {"type": "array"}},
            },
        },
    ],
}
GOOD = '{"reasoning": "r", "label": "Billing.", "urgent": true, "count": 2.0, "who": {"name": "a"}}'


@pytest.mark.parametrize(
    "text",
    ["Billing", " billing \n", '"billing"', "**Billing**.", "```\nBILLING\n```", "`billing`"],
)
def test_a_label_is_found_without_case_quotes_asterisks_and_periods(text):
    assert parse_output(LABELS, text) == {"label": "Billing"}


@pytest.mark.parametrize(("text", "label"), [('"Tech, other"', "Tech, other"), ("a", "A.")])
def test_labels_with_commas_and_periods_are_found(text, label):
    assert parse_output(LABELS, text) == {"label": label}


@pytest.mark.parametrize("text", ["", "  ", "billing or tech", "bill", "null", "{}", '"\\ud800"'])
def test_another_answer_is_refused_and_named(text):
    with pytest.raises(OutputParseError):
        parse_output(LABELS, text)


def test_labels_that_differ_in_case_only_need_the_exact_spelling():
    twins = {"outputs": [{"name": "x", "type": "string", "enum": ["Us", "US"]}]}
    assert parse_output(twins, "US") == {"x": "US"}
    with pytest.raises(OutputParseError):
        parse_output(twins, "us")


@pytest.mark.parametrize("text", [GOOD, f"```json\n{GOOD}\n```", f"Here you are:\n{GOOD}\nBye."])
def test_a_json_object_is_read_reasoning_hidden_and_labels_folded(text):
    expected = {"label": "billing", "urgent": True, "count": 2, "who": {"name": "a"}}
    assert parse_output(FIELDS, text) == expected


def test_a_code_fence_inside_the_reasoning_does_not_mislead():
    text = GOOD.replace('"r"', '"see ```json {} ```"')
    assert parse_output(FIELDS, text)["label"] == "billing"


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('"Billing."', '"sales"', "label"),
        ('"Billing."', "7", "label"),
        ("true", '"true"', "urgent"),
        ("2.0", "2.5", "count"),
        ("2.0", "true", "count"),
        ("2.0", "null", "count"),
        ('{"name": "a"}', '{"nom": "a"}', "who.name"),
        ('{"name": "a"}', '{"name": 1}', "who.name"),
        ('{"name": "a"}', '{"name": "a", "tags": "b"}', "who.tags"),
        ('{"name": "a"}', "[]", "who"),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused_by_name(old, new, field):
    with pytest.raises(OutputParseError, match=f"^{field}: "):
        parse_output(FIELDS, GOOD.replace(old, new))


HOSTILE = [
    "no json at all",
    "{",
    '{"label": NaN}',
    '{"label": Infinity}',
    GOOD.replace("2.0", "1e999"),
    GOOD.replace("2.0", "9" * 5000),
    GOOD.replace('"a"', '"\\u0000"'),
    GOOD.replace('"a"', '"\\ud800"'),
    GOOD.replace('{"name": "a"}', '{"name": "a", "b": ' + "[" * 200 + "]" * 200 + "}"),
    '{"a":' * 100_000,
    GOOD.replace('"a"', "[" * 100_000),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_deep_huge_and_broken_json_is_a_parse_error_and_nothing_else(text):
    with pytest.raises(OutputParseError):
        parse_output(FIELDS, text)


@pytest.mark.parametrize("kind", ["integer", "number", "boolean"])
@pytest.mark.parametrize("text", ["nan", "1e999", "yes", "9" * 5000, "1 2", "١٢x", "-"])
def test_a_single_value_of_another_kind_is_refused(kind, text):
    with pytest.raises(OutputParseError):
        parse_output({"outputs": [{"name": "n", "type": kind}]}, text)


def test_free_text_is_kept_but_for_blanks_around_it():
    free = {"outputs": [{"name": "answer", "type": "string"}]}
    assert parse_output(free, " ```x``` **y**.\n") == {"answer": "```x``` **y**."}


@settings(max_examples=150, deadline=None)
@given(text=st.text(), which=st.sampled_from([LABELS, FIELDS]))
def test_no_answer_whatever_raises_anything_else(text, which):
    with contextlib.suppress(OutputParseError):
        parse_output(which, text)
