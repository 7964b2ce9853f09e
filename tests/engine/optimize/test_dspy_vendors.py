"""Anthropic and Gemini through the native client, against servers of their wire on this machine."""

import traceback
from collections.abc import Iterator
from dataclasses import replace

import pytest

from kaizen_engine.errors import ProviderRateLimited, ProviderRejected, ProviderUnavailable
from kaizen_engine.llm.providers.demo import DemoModel
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.llm.vendors import VENDOR_URLS, Wire
from kaizen_engine.optimize.dspy_native import NativeProvider
from kaizen_engine.optimize.job import NoEvents, run_job
from kaizen_engine.states import StopReason
from tests.engine.optimize.support import CountingProvider, make_gateway, make_spec
from tests.servers.scripted_vendors import Reply, VendorServer, anthropic_error, gemini_error

KEY = "sk-vendor-secret-1234567890"
MESSAGES = (
    {"role": "system", "content": "Choose.\n\nAnswer with exactly one of: yes, no\n"},
    {"role": "user", "content": "so?"},
    {"role": "assistant", "content": "no"},
    {"role": "user", "content": "  {{braces}} and ünïcode \n"},
)
REQUEST = ChatRequest("model-1", MESSAGES, 32)


@pytest.fixture(params=[Wire.ANTHROPIC, Wire.GEMINI])
def server(request: pytest.FixtureRequest) -> Iterator[VendorServer]:
    with VendorServer(str(request.param), KEY) as running:
        yield running


@pytest.fixture
def provider(server: VendorServer) -> Iterator[NativeProvider]:
    client = NativeProvider(server.base_url, KEY, wire=Wire(server.wire))
    yield client
    client.close()


def refused(status: int, message: str, server: VendorServer) -> Reply:
    words = {429: "RESOURCE_EXHAUSTED", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}
    if server.wire == "gemini":
        return Reply(status, gemini_error(status, words.get(status, "INTERNAL"), message))
    kinds = {429: "rate_limit_error", 401: "authentication_error", 529: "overloaded_error"}
    return Reply(status, anthropic_error(kinds.get(status, "api_error"), message))


def test_the_vendor_answers_as_the_model_does(
    server: VendorServer, provider: NativeProvider
) -> None:
    response = provider.complete(REQUEST, timeout_s=5)
    (received,) = server.received
    assert response.text == DemoModel().complete(REQUEST, timeout_s=1).text
    assert response.finish_reason == "stop"
    assert response.input_tokens > 0
    assert KEY in (received.headers.get("x-api-key"), received.headers.get("x-goog-api-key"))
    assert "authorization" not in received.headers


def test_gemini_is_charged_for_its_thoughts() -> None:
    with VendorServer("gemini", KEY) as server:
        client = NativeProvider(server.base_url, KEY, wire=Wire.GEMINI)
        response = client.complete(REQUEST, timeout_s=5)
        client.close()
    alone = DemoModel().complete(REQUEST, timeout_s=1)
    assert response.output_tokens == alone.output_tokens + 3


def test_an_inline_picture_goes_as_the_vendor_takes_it(
    server: VendorServer, provider: NativeProvider
) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    content = [{"type": "text", "text": "What is this?"}, picture]
    request = replace(REQUEST, messages=({"role": "user", "content": content},))
    provider.complete(request, timeout_s=5)
    sent = str(server.received[0].body)
    assert "data:image" not in sent
    assert "'data': 'aGk='" in sent
    assert "image/png" in sent


def test_a_cut_answer_says_so(provider: NativeProvider) -> None:
    messages = ({"role": "user", "content": "a long message of many words"},)
    response = provider.complete(replace(REQUEST, messages=messages, max_tokens=2), timeout_s=5)
    assert response.finish_reason == "length"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_ends_it_and_never_quotes_the_key(
    status: int, server: VendorServer, provider: NativeProvider
) -> None:
    server.policy = lambda _: refused(status, f"the key {KEY} is not valid", server)
    with pytest.raises(ProviderRejected) as caught:
        provider.complete(REQUEST, timeout_s=5)
    whole = "".join(traceback.format_exception(caught.value))
    assert "is not valid" in str(caught.value)
    assert KEY not in whole


def test_a_wrong_key_is_rejected(server: VendorServer) -> None:
    client = NativeProvider(server.base_url, "sk-wrong-key-000000", wire=Wire(server.wire))
    with pytest.raises(ProviderRejected) as caught:
        client.complete(REQUEST, timeout_s=5)
    client.close()
    assert "sk-wrong" not in str(caught.value)


def test_a_limit_is_waited_out(server: VendorServer, provider: NativeProvider) -> None:
    reply = refused(429, "slower", server)
    server.policy = lambda _: replace(reply, headers={"Retry-After": "2"})
    with pytest.raises(ProviderRateLimited) as caught:
        provider.complete(REQUEST, timeout_s=5)
    assert (caught.value.status, caught.value.retry_after) == (429, 2)


@pytest.mark.parametrize("status", [500, 503, 529])
def test_an_outage_is_worth_another_try(
    status: int, server: VendorServer, provider: NativeProvider
) -> None:
    server.policy = lambda _: Reply(status, refused(500, "down", server).body)
    with pytest.raises(ProviderUnavailable) as caught:
        provider.complete(REQUEST, timeout_s=5)
    assert not caught.value.billable


def test_a_truncated_answer_may_be_billed(server: VendorServer, provider: NativeProvider) -> None:
    server.policy = lambda _: Reply(is_truncated=True)
    with pytest.raises(ProviderUnavailable) as caught:
        provider.complete(REQUEST, timeout_s=5)
    assert caught.value.billable


def test_a_prompt_that_gemini_blocks_is_an_empty_answer_and_no_outage() -> None:
    blocked = {
        "promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9},
    }
    with VendorServer("gemini", KEY, lambda _: Reply(body=blocked)) as server:
        client = NativeProvider(server.base_url, KEY, wire=Wire.GEMINI)
        response = client.complete(REQUEST, timeout_s=5)
        client.close()
    assert (response.text, response.finish_reason) == ("", "content_filter")


def test_a_job_over_the_vendors_wire_ends_as_one_without_a_network(
    server: VendorServer, provider: NativeProvider
) -> None:
    spec = make_spec(strategy="miprov2", settings={"num_trials": 2, "max_demos": 4})
    outcome = run_job(spec, make_gateway(provider), NoEvents())
    alone = run_job(spec, make_gateway(CountingProvider()), NoEvents())
    assert outcome.stop_reason is StopReason.FINISHED, outcome.stop_detail
    assert outcome.dev_before == alone.dev_before
    assert len(server.received) == outcome.spent.calls


def test_groq_speaks_chat_completions_with_the_newer_limit() -> None:
    client = NativeProvider(VENDOR_URLS[Wire.GROQ], KEY, wire=Wire.GROQ)
    assert client.token_limit_field == "max_completion_tokens"
    client.close()
