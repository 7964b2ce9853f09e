"""What a call of the SDK costs the application, with its sender running against a real server.

    python -m bench.sdk_calls [--rounds 7] [--peers]

Single calls are timed, in turn, in one process; the median holds the clock's own cost, which the
empty call shows. `--peers` installs Langfuse into a throw-away environment and times it against a
stand-in that answers at once, in a process of its own.
"""

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path

from bench.hot_site import TEXT, HotSite
from kaizen_sdk import CTClient

CALLS = 2_000
FLUSH_S = 30.0
PEERS = Path(__file__).with_name("sdk_peers.py")
Call = Callable[[], object]


def p50_us(call: Call) -> float:
    """Return the median of single calls in microseconds."""
    gc.collect()
    clock = time.perf_counter_ns
    taken = []
    for _ in range(CALLS):
        start = clock()
        call()
        taken.append(clock() - start)
    return statistics.median(taken) / 1000


def measure(site: HotSite, rounds: int) -> dict[str, float]:
    with CTClient(site.address, site.key) as client:
        inputs = {"text": TEXT}
        calls: dict[str, Call] = {
            "empty call": lambda: None,
            "get_prompt": lambda: client.get_prompt("sort"),
            "log_feedback": lambda: client.log_feedback("sort", inputs, "card_arrival", score=1.0),
        }
        taken: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(rounds):
            for name, call in calls.items():
                call()
                taken[name].append(p50_us(call))
                if not client.flush(FLUSH_S):
                    sys.exit("the feedback was not delivered")
        check_delivered(client, rounds)
    return {name: statistics.median(values) for name, values in taken.items()}


def check_delivered(client: CTClient, rounds: int) -> None:
    stats = client.stats()
    if stats.delivered != rounds * (CALLS + 1) or stats.dropped or stats.rejected:
        sys.exit(f"not all feedback was stored: {stats}")


def measure_peers(folder: Path, rounds: int) -> dict[str, float]:
    """Time Langfuse's calls in an environment of its own, which is removed afterwards."""
    venv.create(folder / "venv", with_pip=True)
    python = str(folder / "venv" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", "langfuse"], check=True)
    done = subprocess.run(
        [python, str(PEERS), "--rounds", str(rounds), "--calls", str(CALLS)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def lines(ours: dict[str, float], peers: dict[str, float]) -> list[str]:
    rows = [
        ("G6", "get_prompt", "under 0.5 µs, a quarter of Langfuse"),
        ("G7", "log_feedback", "under 3 µs, no slower than Langfuse"),
    ]
    table = ["| path | p50 µs | to Langfuse | target |", "|---|---|---|---|"]
    table.append(f"| empty call | {ours['empty call']:.2f} | - | - |")
    for goal, name, target in rows:
        ratio = f"{ours[name] / peers[name]:.2f}" if peers else "-"
        table.append(f"| {goal} {name} | {ours[name]:.2f} | {ratio} | {target} |")
    return table


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args(arguments if arguments is not None else [])
    with tempfile.TemporaryDirectory() as folder:
        with HotSite(Path(folder) / "site", "sqlite") as site:
            ours = measure(site, options.rounds)
        peers = measure_peers(Path(folder), options.rounds) if options.peers else {}
    print("\n".join(lines(ours, peers)))


if __name__ == "__main__":
    main(sys.argv[1:])
