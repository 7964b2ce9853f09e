"""A throw-away installation for benchmarks: site, worker and model server on free ports."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kaizen_site.demo.stack import Stack, free_port

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Running:
    url: str
    model_url: str
    model_log: Path
    stack: Stack

    def manage(self, script: str) -> dict[str, Any]:
        """Run Python inside the installation; its last printed line is JSON."""
        printed = self.stack.run("seed", "manage.py", "shell", "-v", "0", "-c", script)
        answer: dict[str, Any] = json.loads(printed.splitlines()[-1])
        return answer


@contextlib.contextmanager
def installation(latency_ms: int = 0) -> Iterator[Running]:
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        web, model = free_port(), free_port()
        log = Path(folder) / "model-calls.jsonl"
        environment = {
            "KAIZEN_DATA_DIR": folder,
            "DATABASE_URL": "",
            "KAIZEN_ALLOW_PRIVATE_TARGETS": f"127.0.0.1:{model}",
            "KAIZEN_LOG_LEVEL": "WARNING",
        }
        stack = Stack(Path(folder), environment)
        try:
            stack.run("migrate", "manage.py", "migrate", "-v", "0")
            _start(stack, web, model, log, latency_ms)
            yield Running(f"http://127.0.0.1:{web}", f"http://127.0.0.1:{model}/v1", log, stack)
        finally:
            stack.stop()


def _start(stack: Stack, web: int, model: int, log: Path, latency_ms: int) -> None:
    server = "kaizen_engine.llm.providers.demo_server"
    stack.start(
        "model", "-m", server, "--port", str(model), "--latency-ms", str(latency_ms),
        "--log", str(log),
    )  # fmt: skip
    stack.start(
        "web", "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(web),
        "--workers", "1", "--blocking-threads", "4", "--no-ws", "kaizen_site.wsgi:application",
    )  # fmt: skip
    stack.start("work", "manage.py", "work")
    stack.wait_for("model", f"http://127.0.0.1:{model}/health")
    stack.wait_for("web", f"http://127.0.0.1:{web}/health")
