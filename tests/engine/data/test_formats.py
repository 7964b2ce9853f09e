"""Rows of other tools: whose they are, what they become, and which are no examples."""

import pytest

from kaizen_engine.data.formats.detect import reader_of
from kaizen_engine.data.formats.reading import Unreadable

PROMPTFOO_TEST = {
    "description": "a parcel that is late",
    "vars": {"question": "Where is my parcel?"},
    "assert": [
        {"type": "llm-rubric", "value": "is polite"},
        {"type": "equals", "value": "shipping"},
    ],
}
PROMPTFOO_LINE = {
    "question": "Refund me",
    "__expected1": "llm-rubric: is polite",
    "__expected2": "billing",
    "__description": "money",
    "__metadata:topic": "refunds",
}
LANGFUSE_ITEM = {
    "id": "cm2x",
    "datasetId": "d-1",
    "status": "ACTIVE",
    "input": {"question": "Where is it?"},
    "expectedOutput": {"label": "shipping"},
    "metadata": {"source": "support"},
}
LANGSMITH_EXAMPLE = {
    "id": "7d1c",
    "inputs": {"question": "Where is it?"},
    "outputs": {"label": "shipping"},
    "metadata": {"dataset_split": ["test"], "team": "one"},
    "user_id": 7,
}
EVAL_SAMPLE = {
    "input": [
        {"role": "system", "content": "Name the desk."},
        {"role": "user", "content": "Refund me"},
    ],
    "ideal": ["billing", "Billing"],
}
HOSTED_EVAL = {"item": {"ticket": "Refund me", "ground_truth": "billing"}, "sample": {"a": 1}}
CHAT = {
    "messages": [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": [{"type": "text", "text": "Refund me"}]},
        {"role": "assistant", "content": "billing"},
    ]
}
PREFERRED = {
    "input": {"messages": [{"role": "user", "content": "Refund me"}]},
    "preferred_output": [{"role": "assistant", "content": "billing"}],
    "non_preferred_output": [{"role": "assistant", "content": "no"}],
}


@pytest.mark.parametrize(
    ("cells", "name", "row"),
    [
        (
            PROMPTFOO_TEST,
            "promptfoo",
            {
                "inputs": {"question": "Where is my parcel?"},
                "expected": "shipping",
                "metadata": {"description": "a parcel that is late"},
            },
        ),
        (
            PROMPTFOO_LINE,
            "promptfoo",
            {
                "inputs": {"question": "Refund me"},
                "expected": "billing",
                "metadata": {"topic": "refunds", "description": "money"},
            },
        ),
        (
            LANGFUSE_ITEM,
            "Langfuse",
            {
                "inputs": {"question": "Where is it?"},
                "expected": {"label": "shipping"},
                "metadata": {"source": "support", "langfuse_id": "cm2x"},
            },
        ),
        (
            {"input": '{"question": "Where?"}', "expectedOutput": "shipping", "metadata": ""},
            "Langfuse",
            {
                "inputs": {"question": "Where?"},
                "expected": "shipping",
                "metadata": {"metadata": ""},
            },
        ),
        (
            LANGSMITH_EXAMPLE,
            "LangSmith",
            {
                "inputs": {"question": "Where is it?"},
                "expected": {"label": "shipping"},
                "metadata": {"team": "one", "id": "7d1c", "user_id": 7},
                "split": "test",
            },
        ),
        (
            {"inputs": CHAT, "outputs": {"output": {"role": "assistant", "content": "billing"}}},
            "LangSmith",
            {
                "inputs": {
                    "message": "Refund me",
                    "conversation": "user: Hello\nassistant: Hi",
                },
                "expected": "billing",
                "metadata": {"system": "Be short."},
            },
        ),
        (
            EVAL_SAMPLE,
            "OpenAI evals",
            {
                "inputs": {"message": "Refund me"},
                "expected": "billing",
                "metadata": {"also_right": ["Billing"], "system": "Name the desk."},
            },
        ),
        (
            {"input": "2 + 2", "ideal": "4", "source": "sums"},
            "OpenAI evals",
            {"inputs": {"input": "2 + 2"}, "expected": "4", "metadata": {"source": "sums"}},
        ),
        (
            HOSTED_EVAL,
            "OpenAI evals",
            {"inputs": {"ticket": "Refund me"}, "expected": "billing"},
        ),
        (
            CHAT,
            "chat messages",
            {
                "inputs": {
                    "message": "Refund me",
                    "conversation": "user: Hello\nassistant: Hi",
                },
                "expected": "billing",
                "metadata": {"system": "Be short."},
            },
        ),
        (
            PREFERRED,
            "chat messages",
            {"inputs": {"message": "Refund me"}, "expected": "billing"},
        ),
    ],
)
def test_a_row_is_told_by_its_fields_and_put_into_our_words(cells, name, row):
    reader = reader_of(cells)
    assert name == reader.NAME
    assert reader.read(cells) == row


@pytest.mark.parametrize(
    "cells",
    [
        {"text": "a", "label": "b"},
        {"input": "a", "output": "b"},
        {"inputs": "a", "outputs": "b"},
        {"messages": "none"},
        {},
    ],
)
def test_columns_of_no_tool_speak_for_themselves(cells):
    assert reader_of(cells) is None


@pytest.mark.parametrize(
    "check", ["contains: x", "javascript: output > 1", "is-json", "cost(1): x"]
)
def test_a_check_of_promptfoo_is_no_answer(check):
    row = reader_of({"q": "a", "__expected": check}).read({"q": "a", "__expected": check})
    assert "expected" not in row


@pytest.mark.parametrize("text", ["shipping", "equals: shipping", "equals:shipping"])
def test_a_plain_text_is_an_answer(text):
    cells = {"q": "a", "__expected": text}
    assert reader_of(cells).read(cells)["expected"] == "shipping"


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"vars": {"q": ["a", "b"]}}, "q is a list of values"),
        ({"vars": {"q": "file://a.txt"}}, "refers to another file"),
        ({**LANGFUSE_ITEM, "status": "ARCHIVED"}, "archived"),
        ({"messages": [{"role": "assistant", "content": "hi"}]}, "no message of a user"),
        ({"messages": [{"role": "system", "content": "hi"}]}, "no message of a user"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "something else than text",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "hi"},
                    {"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]},
                ]
            },
            "calls a tool",
        ),
        ({"input": {"messages": 3}, "preferred_output": []}, "expected a list of messages"),
    ],
)
def test_a_row_that_is_no_example_says_why(cells, words):
    with pytest.raises(Unreadable, match=words):
        reader_of(cells).read(cells)
