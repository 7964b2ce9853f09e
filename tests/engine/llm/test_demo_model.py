import json
import random
from dataclasses import replace
from typing import Any

import pytest

from kaizen_engine.llm.pricing import request_upper_bound
from kaizen_engine.llm.providers.demo import DemoModel
from kaizen_engine.llm.providers.demo_prompt import read_prompt
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.prompts.render import render_messages

LABELS = ["K1", "K2", "K3", "K4"]
# Four kinds of messages about a library, in words of their own.
ROWS = [
    ("I lost my library card on the bus", "K1"),
    ("My card was stolen, please block it", "K1"),
    ("The card does not open the door any more", "K1"),
    ("Can I have a new card, mine is broken", "K1"),
    ("My card number is not accepted at the desk", "K1"),
    ("When is the reading room open on Sunday", "K2"),
    ("What are your opening hours in summer", "K2"),
    ("Is the library closed on holidays", "K2"),
    ("How late does the reading room stay open", "K2"),
    ("Opening times for the branch by the river?", "K2"),
    ("I want to renew the novel for two weeks", "K3"),
    ("Please extend my loan, I have not finished the book", "K3"),
    ("Can the loan of this book be renewed online", "K3"),
    ("The renewal of my books failed", "K3"),
    ("How often may I extend a loan", "K3"),
    ("Why do I have to pay a fine of four euros", "K4"),
    ("The fee for the late return is wrong", "K4"),
    ("Where can I pay my overdue fine", "K4"),
    ("I was charged a fee twice", "K4"),
    ("Is there a fine when I return it a day late", "K4"),
]


def artifact(**changes: Any) -> dict[str, Any]:
    base = {
        "layout": "chat",
        "system": "Sort the message.",
        "user_template": "Message: {{text}}",
        "inputs": [{"name": "text", "type": "text"}],
        "outputs": [{"name": "kind", "type": "string", "enum": LABELS}],
        "demos": [],
        "reasoning": False,
    }
    return base | changes


def demos(rows: list[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"inputs": {"text": text}, "outputs": {"kind": kind}} for text, kind in rows]


def reply(prompt: dict[str, Any], text: str, **options: Any) -> str:
    messages = tuple(render_messages(prompt, {"text": text}))
    request = ChatRequest("demo", messages, **({"max_tokens": 200} | options))
    return DemoModel().complete(request, timeout_s=1).text


def accuracy(train: list[tuple[str, str]], test: list[tuple[str, str]], **changes: Any) -> float:
    prompt = artifact(demos=demos(train), **changes)
    return sum(reply(prompt, text) == kind for text, kind in test) / len(test)


def folds() -> list[tuple[list[tuple[str, str]], list[tuple[str, str]]]]:
    return [([row for i, row in enumerate(ROWS) if i % 5 != k], ROWS[k::5]) for k in range(5)]


def mean_accuracy(**changes: Any) -> float:
    return sum(accuracy(train, test, **changes) for train, test in folds()) / 5


@pytest.mark.parametrize("layout", ["chat", "user_only"])
def test_it_learns_from_demonstrations(layout: str) -> None:
    assert mean_accuracy(layout=layout) >= 0.7


def test_it_learns_nothing_from_shuffled_labels() -> None:
    scores: list[float] = []
    for seed in range(20):
        kinds = [kind for _, kind in ROWS]
        random.Random(seed).shuffle(kinds)
        shuffled = [(text, kind) for (text, _), kind in zip(ROWS, kinds, strict=True)]
        scores.extend(
            accuracy([row for i, row in enumerate(shuffled) if i % 5 != k], ROWS[k::5])
            for k in range(5)
        )
    assert abs(sum(scores) / len(scores) - 0.25) < 0.08


def test_without_demonstrations_or_cues_it_guesses() -> None:
    words = [f"{kind} {number}" for number in range(25) for kind in ("alpha", "beta")]
    answers = [reply(artifact(), word) for word in words]
    assert all(answers.count(label) < 25 for label in LABELS)


def test_cue_words_in_the_instruction_move_it() -> None:
    cues = "Sort it.\n- K1: card\n2. **K2**: open, hours\nK3 -> renew, loan\n* K4: fine, fee"
    assert accuracy([], ROWS, system=cues) >= 0.8


def test_names_that_say_something_help_a_little() -> None:
    named = artifact(outputs=[{"name": "k", "type": "string", "enum": ["late_fee", "lost_card"]}])
    assert reply(named, "I lost my card") == "lost_card"


def test_labels_with_commas_and_quotes_are_read() -> None:
    labels = ["no, thanks", 'say "yes"', "plain"]
    prompt = artifact(
        outputs=[{"name": "kind", "type": "string", "enum": labels}],
        demos=demos([("refuse it", labels[0]), ("agree to it", labels[1])]),
    )
    assert reply(prompt, "refuse it") == labels[0]
    assert reply(prompt, "agree to it") == labels[1]


def test_several_outputs_are_one_json_object_with_reasoning_first() -> None:
    outputs = [
        {"name": "kind", "type": "string", "enum": LABELS, "description": "K1 - or so"},
        {"name": "is_urgent", "type": "boolean"},
        {"name": "stars", "type": "integer", "enum": [1, 2, 3]},
        {"name": "note", "type": "string"},
        {"name": "tags", "type": "array", "schema": {"type": "array"}},
    ]
    shown = [
        ("card lost", {"kind": "K1", "is_urgent": True, "stars": 1, "note": "n", "tags": ["a"]}),
        ("opening hours", {"kind": "K2", "is_urgent": False, "stars": 3, "note": "m", "tags": []}),
    ]
    prompt = artifact(
        outputs=outputs,
        reasoning=True,
        demos=[{"inputs": {"text": t}, "outputs": o | {"reasoning": "so"}} for t, o in shown],
    )
    answer = json.loads(reply(prompt, "I lost a card"))
    assert next(iter(answer)) == "reasoning"
    assert {name: answer[name] for name in shown[0][1]} == shown[0][1]


def test_free_text_is_the_nearest_demonstrations_answer() -> None:
    prompt = artifact(
        outputs=[{"name": "kind", "type": "string"}],
        demos=demos([("lost card", "We block it."), ("opening hours", "From nine to five.")]),
    )
    assert reply(prompt, "what are the opening hours") == "From nine to five."


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        ("integer", {"0"}),
        ("number", {"0"}),
        ("boolean", {"true", "false"}),
        ("array", {'{"x": []}'}),
        ("object", {'{"x": {}}'}),
        ("string", {"Message: hello there"}),
    ],
)
def test_every_form_has_an_answer_without_demonstrations(kind: str, answers: set[str]) -> None:
    assert reply(artifact(outputs=[{"name": "x", "type": kind}]), "hello there") in answers


def test_its_answers_are_those_written_down_when_it_was_frozen() -> None:
    prompt = artifact(demos=demos(ROWS[::2]))
    told = [reply(prompt, text) for text, _ in ROWS[1::2]]
    guessed = [reply(artifact(), text) for text, _ in ROWS[:10]]
    assert " ".join(told) == "K1 K1 K2 K1 K2 K3 K3 K2 K3 K4"
    assert " ".join(guessed) == "K1 K3 K3 K1 K3 K1 K2 K1 K2 K3"


def test_at_temperature_zero_samples_agree_and_above_they_spread() -> None:
    model, prompt = DemoModel(), artifact()
    messages = tuple(render_messages(prompt, {"text": "card"}))
    cold = ChatRequest("demo", messages, 10)
    warm = ChatRequest("demo", messages, 10, temperature=1.0)
    assert len({model.complete(cold, timeout_s=1).text for _ in range(20)}) == 1
    sampled = [model.complete(warm, timeout_s=1).text for _ in range(20)]
    assert len(set(sampled)) > 1
    seeded = [replace(warm, params={"seed": number}) for number in range(20)]
    assert sampled == [DemoModel().complete(each, timeout_s=1).text for each in seeded]


def test_an_answer_ends_at_max_tokens() -> None:
    prompt = artifact(outputs=[{"name": "x", "type": "string"}])
    messages = tuple(render_messages(prompt, {"text": "a long message of many words"}))
    response = DemoModel().complete(ChatRequest("demo", messages, 3), timeout_s=1)
    assert (response.output_tokens, response.finish_reason) == (3, "length")


def test_its_tokens_stay_within_the_reserved_bound() -> None:
    messages = tuple(render_messages(artifact(demos=demos(ROWS)), {"text": "日本 🙂"}))
    request = ChatRequest("demo", messages, 50)
    response = DemoModel().complete(request, timeout_s=1)
    assert response.input_tokens <= request_upper_bound(request)


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "user", "content": None}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
        [{"role": "assistant", "content": "only me"}],
        [{"role": "system", "content": "Answer with exactly one of: "}],
        [{"role": "system", "content": 'Answer with exactly one of: "broken'}],
        [{"role": "user", "content": "\ud800"}],
    ],
)
def test_no_chat_is_too_strange(messages: list[dict[str, Any]]) -> None:
    assert read_prompt(messages).contract.fields
    DemoModel().complete(ChatRequest("demo", tuple(messages), 10), timeout_s=1)
