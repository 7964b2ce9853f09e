import hashlib
import json
import threading

import pytest

from kaizen_engine.errors import JobAbort, ProviderUnavailable
from kaizen_engine.evaluate.runner import Example, build_request, evaluate_rows
from kaizen_engine.evaluate.spec import evaluator_from_spec
from kaizen_engine.llm.types import ChatResponse
from kaizen_engine.prompts.artifact import InputField, OutputField, PromptArtifact
from kaizen_engine.prompts.render import render_messages
from kaizen_engine.states import Origin, Split, StopReason

PROMPT = PromptArtifact(
    "Sort.", "{{text}}", (InputField("text"),), (OutputField("label", enum=("a", "b")),)
)
EXACT = evaluator_from_spec("exact_match")


def examples(count):
    return [
        Example(str(n), {"text": f"t{n}"}, {"label": "a"}, Split.DEV, f"g{n}", Origin.RANDOM, True)
        for n in range(count)
    ]


def answering(text):
    return lambda request: ChatResponse(text, 1, 1)


def run(complete, count=10, threads=4, **more):
    return evaluate_rows(PROMPT, examples(count), complete, EXACT, threads, "demo/words", **more)


@pytest.mark.parametrize("threads", [1, 8])
def test_rows_come_back_in_the_order_of_the_examples(threads):
    def complete(request):
        return ChatResponse("a" if request.messages[-1]["content"] in ("t0", "t7") else "b", 1, 1)

    rows = run(complete, threads=threads)
    assert [row.example_id for row in rows] == [str(n) for n in range(10)]
    assert [row.score for row in rows] == [1, 0, 0, 0, 0, 0, 0, 1, 0, 0]


def test_each_row_is_reported_once_in_the_callers_thread():
    seen = []
    rows = run(answering("a"), on_row=lambda row: seen.append((row, threading.get_ident())))
    assert sorted(row.example_id for row, _ in seen) == sorted(row.example_id for row in rows)
    assert {thread for _, thread in seen} == {threading.get_ident()}


def test_an_answer_that_breaks_the_contract_scores_0_with_the_reason():
    (row,) = run(answering("c\x00"), count=1)
    assert (row.score, row.output, row.text) == (0.0, None, "c\ufffd")
    assert "label" in row.parse_error


def test_an_example_without_an_input_scores_0_and_is_not_sent():
    lost = Example("1", {}, {"label": "a"}, Split.DEV, "g", Origin.USER, False)
    (row,) = evaluate_rows(PROMPT, [lost], lambda request: 1 / 0, EXACT, 2, "demo/words")
    assert row.score == 0
    assert "'text' is missing" in row.parse_error


def test_the_messages_hash_is_that_of_the_canonical_messages():
    (row,) = run(answering("a"), count=1)
    messages = render_messages(PROMPT.to_dict(), {"text": "t0"})
    text = json.dumps(messages, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert row.messages_hash == hashlib.sha256(text.encode()).hexdigest()


def test_the_request_carries_the_parameters_of_the_artifact():
    prompt = PROMPT.with_(params={"temperature": 0.5, "max_tokens": 9, "top_p": 0.9})
    request = build_request(prompt, {"text": "x"}, "c/m")
    assert (request.model, request.temperature, request.max_tokens) == ("c/m", 0.5, 9)
    assert request.params == {"top_p": 0.9}
    plain = build_request(PROMPT, {"text": "x"}, "c/m")
    assert (plain.temperature, plain.max_tokens, plain.params) == (0.0, 512, {})


@pytest.mark.parametrize("threads", [1, 4])
def test_an_abort_stops_the_rest_at_once_and_is_raised(threads):
    calls = []

    def complete(request):
        calls.append(request)
        if len(calls) >= 3:
            raise JobAbort(StopReason.CANCELLED)
        return ChatResponse("a", 1, 1)

    with pytest.raises(JobAbort) as caught:
        run(complete, count=200, threads=threads)
    assert caught.value.reason is StopReason.CANCELLED
    assert len(calls) <= 3 + threads


def test_calls_in_flight_end_before_the_abort_is_raised():
    begun, ended = threading.Barrier(2), []

    def complete(request):
        begun.wait(10)
        if request.messages[-1]["content"] == "t0":
            raise JobAbort(StopReason.BUDGET_USD)
        ended.append(request)
        return ChatResponse("a", 1, 1)

    with pytest.raises(JobAbort):
        run(complete, count=2, threads=2)
    assert len(ended) == 1


def test_an_abort_is_raised_rather_than_another_error():
    both = threading.Barrier(2)

    def complete(request):
        both.wait(10)
        if request.messages[-1]["content"] == "t0":
            raise ProviderUnavailable("down")
        raise JobAbort(StopReason.PROVIDER_DOWN)

    with pytest.raises(JobAbort):
        run(complete, count=2, threads=2)


def test_a_provider_error_is_never_a_score():
    def complete(request):
        raise ProviderUnavailable("down")

    with pytest.raises(ProviderUnavailable):
        run(complete)


def test_nothing_to_score_is_no_rows():
    assert run(answering("a"), count=0) == []
