"""Langfuse's calls against a stand-in server; runs in an environment that has langfuse."""

import argparse
import gc
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROMPT = {
    "id": "1", "name": "sort", "version": 1, "type": "text", "config": {}, "tags": [],
    "labels": ["production"], "prompt": "Sort the customer's message with care. {{text}}",
}  # fmt: skip


class StandIn(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, PROMPT)

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            body = json.loads(sent)
        except ValueError:  # spans come as protobuf
            body = []
        events = body.get("batch", []) if isinstance(body, dict) else body
        done = [{"id": event.get("id", ""), "status": 201} for event in events]
        self._answer(207, {"successes": done, "errors": []})

    def _answer(self, status: int, body: Any) -> None:
        encoded = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, *_: Any) -> None:
        pass


def serve(ports: Any) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    ports.put(server.server_port)
    server.serve_forever()


def p50_us(call: Callable[[], object], calls: int) -> float:
    gc.collect()
    clock = time.perf_counter_ns
    taken = []
    for _ in range(calls):
        start = clock()
        call()
        taken.append(clock() - start)
    return statistics.median(taken) / 1000


def measure(port: int, rounds: int, calls: int) -> dict[str, float]:
    from langfuse import Langfuse  # type: ignore[import-not-found]

    client = Langfuse(public_key="pk", secret_key="sk", host=f"http://127.0.0.1:{port}")
    trace = "0" * 31 + "1"
    wanted: dict[str, Callable[[], object]] = {
        "get_prompt": lambda: client.get_prompt("sort"),
        "log_feedback": lambda: client.create_score(name="s", value=1.0, trace_id=trace),
    }
    taken: dict[str, list[float]] = {name: [] for name in wanted}
    for _ in range(rounds):
        for name, call in wanted.items():
            call()
            taken[name].append(p50_us(call, calls))
            client.flush()
    return {name: statistics.median(values) for name, values in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=2_000)
    options = parser.parse_args()
    ports: Any = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(ports,), daemon=True)
    server.start()
    try:
        print(json.dumps(measure(ports.get(), options.rounds, options.calls)))
    finally:
        server.terminate()


if __name__ == "__main__":
    main()
