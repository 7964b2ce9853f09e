"""Evaluators that read the answer alone, or compare numbers; byte-odd answers included."""

import subprocess
import sys
import time

import pytest

from kaizen_engine.evaluate.evaluator import Case, InvalidEvaluator
from kaizen_engine.evaluate.spec import evaluator_from_spec


def score(spec, output, expected=None):
    fields = output if isinstance(output, dict) else {"answer": output}
    return evaluator_from_spec(spec).evaluate(Case("1", {}, expected or {}, fields))


def places(spec):
    with pytest.raises(InvalidEvaluator) as refused:
        evaluator_from_spec(spec)
    return set(refused.value.errors)


@pytest.mark.parametrize(
    ("more", "answer", "value"),
    [
        ({}, "Refund within 14 DAYS", 1),
        ({}, "a refund", 0.5),
        ({}, "", 0),
        ({"mode": "any"}, "a refund", 1),
        ({"mode": "any"}, "nothing", 0),
        ({"ignore_case": False}, "Refund in 14 days", 0.5),
    ],
)
def test_contains_is_the_share_of_the_texts(more, answer, value):
    spec = {"kind": "contains", "texts": ["refund", "14 days"], **more}
    assert score(spec, answer).score == value


def test_one_field_may_be_read_alone():
    spec = {"kind": "contains", "texts": ["yes"], "field": "reply"}
    assert score(spec, {"reply": "yes", "mood": "no"}).score == 1
    assert score(spec, {"other": "yes"}).score == 0


@pytest.mark.parametrize(
    ("answer", "value"),
    [("we sue", 0), ("we SUE!", 0), ("the issue", 1), ("(c++)", 0), ("Ein Maß", 0), ("", 1)],
)
def test_forbidden_words_are_whole_words(answer, value):
    assert score({"kind": "forbidden_words", "words": ["sue", "c++", "maß"]}, answer).score == value


def test_a_forbidden_word_is_named():
    found = score({"kind": "forbidden_words", "words": ["sue"]}, "Sue them")
    assert found.reasons == {"forbidden_words": "says 'Sue'"}


@pytest.mark.parametrize(
    ("more", "answer", "value"),
    [
        ({}, "order 42!", 1),
        ({}, "order", 0),
        ({"mode": "fullmatch"}, "order 42!", 0),
        ({"mode": "fullmatch"}, "42", 1),
        ({"forbid": True}, "order 42", 0),
        ({"forbid": True}, "order", 1),
        ({}, "nul \x00 and a lone \ud800", 0),
    ],
)
def test_regex_searches_or_matches_the_whole(more, answer, value):
    assert score({"kind": "regex", "pattern": "[0-9]+", **more}, answer).score == value


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "^(a|a)*$", "(.*a){20}$", "^(([a-z])+.)+[A-Z]([a-z])+$"]
)
def test_a_pattern_that_would_run_for_ever_elsewhere_is_harmless(pattern):
    began = time.monotonic()
    assert score({"kind": "regex", "pattern": pattern}, "a" * 50_000 + "!").score == 0
    schema = {"type": "string", "pattern": pattern}
    as_json = {"kind": "json_schema", "schema": {"properties": {"answer": schema}}}
    assert score(as_json, {"answer": "a" * 50_000 + "!", "b": 1}).score == 0
    names = {"patternProperties": {pattern: False}}
    assert score({"kind": "json_schema", "schema": names}, {"a" * 50_000 + "!": 1, "b": 2}).score
    assert time.monotonic() - began < 5


SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 0}, "id": {"pattern": "^[A-Z]{2}$"}},
    "required": ["n"],
}


@pytest.mark.parametrize(
    ("output", "value", "reason"),
    [
        ({"n": 1, "id": "AB"}, 1, ""),
        ({"n": -1, "id": "AB"}, 0, "$.n: -1 is less than the minimum of 0"),
        ({"n": 1, "id": "ab"}, 0, "$.id: 'ab' does not match '^[A-Z]{2}$'"),
        ({"answer": '{"n": 2}'}, 1, ""),
        ({"answer": "n is 2"}, 0, "is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ({"answer": '{"n": 2, "id": "\\ud800"}'}, 0, "$.id: '\\ud800' does not match '^[A-Z]{2}$'"),
        ({"answer": "[" * 100_000}, 0, "is not JSON: nested too deeply"),
    ],
)
def test_json_schema_says_the_first_thing_that_is_wrong(output, value, reason):
    found = score({"kind": "json_schema", "schema": SCHEMA}, output)
    assert (found.score, found.reasons.get("json_schema", "")) == (value, reason)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nothing"},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_and_nothing_is_fetched(schema):
    assert places({"kind": "json_schema", "schema": schema}) == {"schema"}


@pytest.mark.parametrize(
    ("more", "expected", "given", "value"),
    [
        ({"tolerance": 0}, 3, 3.0, 1),
        ({"tolerance": 0}, 3, 3.1, 0),
        ({"tolerance": 0.1}, 0.2, 0.3, 1),
        ({"tolerance": 0.1, "relative": True}, 100, 110, 1),
        ({"tolerance": 0.1, "relative": True}, 100, 111, 0),
        ({"tolerance": 1}, 3, "3.5", 1),
        ({"tolerance": 1}, 3, "three", 0),
        ({"tolerance": 1}, 1, True, 0),
        ({"tolerance": 1e12}, 3, float("nan"), 0),
        ({"tolerance": 1e12}, 3, "inf", 0),
        ({"tolerance": 1e12}, 3, 10**400, 0),
        ({"tolerance": 1e12}, 3, "9" * 100_000, 0),
        ({"tolerance": 1}, None, 3, 0),
    ],
)
def test_numbers_are_compared_within_the_tolerance(more, expected, given, value):
    assert score({"kind": "numeric", **more}, {"n": given}, {"n": expected}).score == value


def test_numeric_is_the_share_of_the_expected_numbers():
    found = score({"kind": "numeric", "tolerance": 0}, {"a": 1, "b": 9}, {"a": 1, "b": 2})
    assert (found.score, found.reasons["numeric"]) == (0.5, "is not near enough in b")


@pytest.mark.parametrize(
    ("more", "answer", "value"),
    [
        ({"max_words": 4}, "one two three four", 1),
        ({"max_words": 4}, "one two three four five", 0.8),
        ({"min_words": 4}, "one two", 0.5),
        ({"min_words": 4}, "", 0),
        ({"max_chars": 2, "max_words": 5}, "four", 0.5),
        ({"min_chars": 2, "max_chars": 4}, "äöü", 1),
    ],
)
def test_length_scores_the_part_that_fits(more, answer, value):
    assert score({"kind": "length", **more}, answer).score == pytest.approx(value)


@pytest.mark.parametrize(
    ("spec", "wrong"),
    [
        ({"kind": "length"}, {"max_words"}),
        ({"kind": "length", "min_words": 3, "max_words": 2}, {"min_words"}),
        ({"kind": "length", "max_words": "40"}, {"max_words"}),
        ({"kind": "length", "max_words": 1.5}, {"max_words"}),
        ({"kind": "regex"}, {"pattern"}),
        ({"kind": "regex", "pattern": "(a"}, {"pattern"}),
        ({"kind": "regex", "pattern": r"(a)\1"}, {"pattern"}),
        ({"kind": "contains", "texts": []}, {"texts"}),
        ({"kind": "contains", "texts": "yes"}, {"texts"}),
        ({"kind": "contains", "texts": ["a"], "mode": "most"}, {"mode"}),
        ({"kind": "forbidden_words", "words": ["a", ""]}, {"words"}),
        ({"kind": "json_schema"}, {"schema"}),
        ({"kind": "numeric", "tolerance": float("1e13")}, {"tolerance"}),
        ({"kind": "readability", "max_grade": 9, "formula": "mood"}, {"formula"}),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(spec, wrong):
    assert places(spec) == wrong


def test_readability_is_the_published_formula_of_the_ari():
    """4.71 letters a word + 0.5 words a sentence - 21.43 (Smith and Senter, 1967)."""
    text = "The quick brown fox jumps over the lazy dog. It was not amused at all by this."
    letters, words, sentences = len(text.replace(" ", "")), 17, 2
    grade = 4.71 * letters / words + 0.5 * words / sentences - 21.43
    assert score({"kind": "readability", "max_grade": 0}, text).score == pytest.approx(
        1 - 0.1 * max(0.0, grade)
    )
    hard = "Notwithstanding considerable methodological heterogeneity, practitioners extrapolate."
    assert score({"kind": "readability", "max_grade": 5}, hard).score == 0
    assert score({"kind": "readability", "max_grade": 5}, " ").score == 0


def test_readability_asks_no_network_for_a_dictionary():
    """textstat above 0.7.8 fetches one; here a socket would be an error."""
    script = (
        "import socket, sys\n"
        "socket.socket = socket.create_connection = None\n"
        "from kaizen_engine.evaluate.evaluator import Case\n"
        "from kaizen_engine.evaluate.spec import evaluator_from_spec\n"
        "spec = {'kind': 'readability', 'max_grade': 9, 'formula': 'flesch_kincaid'}\n"
        "case = Case('1', {}, {}, {'a': 'The cat sat on the mat. It was glad.'})\n"
        "assert evaluator_from_spec(spec).evaluate(case).score == 1\n"
        "assert 'nltk' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
