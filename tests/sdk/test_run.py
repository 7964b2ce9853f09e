"""`run`: a prompt, a model of the application's own, and a few calls sent for review."""

import asyncio

import pytest

from kaizen_sdk import AsyncCTClient, OutputParseError, RenderError
from kaizen_sdk._review import is_sampled
from tests.sdk.scripted import ScriptedServer

INPUTS = {"text": "my money back"}


def say(text):
    return lambda messages, prompt: text


def test_the_model_is_asked_with_the_served_prompt_and_its_answer_is_parsed(client_of):
    asked = []

    def ask(messages, prompt):
        asked.append((messages, prompt.model))
        return "Refund"

    with client_of(ScriptedServer(), review_share=0) as client:
        answer = client.run("triage", INPUTS, ask)
    assert (answer.text, answer.output, answer.is_sampled) == ("Refund", {"label": "refund"}, False)
    assert asked[0][0][-1] == {"role": "user", "content": "my money back"}
    assert asked[0][1] == "demo/words"


def test_a_sampled_call_is_sent_without_a_rating_and_as_random(client_of):
    server = ScriptedServer()
    with client_of(server, review_share=1) as client:
        answer = client.run("triage", INPUTS, say("refund"), event_id="call-7")
        client.flush()
    assert answer.is_sampled
    assert server.events == [
        {
            "event_id": "review-call-7",
            "task": "triage",
            "inputs": INPUTS,
            "output": {"label": "refund"},
            "origin": "random",
            "prompt_hash": "1" * 64,
        }
    ]


def test_the_lot_falls_by_the_id_alone_on_about_the_share_that_was_asked_for():
    drawn = [is_sampled(f"event-{number}", 0.02) for number in range(20_000)]
    assert drawn == [is_sampled(f"event-{number}", 0.02) for number in range(20_000)]
    assert 320 < sum(drawn) < 480
    assert not any(is_sampled(str(number), 0) for number in range(100))
    assert all(is_sampled(str(number), 1) for number in range(100))


def test_the_same_call_again_is_the_same_event(client_of):
    server = ScriptedServer()
    with client_of(server, review_share=1) as client:
        for _ in range(2):
            client.run("triage", INPUTS, say("refund"), event_id="once")
        client.flush()
    assert {event["event_id"] for event in server.events} == {"review-once"}


def test_an_answer_that_cannot_be_read_breaks_nothing_until_somebody_reads_it(client_of):
    server = ScriptedServer()
    with client_of(server, review_share=1) as client:
        answer = client.run("triage", INPUTS, say("no label at all, sorry"))
        client.flush()
        assert not answer.is_sampled
        with pytest.raises(OutputParseError):
            _ = answer.output
    assert server.events == []


def test_what_the_application_s_model_raises_comes_through(client_of):
    def fail(messages, prompt):
        raise TimeoutError("the model")

    with client_of(ScriptedServer(), review_share=1) as client:
        with pytest.raises(TimeoutError, match="the model"):
            client.run("triage", INPUTS, fail)
        with pytest.raises(RenderError):
            client.run("triage", {}, say("refund"))


def test_a_coroutine_is_awaited():
    async def ask(messages, prompt):
        await asyncio.sleep(0)
        return "delivery"

    async def main():
        transport = ScriptedServer().transport
        async with AsyncCTClient("http://kaizen.test", "k", transport=transport) as client:
            return await client.run("triage", INPUTS, ask)

    assert asyncio.run(main()).output == {"label": "delivery"}
