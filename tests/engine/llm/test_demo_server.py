import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from kaizen_engine.llm.providers.demo_server import LARGEST_BODY, DemoServer
from kaizen_engine.llm.types import messages_hash

ROOT = Path(__file__).parents[3]
SYSTEM = "Sort.\nA: lost, card\nB: hours\n\nAnswer with exactly one of: A, B\nWrite nothing else."
MESSAGES = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "I lost it, grüß"}]
CALL = {"model": "demo", "messages": MESSAGES, "temperature": 0, "max_tokens": 20}


@pytest.fixture
def log() -> StringIO:
    return StringIO()


@pytest.fixture
def client(log: StringIO) -> Iterator[httpx.Client]:
    server = DemoServer(("127.0.0.1", 0), log=log)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}") as client:
        yield client
    server.shutdown()
    thread.join()
    server.server_close()


def post(client: httpx.Client, **changes: Any) -> httpx.Response:
    return client.post("/v1/chat/completions", json=CALL | changes)


def test_an_answer_has_the_shape_of_openai(client: httpx.Client) -> None:
    answer = post(client).json()
    (choice,) = answer["choices"]
    assert answer["object"] == "chat.completion"
    assert choice["message"]["role"] == "assistant"
    assert (choice["message"]["content"], choice["finish_reason"]) == ("A", "stop")
    usage = answer["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["completion_tokens"] == 1


def test_tokens_are_counted_the_same_each_time(client: httpx.Client) -> None:
    assert post(client).json()["usage"] == post(client).json()["usage"]


def test_one_connection_carries_many_calls(client: httpx.Client) -> None:
    first = post(client)
    for _ in range(5):
        again = post(client)
    assert first.http_version == "HTTP/1.1"
    network = [r.extensions["network_stream"].get_extra_info("client_addr") for r in (first, again)]
    assert network[0] == network[1]


def test_the_log_proves_which_messages_came_over_the_wire(
    client: httpx.Client, log: StringIO
) -> None:
    post(client)
    line = json.loads(log.getvalue())
    assert line["messages_sha256"] == messages_hash(MESSAGES)
    assert client.get("/stats").json() == {"calls": 1}


def test_it_names_its_model_and_its_health(client: httpx.Client) -> None:
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["demo"]
    assert client.get("/health").json()["status"] == "ok"
    assert client.get("/elsewhere").status_code == 404
    assert client.post("/elsewhere", json={}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"model": "demo"}',
        b'{"model": "demo", "messages": []}',
        b'{"model": "demo", "messages": [1]}',
        b'{"model": "demo", "messages": [{"role": "user", "content": "x"}], "temperature": NaN}',
        b'{"model": "demo", "messages": [{"role": "user", "content": "x"}], "temperature": 3}',
        b'{"model": "demo", "messages": [{"role": "user", "content": "x"}], "max_tokens": 0}',
        b'{"model": "demo", "messages": [{"role": "user", "content": "x"}], "stream": true}',
        b'{"model": "", "messages": [{"role": "user", "content": "x"}]}',
    ],
)
def test_a_bad_body_is_a_400_that_says_why(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/v1/chat/completions", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.json()["error"]["message"]
    assert client.get("/stats").json() == {"calls": 0}


def test_a_lone_surrogate_comes_back_as_it_went(client: httpx.Client) -> None:
    body = b'{"model": "demo", "messages": [{"role": "user", "content": "\\ud800"}]}'
    answer = client.post("/v1/chat/completions", content=body)
    assert answer.status_code == 200


def test_a_body_that_is_too_large_is_refused(client: httpx.Client) -> None:
    answer = client.post("/v1/chat/completions", content=b" " * (LARGEST_BODY + 1))
    assert answer.status_code == 413
    assert post(client).status_code == 200


def test_a_body_of_unknown_length_is_refused(client: httpx.Client) -> None:
    answer = client.post("/v1/chat/completions", content=iter([b"{}"]))
    assert answer.status_code == 411


@pytest.mark.parametrize(
    "module", ["kaizen_engine.llm.providers.demo_server", "tests.servers.scripted_openai"]
)
def test_as_a_process_it_serves_and_ends_cleanly(module: str, tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    command = [sys.executable, "-m", module, "--port", "0", "--log", str(log)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        base_url = process.stdout.readline().split()[-1]
        answer = httpx.post(f"{base_url}/chat/completions", json=CALL)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert answer.json()["choices"][0]["message"]["content"] == "A"
    assert (process.returncode, errors) == (0, "")
    assert json.loads(log.read_text())["messages_sha256"] == messages_hash(MESSAGES)
