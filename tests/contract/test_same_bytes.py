"""What was scored is what ships: four senders, one hold-out, the same bytes and the same figure."""

import sys
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from tests.contract.four_ways import STORED, Sent, Site, Stored, received, send_four_ways
from tests.installation import Installation, free_port, wait_until
from tests.optimization_app.stage import WORDS, messages

ROWS = 160
SEED = """
from decimal import Decimal
from llm_app.services.connections import connection_create, price_set
from projects_app.actors import Actor
from projects_app.models import Scope
from projects_app.services.keys import api_key_create
from projects_app.services.projects import project_create
from prompts_app.services.prompts import prompt_create
project = project_create(slug="support", name="Support")
actor = Actor.system(project.pk)
model = connection_create(actor=actor, project=project, slug="local", kind="openai",
                          base_url={model_url!r}, secret="none")
price_set(actor=actor, connection=model, model="demo", input_usd_per_mtok=Decimal(1),
          output_usd_per_mtok=Decimal(2), source="test")
task, _ = prompt_create(
    actor=actor, project=project, name="triage",
    messages=[{{"role": "system", "content": "Sort the customer's message, please."}},
              {{"role": "user", "content": "Grüße, {{{{text}}}} {{not a variable}}"}}],
    input_schema={{"type": "object", "properties": {{"text": {{"type": "string"}}}}}},
    output_schema={{"type": "object",
                    "properties": {{"label": {{"type": "string", "enum": {labels!r}}}}}}},
    student="local/demo", threshold=10_000, feedback_origin="random")
_, key = api_key_create(actor=actor, project=project, name="test", scopes=[s.value for s in Scope])
result = [str(task.public_id), key]
"""

pytestmark = pytest.mark.slow

ANALYSED = """
from optimization_app.models import Job
result = Job.objects.filter(analysed_at__isnull=False).exists()
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Stored]]:
    """A site whose only job ended with a confirmed prompt, which is live."""
    folder = tmp_path_factory.mktemp("same-bytes")
    port = free_port()
    target = {"KAIZEN_ALLOW_PRIVATE_TARGETS": f"127.0.0.1:{port}"}
    with Installation(folder / "kaizen", "sqlite", **target) as installation:
        log, model_url = folder / "calls.jsonl", f"http://127.0.0.1:{port}/v1"
        server = ("kaizen_engine.llm.providers.demo_server", "--port", str(port))
        installation.start_process("model", sys.executable, "-m", *server, "--log", str(log))
        installation.start_worker()
        url = installation.start_web()
        labels = sorted(WORDS)
        prompt_id, key = installation.shell(SEED.format(model_url=model_url, labels=labels))
        _log_feedback(url, key)
        _run_job(url, key, prompt_id)
        # The analyst speaks to the same model after the job, and the log is to be the senders'.
        wait_until(lambda: installation.shell(ANALYSED), 120, "the job to be analysed")
        stored = Stored(**installation.shell(STORED + "result = stored"))
        yield Site(url, key, model_url, log, folder), stored


@pytest.fixture(scope="module")
def sent(site: tuple[Site, Stored]) -> list[Sent]:
    return send_four_ways(*site)


def _log_feedback(url: str, key: str) -> None:
    items = [
        {
            "task": "triage",
            "event_id": f"event-{number}",
            "inputs": {"text": f"{text} {{{{text}}}} ü\n"},
            "output": {"label": "K1"},
            "score": 1.0 if label == "K1" else 0.0,
            "corrected_output": {"label": label},
        }
        for number, (text, label) in enumerate(messages(ROWS))
    ]
    for start in range(0, ROWS, 80):
        answer = _post(url, key, "feedback/batch", items[start : start + 80])
        assert {row["status"] for row in answer.json()} == {201}


def _run_job(url: str, key: str, prompt_id: str) -> None:
    config = {"optimizer_type": "bootstrap", "num_trials": 3, "num_fewshot_examples": 8}
    started = _post(url, key, "optimization/start", {"prompt_id": prompt_id, "config": config})
    address = f"{url}/api/v1/optimization/jobs/{started.json()['job_id']}"

    def status() -> str | None:
        found = httpx.get(address, headers={"X-API-Key": key}).raise_for_status().json()["status"]
        return found if found in ("succeeded", "failed", "cancelled") else None

    assert wait_until(status, 90, "the job to end") == "succeeded"


def _post(url: str, key: str, path: str, body: object) -> httpx.Response:
    answer = httpx.post(f"{url}/api/v1/{path}", json=body, headers={"X-API-Key": key}, timeout=30)
    return answer.raise_for_status()


def test_every_sender_sends_the_messages_that_were_scored(
    site: tuple[Site, Stored], sent: list[Sent]
) -> None:
    _, stored = site
    assert len(stored.rows) >= 30
    assert len(set(stored.hashes)) == len(stored.hashes)
    assert [one.sender for one in sent if one.hashes != stored.hashes] == []
    assert len({frozenset(Counter(one.hashes).items()) for one in sent}) == 1


def test_every_sender_gets_the_stored_scores(site: tuple[Site, Stored], sent: list[Sent]) -> None:
    _, stored = site
    assert [one.sender for one in sent if one.scores != stored.scores] == []
    assert {one.accuracy for one in sent} == {stored.accuracy}
    assert stored.accuracy > 0.5


def test_the_job_itself_sent_each_of_these_messages_once(
    site: tuple[Site, Stored], sent: list[Sent]
) -> None:
    where, stored = site
    times = Counter(received(where.model_log))
    assert {times[one] for one in stored.hashes} == {1 + len(sent)}
