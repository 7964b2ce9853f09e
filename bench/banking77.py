"""Jobs on Banking77 over HTTP, judged on rows nothing saw, beside a shuffled control.

    python -m bench.banking77 [--strategy bootstrap] [--data ../shared/data/banking77] [--seeds 5]

The labels are codes that say nothing about their meaning, so whatever is gained was learned from
the feedback. The control shuffles the codes of every row: its hold-out must show no gain.
"""

import argparse
import csv
import random
import re
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from openai import OpenAI

from bench.installation import ROOT, Running, installation
from kaizen_engine.evaluate.significance import compare
from kaizen_engine.llm.providers.demo import source_hash
from kaizen_engine.optimize.strategy import STRATEGIES
from kaizen_sdk._parse import parse_output
from kaizen_sdk._render import render_messages

Row = tuple[str, str]
API = "/api/v1"
SEED_SCRIPT = """
import json
from decimal import Decimal
from llm_app.services.connections import connection_create, price_set
from projects_app.actors import Actor
from projects_app.models import Scope
from projects_app.services.keys import api_key_create
from projects_app.services.projects import project_create
project = project_create(slug="bench", name="Bench")
actor = Actor.system(project.pk)
model = connection_create(actor=actor, project=project, slug="demo", kind="openai",
                          base_url={model_url!r}, secret="none")
price_set(actor=actor, connection=model, model="demo", input_usd_per_mtok=Decimal("0.15"),
          output_usd_per_mtok=Decimal("0.60"), source="made up")
_, key = api_key_create(actor=actor, project=project, name="bench", scopes=[s.value for s in Scope])
print(json.dumps({{"key": key}}))
"""
TASK_SCRIPT = """
import json
from feedback_app.services.datasets import dataset_create
from projects_app.actors import Actor
from projects_app.models import Project
from prompts_app.services.prompts import prompt_create
project = Project.objects.get(slug="bench")
actor = Actor.system(project.pk)
task, version = prompt_create(
    actor=actor, project=project, name={slug!r},
    messages=[{{"role": "system", "content": "Sort the customer's question."}},
              {{"role": "user", "content": "{{{{text}}}}"}}],
    input_schema={{"type": "object", "properties": {{"text": {{"type": "string"}}}}}},
    output_schema={{"type": "object",
                    "properties": {{"code": {{"type": "string", "enum": {codes!r}}}}}}},
    student="demo/demo", threshold=100000, num_trials=6, max_demos=24, auto_trigger=False)
dataset_create(actor=actor, project=project, task=task, name="feedback import",
               is_representative=True)
print(json.dumps({{"prompt_id": str(task.public_id)}}))
"""


@dataclass(frozen=True)
class Outcome:
    label: str
    verdict: str
    dev: dict[str, Any]
    holdout: dict[str, Any]
    test_before: float
    test_after: float
    low: float
    high: float
    calls: int
    predicted: tuple[int, int]
    seconds: float
    peak_mib: float


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["code"]) for row in csv.DictReader(file)]


def shuffled(rows: list[Row], seed: int) -> list[Row]:
    codes = [code for _, code in rows]
    random.Random(seed).shuffle(codes)
    return [(text, code) for (text, _), code in zip(rows, codes, strict=True)]


class Bench:
    def __init__(self, site: Running) -> None:
        key = site.manage(SEED_SCRIPT.format(model_url=site.model_url))["key"]
        self.site = site
        self.http = httpx.Client(base_url=site.url, headers={"X-API-Key": key}, timeout=60)
        self.model = OpenAI(base_url=site.model_url, api_key="none", max_retries=0)

    def run(self, strategy: str, label: str, train: list[Row], test: list[Row]) -> Outcome:
        slug = f"{strategy}-{label.replace(' ', '-')}"
        prompt_id = self.task(slug, train)
        seed_artifact = self.served(slug)
        start = time.monotonic()
        with MemoryWatch(self.site.model_log.parent) as memory:
            result = self.optimize(prompt_id, strategy)
        seconds = time.monotonic() - start
        winner = result["artifact"] or seed_artifact
        before, after = self.scores(seed_artifact, test), self.scores(winner, test)
        groups = [str(index) for index in range(len(test))]
        paired = compare(before, after, groups, alpha=0.025, minimum_effect=0.0, seed=0)
        return Outcome(
            f"{strategy}, {label}", result["verdict"], result["evidence"]["dev"],
            result["evidence"].get("holdout") or {},
            mean(before), mean(after), paired.low, paired.high, result["evidence"]["calls"],
            tuple(result["estimate"]["calls"]), seconds, memory.peak_mib,
        )  # fmt: skip

    def task(self, slug: str, rows: list[Row]) -> str:
        """Make a prompt for the codes of `rows` and log these as its feedback."""
        codes = sorted({code for _, code in rows})
        made = self.site.manage(TASK_SCRIPT.format(slug=slug, codes=codes))
        self.log(slug, rows)
        return str(made["prompt_id"])

    def log(self, slug: str, rows: list[Row]) -> None:
        for start in range(0, len(rows), 100):
            batch = [
                {
                    "task": slug, "inputs": {"text": text}, "output": code, "score": 1.0,
                    "origin": "import", "event_id": f"{slug}-{start + offset}",
                }
                for offset, (text, code) in enumerate(rows[start : start + 100])
            ]  # fmt: skip
            answer = self.http.post(f"{API}/feedback/batch", json=batch).raise_for_status().json()
            refused = [row for row in answer if row["status"] != 201]
            if refused:
                sys.exit(f"feedback refused: {refused[:3]}")

    def served(self, slug: str) -> dict[str, Any]:
        answer = self.http.get(f"{API}/tasks/{slug}/prompt").raise_for_status().json()
        artifact: dict[str, Any] = answer["artifact"]
        return artifact

    def optimize(
        self, prompt_id: str, strategy: str = "bootstrap", **settings: Any
    ) -> dict[str, Any]:
        """Return the result of a job, with the estimate made before it."""
        body = {"prompt_id": prompt_id, "config": {"optimizer_type": strategy} | settings}
        started = self.http.post(f"{API}/optimization/start", json=body).raise_for_status().json()
        address = f"{API}/optimization/jobs/{started['job_id']}"
        while (job := self.http.get(address).json())["status"] in {
            "queued",
            "running",
            "publishing",
        }:
            time.sleep(0.5)
        if job["status"] != "succeeded":
            sys.exit(f"the job ended {job['status']}: {job}")
        result: dict[str, Any] = self.http.get(f"{address}/result").raise_for_status().json()
        return result | {"estimate": job["estimate"], "job_id": started["job_id"]}

    def scores(self, artifact: dict[str, Any], rows: list[Row]) -> list[float]:
        """Score the artifact as an application would: the SDK's renderer and the openai package."""
        return [float(self.ask(artifact, text) == code) for text, code in rows]

    def ask(self, artifact: dict[str, Any], text: str) -> str:
        messages: Any = render_messages(artifact, {"text": text})
        reply = self.model.chat.completions.create(model="demo", messages=messages, temperature=0)
        try:
            return str(parse_output(artifact, reply.choices[0].message.content or "")["code"])
        except ValueError:
            return ""


class MemoryWatch:
    """The highest resident memory of any process that runs a job for this installation."""

    def __init__(self, folder: Path) -> None:
        self.peak_mib = 0.0
        self._mark = f"KAIZEN_DATA_DIR={folder}".encode()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.2):
            for folder in Path("/proc").glob("[0-9]*"):
                self.peak_mib = max(self.peak_mib, self._peak(folder))

    def _peak(self, folder: Path) -> float:
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            is_ours = b"run_job" in words and self._mark in (folder / "environ").read_bytes()
            if not is_ours:
                return 0.0
            found = re.search(r"VmHWM:\s+(\d+)", (folder / "status").read_text())
        except OSError:
            return 0.0
        return int(found[1]) / 1024 if found else 0.0


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def means(scores: dict[str, Any]) -> str:
    """Return the mean before and after, as far as there are."""
    found = [scores.get(name) for name in ("before", "after")]
    return " to ".join(f"{one['mean']:.3f}" if one else "-" for one in found)


def line(outcome: Outcome) -> str:
    hold = outcome.holdout
    interval = f"{hold['low']:+.3f} to {hold['high']:+.3f}" if hold else "none"
    return (
        f"| {outcome.label} | {outcome.verdict} | {means(outcome.dev)} | {means(hold)} "
        f"| {interval} | {outcome.test_before:.3f} "
        f"| {outcome.test_after:.3f} | {outcome.low:+.3f} to {outcome.high:+.3f} "
        f"| {outcome.calls} | {outcome.predicted[0]} to {outcome.predicted[1]} "
        f"| {outcome.seconds:.1f} | {outcome.peak_mib:.0f} |"
    )


def contest(
    bench: Bench, strategy: str, train: list[Row], test: list[Row], seeds: int
) -> list[Outcome]:
    """Run the true codes, then the control; return the outcomes of the control."""
    print(line(bench.run(strategy, "true codes", train, test)), flush=True)
    controls = []
    for seed in range(seeds):
        controls.append(bench.run(strategy, f"shuffled {seed}", shuffled(train, seed), test))
        print(line(controls[-1]), flush=True)
    return controls


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/banking77")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--strategy", choices=STRATEGIES, action="append")
    options = parser.parse_args(arguments if arguments is not None else [])
    train, test = read(options.data / "train.csv"), read(options.data / "test.csv")
    print(f"demo model: source hash {source_hash()}")
    print(
        "| strategy, labels | verdict | dev | hold-out | hold-out gain | test before | after "
        "| 95 % gain | calls | predicted | s | peak MiB |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|---|"
    )
    controls = {}
    with installation() as site:
        bench = Bench(site)
        for strategy in options.strategy or STRATEGIES:
            controls[strategy] = contest(bench, strategy, train, test, options.seeds)
    for strategy, outcomes in controls.items():
        if outcomes:
            above = sum(bool(one.holdout) and one.holdout["low"] > 0 for one in outcomes)
            passed = sum(one.verdict in ("confirmed", "likely") for one in outcomes)
            print(
                f"{strategy}, shuffled: {passed} of {len(outcomes)} confirmed or likely, {above} "
                "hold-out intervals above zero, "
                f"mean accuracy on test {mean([one.test_after for one in outcomes]):.3f}"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
