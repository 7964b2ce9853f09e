"""How long the web process takes to start and what it holds when idle, beside bare Django.

    python -m bench.start [--rounds 5] [--driver …/bench/server_stats.py]

Both run on granian with one worker. Memory is the proportional share (PSS) of the process tree.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.hot_site import GRANIAN, ROOT, THREADS, HotSite
from tests.installation import free_port

ANSWER = re.compile(r"^start ([0-9.]+) s .* PSS ([0-9]+) MiB", re.MULTILINE)
BARE, KAIZEN = "bench.bare_django:application", "kaizen_site.wsgi:application"


def measure(driver: Path, site: HotSite, application: str) -> tuple[float, float]:
    """Return the seconds from start to the first answer, and the idle PSS in MiB."""
    port = str(free_port())
    granian = str(Path(sys.executable).parent / "granian")
    command = [granian, *GRANIAN, *THREADS, "--port", port, application]
    done = subprocess.run(
        [sys.executable, str(driver), "--runs", "1", "--health", f"http://127.0.0.1:{port}/health",
         "--", *command],
        cwd=ROOT, env=site.environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = ANSWER.search(done.stdout)
    assert found, done.stdout
    return float(found[1]), float(found[2])


def lines(taken: dict[str, list[tuple[float, float]]]) -> list[str]:
    starts, sizes = (
        {name: statistics.median(pair[part] for pair in pairs) for name, pairs in taken.items()}
        for part in (0, 1)
    )
    table = ["| G10 | start, ratio | idle PSS, ratio | idle PSS, MiB more |", "|---|---|---|---|"]
    for name in taken:
        start, size = starts[name] / starts["bare Django"], sizes[name] / sizes["bare Django"]
        more = sizes[name] - sizes["bare Django"]
        table.append(f"| {name} | {start:.2f} | {size:.2f} | {more:+.0f} |")
    table.append(f"| target for kaizen | under 2 s (here {starts['kaizen']:.2f} s) | - | +40 |")
    return table


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--driver", type=Path, default=ROOT.parent / "shared/bench/server_stats.py")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments if arguments is not None else [])
    servers = {"bare Django": BARE, "the same again (A/A)": BARE, "kaizen": KAIZEN}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
    with tempfile.TemporaryDirectory() as folder, HotSite(Path(folder) / "s", "sqlite") as site:
        for _ in range(options.rounds):
            for name, application in servers.items():
                taken[name].append(measure(options.driver, site, application))
    print("\n".join(lines(taken)))


if __name__ == "__main__":
    main(sys.argv[1:])
