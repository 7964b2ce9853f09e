"""An optimization job beside a plain DSPy script: same rows, same optimizer, same model server.

    python -m bench.plain_dspy [--strategy bootstrap] [--rounds 2] [--trials 15]

The job runs in a real worker, with its journal in the database, budget, limiter and breaker. The
script is what a person would write without Kaizen; its adapter sends the same plain messages. The
model server takes 50 ms a call. Wall time is compared for each call, since the two do not always
make the same ones. The LLM share is the part of the wall time that waits for the model: all the
time of a call that bootstrapping makes alone, an eighth of one among an evaluation's eight.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.banking77 import Bench, Row, read
from bench.installation import ROOT, Running, installation
from kaizen_engine.optimize.strategy import STRATEGIES

THREADS = 8
LATENCY_MS = 50
FACTS_SCRIPT = """
import json
from django.db.models import Sum
from feedback_app.models import Example
from llm_app.models import CallRecord
from optimization_app.models import Job, Step
job = Job.objects.get(public_id={job_id!r})
rows = Step.objects.get(job=job, name="prepared").data["examples"]
found = Example.objects.in_bulk([row[0] for row in rows])
calls = CallRecord.objects.filter(subject=job.public_id)
seconds = {{role: calls.filter(role=role).aggregate(sum=Sum("latency_ms"))["sum"] or 0
           for role in ("student", "teacher")}}
print(json.dumps({{
    "wall_s": (job.finished_at - job.started_at).total_seconds(),
    "calls": calls.count(),
    "together_s": seconds["student"] / 1000,
    "alone_s": seconds["teacher"] / 1000,
    "seed": job.seed,
    "rows": [[found[pk].inputs["text"], found[pk].outputs["code"], split]
             for pk, split, *_ in rows],
}}))
"""


@dataclass(frozen=True)
class Run:
    """One run's calls, its wall time, and the time of calls made eight at once, and one by one."""

    calls: int
    wall_s: float
    together_s: float
    alone_s: float

    @property
    def ms_a_call(self) -> float:
        return 1000 * self.wall_s / self.calls

    @property
    def share(self) -> float:
        return (self.together_s / THREADS + self.alone_s) / self.wall_s


def measure(
    site: Running, bench: Bench, train: list[Row], strategy: str, number: int, trials: int
) -> tuple[Run, Run]:
    slug = f"{strategy}-{number + 1}"
    prompt_id = bench.task(slug, train)
    result = bench.optimize(prompt_id, strategy, num_trials=trials)
    facts: Any = site.manage(FACTS_SCRIPT.format(job_id=result["job_id"]))
    order = {"url": site.model_url, "strategy": strategy, "trials": trials, **facts}
    rows = site.model_log.parent / f"{slug}.json"
    rows.write_text(json.dumps(order), encoding="utf-8")
    start = time.monotonic()
    printed = subprocess.run(
        [sys.executable, "-m", "bench.plain_dspy_script", str(rows)],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    wall_s = time.monotonic() - start
    said = json.loads(printed.splitlines()[-1])
    ours = Run(facts["calls"], facts["wall_s"], facts["together_s"], facts["alone_s"])
    return ours, Run(said["calls"], wall_s, said["together_s"], said["alone_s"])


def line(strategy: str, ours: Run, plain: Run) -> str:
    return (
        f"| {strategy} | {ours.calls} | {ours.wall_s:.1f} | {ours.share:.2f} "
        f"| {plain.calls} | {plain.wall_s:.1f} | {plain.share:.2f} "
        f"| {ours.ms_a_call / plain.ms_a_call:.2f} |"
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/banking77")
    parser.add_argument("--strategy", choices=STRATEGIES, action="append")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--trials", type=int, default=15)
    options = parser.parse_args(arguments if arguments is not None else [])
    train = read(options.data / "train.csv")
    os.environ["KAIZEN_JOB_THREADS"] = str(THREADS)
    # Both start from compiled modules, as installed software does.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(ROOT / "var/bench-pycache")
    print(
        "| optimizer | job: calls | s | share | script: calls | s | share | ratio a call |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    with installation(LATENCY_MS) as site:
        bench = Bench(site)
        measure(site, bench, train, "bootstrap", -1, 1)
        for number in range(options.rounds):
            for strategy in options.strategy or STRATEGIES:
                runs = measure(site, bench, train, strategy, number, options.trials)
                print(line(strategy, *runs), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
