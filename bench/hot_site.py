"""A Kaizen with one project, one key and one live prompt, served as `make run` serves it."""

import json
import sys
from pathlib import Path
from typing import Any, Self

import httpx

from tests.installation import ROOT, Installation, free_port, wait_until

__all__ = ["ROOT", "HotSite", "body", "write_lines"]

GRANIAN = ("--interface", "wsgi", "--host", "127.0.0.1", "--workers", "1", "--no-ws")
THREADS = ("--blocking-threads", "8")
TEXT = "The card I ordered two weeks ago has still not arrived, where is it?"
SEED = """
from projects_app.actors import Actor
from projects_app.models import Scope
from projects_app.services.keys import api_key_create
from projects_app.services.projects import project_create
from prompts_app.services.prompts import prompt_create
project = project_create(slug="bench", name="Bench")
actor = Actor.system(project.pk)
_, key = api_key_create(actor=actor, project=project, name="bench", scopes=[s.value for s in Scope])
for slug in ("sort", "bare", "few", "many"):
    prompt_create(
        actor=actor, project=project, name=slug,
        messages=[{"role": "system", "content": "Sort the customer's message with care. " * 30},
                  {"role": "user", "content": "{{text}}"}],
        input_schema={"type": "object", "properties": {"text": {"type": "string"}}},
        output_schema={"type": "object", "properties": {"label": {"type": "string"}}},
        threshold=1_000_000_000)
from tasks_app.models import Task
result = {"key": key, "project": project.pk, "tasks": dict(Task.objects.values_list("slug", "pk"))}
"""
FILL = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute(\"\"\"
        INSERT INTO feedback_app_feedback (public_id, project_id, task_id, event_id, content_hash,
            inputs, output, score, comment, metrics, metadata, origin, prompt_hash, created_at)
        SELECT gen_random_uuid(), {project}, {task}, '{task}-' || n, '', '{{}}', '{{}}', 1, '',
            '{{}}', '{{}}', 'random', '', now() FROM generate_series(1, {rows}) AS n\"\"\")
    cursor.execute(\"\"\"
        INSERT INTO feedback_app_taskcounter (task_id, unconsumed, total, failures_in_a_row)
        VALUES ({task}, {rows}, {rows}, 0)\"\"\")
    cursor.execute("ANALYZE feedback_app_feedback")
"""
STATEMENTS = """
from django.db import connection
from django.test.utils import CaptureQueriesContext
from feedback_app.services.feedback import feedback_log
from feedback_app.wire import decode_item
from projects_app.actors import Actor
actor = Actor.system({project})
feedback_log(actor=actor, item=decode_item({first!r}))
with CaptureQueriesContext(connection) as captured:
    feedback_log(actor=actor, item=decode_item({second!r}))
result = len(captured)
"""


def body(slug: str, suffix: str = "") -> str:
    """Return one feedback; the driver puts a token of its own for the mark in the event id."""
    return json.dumps(
        {
            "task": slug,
            "inputs": {"text": TEXT},
            "output": "card_arrival",
            "score": 1.0,
            "origin": "random",
            "event_id": f"@@N@@{suffix}",
        }
    )


def write_lines(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class HotSite(Installation):
    def __init__(self, folder: Path, database: str) -> None:
        super().__init__(folder, database, KAIZEN_LOG_LEVEL="WARNING")
        seeded = self.shell(SEED)
        self.project: int = seeded["project"]
        self.tasks: dict[str, int] = seeded["tasks"]
        self.key: str = seeded["key"]
        self.address = self._serve("web", "kaizen_site.wsgi:application")

    def __enter__(self) -> Self:
        return self

    @property
    def database_url(self) -> str:
        return self._database_url

    def start_bare(self) -> str:
        return self._serve("bare", "bench.bare_django:application")

    def target(self, path: str, **more: Any) -> dict[str, Any]:
        """Return a target of the driver."""
        return {"url": self.address + path, "headers": {"X-API-Key": self.key}, **more}

    def fill(self, slug: str, rows: int) -> None:
        self.shell(FILL.format(project=self.project, task=self.tasks[slug], rows=rows))

    def count_rows(self, slug: str) -> int:
        found = f"Feedback.objects.filter(task={self.tasks[slug]}).count()"
        return int(self.shell(f"from feedback_app.models import Feedback\nresult = {found}"))

    def count_statements(self, slug: str) -> int:
        """Return how many statements storing one feedback takes once its task is known."""
        first, second = (body(slug, f"statement-{n}").encode() for n in (1, 2))
        script = STATEMENTS.format(project=self.project, first=first, second=second)
        return int(self.shell(script))

    def _serve(self, name: str, application: str) -> str:
        port = free_port()
        granian = str(Path(sys.executable).parent / "granian")
        self.start_process(name, granian, *GRANIAN, *THREADS, "--port", str(port), application)
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: _is_up(address), 60, f"{name} to answer")
        return address


def _is_up(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health", timeout=2).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
