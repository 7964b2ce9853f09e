"""A whole hold-out sent in four ways to one model server, which hashes what it receives."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import dspy
import httpx

from kaizen_engine.clock import SystemClock
from kaizen_engine.evaluate.evaluator import Case
from kaizen_engine.evaluate.runner import Example, build_request, evaluate_rows
from kaizen_engine.evaluate.spec import evaluator_from_spec
from kaizen_engine.llm.breaker import LocalBreaker
from kaizen_engine.llm.gateway import Gateway, Route
from kaizen_engine.llm.journal import MemoryJournal
from kaizen_engine.llm.limiter import LocalLimiter
from kaizen_engine.llm.meter import Budget, Meter, Spent
from kaizen_engine.llm.pricing import PriceBook
from kaizen_engine.llm.types import Price
from kaizen_engine.optimize.dspy_lm import GatewayEngine, gateway_lm
from kaizen_engine.optimize.dspy_native import NativeProvider
from kaizen_engine.optimize.dspy_program import PromptProgram
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import Origin, Split
from kaizen_sdk import CTClient, OutputParseError

SCRIPT = Path(__file__).with_name("artifact_script.py")
ROLE = "student"
# Run inside the installation, after its job: approves what it found and says what it stored.
STORED = """
from optimization_app.models import EvaluationRow, Job
from projects_app.actors import Actor
from prompts_app.services.review import version_approve
job = Job.objects.select_related("task", "seed_version", "result_version").latest("pk")
assert job.result_version is not None, (job.state, job.stop_reason, job.verdict, job.error)
version_approve(actor=Actor.system(job.task.project_id), version=job.result_version)
rows = EvaluationRow.objects.filter(job=job, label="winner_test").select_related("example")
stored = {
    "task": job.task.slug,
    "student": job.config["student"],
    "evaluator": job.config["evaluator"],
    "hash": job.result_version.hash,
    "seed_artifact": job.seed_version.artifact,
    "dspy_state": job.result_version.dspy_state,
    "accuracy": job.result_version.evidence["holdout"]["after"]["mean"],
    "rows": [
        {
            "inputs": row.example.inputs,
            "outputs": row.example.outputs,
            "messages_hash": row.messages_hash,
            "score": row.score,
        }
        for row in rows.order_by("example_id")
    ],
}
"""


@dataclass(frozen=True)
class Stored:
    """What the installation keeps about its job: the program, the deciding rows, the figure."""

    task: str
    student: str
    evaluator: Mapping[str, Any]
    hash: str
    seed_artifact: Mapping[str, Any]
    dspy_state: dict[str, Any]
    accuracy: float
    rows: list[dict[str, Any]]

    @property
    def hashes(self) -> list[str]:
        return [row["messages_hash"] for row in self.rows]

    @property
    def scores(self) -> list[float]:
        return [row["score"] for row in self.rows]


@dataclass(frozen=True)
class Sent:
    """What the model server received from one sender, in the order of the rows."""

    sender: str
    hashes: list[str]
    scores: list[float]

    @property
    def accuracy(self) -> float:
        return sum(self.scores) / len(self.scores)


@dataclass(frozen=True)
class Site:
    """Where everything is: the site with a key, the model server with its log, a free folder."""

    url: str
    key: str
    model_url: str
    model_log: Path
    folder: Path


def received(log: Path) -> list[str]:
    """Return the hash of every message list the model server has received."""
    return [json.loads(line)["messages_sha256"] for line in log.read_text().splitlines()]


def send_four_ways(site: Site, stored: Stored) -> list[Sent]:
    """Send every row by every sender, one after the other."""
    saved = _saved_artifact(site, stored)
    senders: dict[str, Callable[[], list[float]]] = {
        "compiled DSPy program": lambda: by_compiled_program(site, stored),
        "server's evaluator": lambda: by_evaluator(site, stored, saved),
        "SDK's renderer": lambda: by_sdk(site, stored),
        "openai package only": lambda: by_script(site, stored),
    }
    sent = []
    for name, send in senders.items():
        before = len(received(site.model_log))
        scores = send()
        sent.append(Sent(name, received(site.model_log)[before:], scores))
    return sent


def _saved_artifact(site: Site, stored: Stored) -> PromptArtifact:
    """Save the served answer, byte by byte, and return the artifact in it."""
    address = f"{site.url}/api/v1/tasks/{stored.task}/prompt"
    answer = httpx.get(address, headers={"X-API-Key": site.key}).raise_for_status()
    (site.folder / "prompt.json").write_bytes(answer.content)
    return PromptArtifact.from_dict(answer.json()["artifact"])


def scorer(stored: Stored) -> Callable[[Mapping[str, Any], Mapping[str, Any]], float]:
    evaluator = evaluator_from_spec(stored.evaluator)
    return lambda row, output: (
        evaluator.evaluate(Case("", row["inputs"], row["outputs"], output)).score
    )


def by_compiled_program(site: Site, stored: Stored) -> list[float]:
    """Load the optimizer's own state into the seed's program, as DSPy users would."""
    seed = PromptArtifact.from_dict(stored.seed_artifact)
    program = PromptProgram.from_artifact(seed)
    program.load_state(stored.dspy_state)
    template = replace(build_request(seed, stored.rows[0]["inputs"], stored.student), messages=())
    score_of = scorer(stored)

    def score(row: Mapping[str, Any]) -> float:
        prediction = program(**program.adapter.to_inner_inputs(row["inputs"]))
        output = program.adapter.to_outputs(prediction)
        return 0.0 if None in output.values() else score_of(row, output)

    with gateway(site, stored.student) as door:
        engine = GatewayEngine(door, role=ROLE, template=template)
        with dspy.context(lm=gateway_lm(engine, role=ROLE), disable_history=True):
            return [score(row) for row in stored.rows]


def by_evaluator(site: Site, stored: Stored, artifact: PromptArtifact) -> list[float]:
    examples = [
        Example(
            id=str(number),
            inputs=row["inputs"],
            outputs=row["outputs"],
            split=Split.TEST,
            group=str(number),
            origin=Origin.RANDOM,
            deciding=True,
        )
        for number, row in enumerate(stored.rows)
    ]
    evaluator = evaluator_from_spec(stored.evaluator)
    with gateway(site, stored.student) as door:
        complete = partial(door.complete, role=ROLE)
        rows = evaluate_rows(artifact, examples, complete, evaluator, 1, stored.student)
    return [row.score for row in rows]


def by_sdk(site: Site, stored: Stored) -> list[float]:
    score_of = scorer(stored)
    with CTClient(site.url, site.key) as client, httpx.Client(base_url=site.model_url) as http:
        prompt = client.get_prompt(stored.task)
        assert prompt.hash == stored.hash
        model = stored.student.partition("/")[2]
        body = {"model": model, "temperature": 0, "max_tokens": 512, **prompt.params}

        def score(row: Mapping[str, Any]) -> float:
            asked = body | {"messages": prompt.messages(row["inputs"])}
            answer = http.post("/chat/completions", json=asked).raise_for_status().json()
            try:
                output = prompt.parse(answer["choices"][0]["message"]["content"])
            except OutputParseError:
                return 0.0
            return score_of(row, output)

        return [score(row) for row in stored.rows]


def by_script(site: Site, stored: Stored) -> list[float]:
    """Run the script where it finds neither our code nor our environment."""
    rows = [{"inputs": row["inputs"], "outputs": row["outputs"]} for row in stored.rows]
    (site.folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), "prompt.json", "rows.json", site.model_url],
        cwd=site.folder,
        env={"HOME": str(site.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, list[Any]] = json.loads(done.stdout)
    assert answer["ours"] == [], "the script must not import Kaizen"
    return answer["scores"]


@contextmanager
def gateway(site: Site, student: str) -> Iterator[Gateway]:
    """Open a gateway of one's own, with an empty journal, so that every row is really sent."""
    slug, _, model = student.partition("/")
    provider, clock = NativeProvider(site.model_url, "none"), SystemClock()
    try:
        yield Gateway(
            {slug: Route(provider, None, PriceBook({model: Price(Decimal(1), Decimal(1))}))},
            meter=Meter(Budget(), Spent(), clock),
            breaker=LocalBreaker(clock=clock),
            limiter=LocalLimiter(clock),
            journal=MemoryJournal(),
            clock=clock,
        )
    finally:
        provider.close()
