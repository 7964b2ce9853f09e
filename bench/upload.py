"""What a large dataset costs the web process: seconds, and the most memory it ever held.

    python -m bench.upload [--megabytes 100] [--database sqlite|postgresql]

The file goes over HTTP to granian as `make run` starts it. One line in a thousand is broken. The
memory is VmHWM, the kernel's own record, of the largest process of the tree.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import httpx

from bench.hot_site import HotSite

BROKEN_EVERY = 1000
WORDS = "the card that was ordered two weeks ago has still not arrived and nobody answers " * 3


def write_rows(path: Path, megabytes: int) -> tuple[int, int]:
    """Write JSON lines; return how many are good and how many are broken."""
    good = broken = 0
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < megabytes * 2**20:
            if (good + broken) % BROKEN_EVERY == BROKEN_EVERY - 1:
                file.write('{"text": "no end\n')
                broken += 1
                continue
            row = {"text": f"message {good}: {WORDS}", "label": "card_arrival"}
            file.write(json.dumps(row) + "\n")
            good += 1
    return good, broken


def most_memory(pids: list[int]) -> int:
    """Return the most MiB that one of the processes ever held."""
    found = [0]
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                found.append(int(line.split()[1]) // 1024)
    return max(found)


def measure(site: HotSite, path: Path) -> tuple[float, dict[str, object]]:
    began = time.monotonic()
    with path.open("rb") as file:
        answer = httpx.post(
            f"{site.address}/api/v1/datasets/upload",
            headers={"X-API-Key": site.key},
            data={"name": "much", "task": "sort", "input_fields": "text", "output_fields": "label"},
            files={"file": (path.name, file)},
            timeout=1200,
        )
    answer.raise_for_status()
    return time.monotonic() - began, answer.json()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--database", default="sqlite")
    options = parser.parse_args(arguments if arguments is not None else [])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        good, broken = write_rows(path, options.megabytes)
        with HotSite(Path(folder) / "s", options.database) as site:
            pids = site.pids("granian")
            idle = most_memory(pids)
            seconds, body = measure(site, path)
            peak = most_memory(pids)
        assert (body["stored"], body["failed"]) == (good, broken), body
        print("| file | database | rows | refused, by line | s | idle MiB | peak MiB |")
        print("|---|---|---|---|---|---|---|")
        print(
            f"| {options.megabytes} MiB | {options.database} | {good:,} | {broken} "
            f"| {seconds:.0f} | {idle} | {peak} |"
        )


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
