"""Embeddings over the wire: through the gateway, journaled, priced, and refused in words."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from kaizen_engine.clock import SystemClock
from kaizen_engine.errors import JobAbort, ProviderRejected
from kaizen_engine.evaluate.spec import asked_models, evaluator_from_spec
from kaizen_engine.llm.gateway import Tuning
from kaizen_engine.llm.meter import Budget
from kaizen_engine.llm.providers.demo import DemoModel
from kaizen_engine.llm.providers.demo_server import DemoServer
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.llm.vectors import cosine, vector_of, vector_text
from kaizen_engine.llm.vendors import Wire
from kaizen_engine.optimize.dspy_native import NativeProvider
from kaizen_engine.states import StopReason
from tests.engine.evaluate.judges import case
from tests.engine.llm.doubles import Stage

SPEC = {"kind": "embedding", "model": "acme/small"}


@contextmanager
def serving(server) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def stage_at(url, **options) -> Iterator[Stage]:
    provider = NativeProvider(url, "secret-key")
    try:
        yield Stage(provider, SystemClock(), options.pop("budget", Budget()), **options)
    finally:
        provider.close()


def answering(status, body, headers=None):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def test_likeness_is_the_cosine_and_every_text_is_paid_for_once():
    server = DemoServer(("127.0.0.1", 0))
    with serving(server) as url, stage_at(url) as stage:
        evaluator = evaluator_from_spec(SPEC, door=stage.gateway())
        near = evaluator.evaluate(case("The refund arrives in 14 days.")).score
        far = evaluator.evaluate(case("Please restart your router.")).score
        assert evaluator.evaluate(case("The refund arrives in 14 days.")).score == near
        assert server.calls == 3
    assert 1 > near > 0.5 > far >= 0
    assert {record.role for record in stage.journal.records} == {"embedder"}
    assert stage.meter.spent.calls == 3
    assert stage.meter.spent.usd == sum(record.cost_usd for record in stage.journal.records) > 0


def test_the_demo_model_gives_the_same_vectors_in_process():
    texts = "The refund arrives.", "A refund arrives?"
    server = DemoServer(("127.0.0.1", 0))
    with serving(server) as url, stage_at(url) as stage:
        wire = evaluator_from_spec(SPEC, door=stage.gateway()).evaluate(case(*texts)).score
    here = Stage(DemoModel(), SystemClock()).gateway()
    assert evaluator_from_spec(SPEC, door=here).evaluate(case(*texts)).score == wire


def test_equal_and_empty_texts_ask_nobody():
    evaluator = evaluator_from_spec(SPEC)
    assert evaluator.evaluate(case("Same.", " Same. ")).score == 1
    assert evaluator.evaluate(case("", "Same.")).score == 0
    assert evaluator.evaluate(case("\n", " ")).score == 1


def test_an_embedding_is_within_the_cap_and_the_cap_is_kept():
    server = DemoServer(("127.0.0.1", 0))
    with serving(server) as url, stage_at(url, budget=Budget(usd=Decimal("0.0000001"))) as stage:
        evaluator = evaluator_from_spec(SPEC, door=stage.gateway())
        with pytest.raises(JobAbort) as stopped:
            evaluator.evaluate(case())
    assert (stopped.value.reason, server.calls) == (StopReason.BUDGET_USD, 0)


VECTOR = json.dumps({"data": [{"embedding": [0.6, 0.8]}], "usage": {"prompt_tokens": 7}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (401, b'{"error": "wrong key secret-key"}', StopReason.ERROR),
        (302, b"", StopReason.ERROR),
        (500, b"", StopReason.PROVIDER_DOWN),
        (429, b"", StopReason.PROVIDER_DOWN),
        (200, b"<html>", StopReason.PROVIDER_DOWN),
        (200, b'{"data": []}', StopReason.PROVIDER_DOWN),
        (200, b'{"data": [{"embedding": []}]}', StopReason.PROVIDER_DOWN),
        (200, b'{"data": [{"embedding": [NaN]}]}', StopReason.PROVIDER_DOWN),
        (200, b'{"data": [{"embedding": [1e400]}]}', StopReason.PROVIDER_DOWN),
        (200, b'{"data": [{"embedding": "AAAA"}]}', StopReason.PROVIDER_DOWN),
    ],
)
def test_a_failing_endpoint_ends_the_job_and_is_never_a_score(status, body, reason):
    patience = Tuning(backoff_s=0.001, patience_s=0.05)
    headers = {"Location": "http://127.0.0.1:9/"} if status == 302 else {}
    with serving(answering(status, body, headers)) as url, stage_at(url, tuning=patience) as stage:
        stage.breaker = type(stage.breaker)(threshold=1, reset_s=300, clock=stage.clock)
        with pytest.raises(JobAbort) as stopped:
            evaluator_from_spec(SPEC, door=stage.gateway()).evaluate(case())
    assert stopped.value.reason is reason
    assert "secret-key" not in stopped.value.detail


def test_a_vector_without_a_count_is_charged_the_most():
    body = json.dumps({"data": [{"embedding": [0.6, 0.8]}]}).encode()
    for answer, is_counted in ((VECTOR, True), (body, False)):
        with serving(answering(200, answer)) as url, stage_at(url) as stage:
            evaluator_from_spec(SPEC, door=stage.gateway()).evaluate(case())
            counts = {record.response.input_tokens for record in stage.journal.records}
        assert (counts == {7}) is is_counted


def test_a_vendor_without_embeddings_is_refused_in_words():
    provider = NativeProvider("https://api.anthropic.com/v1", "k", wire=Wire.ANTHROPIC)
    message = {"role": "user", "content": "x"}
    request = ChatRequest("m", (message,), max_tokens=1, endpoint="embeddings")
    with pytest.raises(ProviderRejected, match="embeddings are not spoken"):
        provider.complete(request, timeout_s=1)
    provider.close()


def test_the_demo_server_refuses_what_is_no_single_text():
    server = DemoServer(("127.0.0.1", 0))
    with serving(server) as url:
        for given in (None, "", [], ["a", "b"], [3], {"a": 1}):
            answer = httpx.post(f"{url}/embeddings", json={"model": "m", "input": given})
            assert answer.status_code == 400
        good = httpx.post(f"{url}/embeddings", json={"model": "m", "input": ["refund"]}).json()
    assert good["usage"]["prompt_tokens"] > 0
    assert sum(x * x for x in good["data"][0]["embedding"]) == pytest.approx(1)


def test_a_chat_and_an_embedding_of_one_text_are_two_requests():
    message = {"role": "user", "content": "x"}
    chat = ChatRequest("m", (message,), max_tokens=1)
    assert chat.hash != ChatRequest("m", (message,), max_tokens=1, endpoint="embeddings").hash


def test_vectors_survive_as_text_and_are_compared_by_their_angle():
    assert vector_of(vector_text([0.5, -2.0])) == (0.5, -2.0)
    assert cosine((3, 4), (4, 3)) == pytest.approx(24 / 25)
    assert cosine((0, 0), (1, 0)) == 0
    with pytest.raises(ValueError, match="dimensions"):
        cosine((1,), (1, 2))
    for text in ("no base64!", "AAA="):
        with pytest.raises(ValueError, match="no vector"):
            vector_of(text)


def test_at_most_two_calls_an_answer_are_estimated():
    (asked,) = asked_models(SPEC)
    assert (asked.model, asked.low, asked.high) == ("acme/small", 1, 2)
