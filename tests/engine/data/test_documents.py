"""Rows of JSON and YAML documents, read one by one, and what is none."""

import io
import json

import pytest

from kaizen_engine.data import documents
from kaizen_engine.data.documents import NoRows, json_rows, yaml_rows

ROWS = [{"text": "a\nb", "label": "x"}, {"text": "c", "label": "y"}]


def read(text):
    return [(row.line, row.value or row.problem) for row in json_rows(io.StringIO(text))]


@pytest.mark.parametrize("chunk", [1, 7, 64 * 1024])
def test_a_list_is_read_element_by_element_with_its_lines(monkeypatch, chunk):
    monkeypatch.setattr(documents, "CHUNK", chunk)
    assert read(json.dumps(ROWS, indent=1)) == [(2, ROWS[0]), (6, ROWS[1])]
    assert read("[]") == []
    assert read(" [ ] ") == []


@pytest.mark.parametrize("name", documents.LISTS)
def test_an_object_may_hold_the_list(name):
    assert read(json.dumps({"version": 1, name: ROWS})) == [(1, ROWS[0]), (2, ROWS[1])]


def test_lines_of_json_may_be_called_a_document():
    assert read('{"a": 1}\n{"a": 2}\n\n{"a": 3}') == [
        (1, {"a": 1}),
        (2, {"a": 2}),
        (4, {"a": 3}),
    ]


def test_an_element_that_is_no_object_is_a_problem_of_its_own():
    assert read('[{"a": 1}, 3, {"a": 2}]')[1] == (1, "not an object but 3")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"a": 1},\n{"a": oops}]', "not JSON"),
        ('[{"a": 1},\n{"a": NaN}]', "not JSON: NaN is not a JSON value"),
        ('[{"a": 1},\n{"a": 1', "not JSON"),
        ('[{"a": 1}\n{"a": 2}]', "the list does not end"),
        ('[{"a": 1}', "the list does not end"),
        ("[" + '[{"a": 1}, ' + "[" * 100_000, "nothing after it was read"),
    ],
)
def test_what_cannot_be_read_ends_the_list_and_says_so(text, words):
    assert words in read(text)[-1][1]


def test_a_row_without_an_end_is_given_up(monkeypatch):
    monkeypatch.setattr(documents, "LONGEST_ROW", 1000)
    monkeypatch.setattr(documents, "CHUNK", 100)
    assert "does not end" in read('[{"a": "' + "x" * 5000)[0][1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("3", "neither a list"),
        ("", "not JSON"),
        ('{"a": 1}', "it has: a"),
        ('{"tests": "file://tests.csv"}', "stands in another file"),
        ("nonsense", "not JSON"),
    ],
)
def test_a_document_without_rows_is_refused_in_words(text, words):
    with pytest.raises(NoRows, match=words):
        read(text)


def test_tests_of_yaml_share_what_is_said_once():
    text = """
prompts: [prompt.txt]
defaultTest:
  vars: {tone: short}
  assert: [{type: equals, value: shipping}]
tests:
  - vars:
      question: Where is it?
  - vars: {question: Refund me, tone: long}
    assert: [{type: equals, value: billing}]
"""
    rows = [row.value for row in yaml_rows(text.encode())]
    assert [row["vars"] for row in rows] == [
        {"tone": "short", "question": "Where is it?"},
        {"tone": "long", "question": "Refund me"},
    ]
    assert [row["assert"][0]["value"] for row in rows] == ["shipping", "billing"]


@pytest.mark.parametrize(
    "text", ["a: &x [1]\nb: *x", "tests: !!python/object:os.system {}", "- a\n b: [", "\x00"]
)
def test_yaml_that_does_more_than_hold_values_is_refused(text):
    with pytest.raises(NoRows):
        list(yaml_rows(text.encode()))
