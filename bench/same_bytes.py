"""The hold-out of a job on Banking77, sent in four ways: the same bytes, the same accuracy.

    python -m bench.same_bytes [--data ../shared/data/banking77]

The senders are those of `tests/contract/four_ways.py`; one has nothing but the `openai` package and
the artifact saved from `GET /tasks/{slug}/prompt`. The model server hashes what it receives.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from bench.banking77 import TASK_SCRIPT, Bench, read
from bench.installation import ROOT, Running, installation
from tests.contract.four_ways import STORED, Sent, Site, Stored, send_four_ways

TASK = "same-bytes"
SHOW = STORED + "import json\nprint(json.dumps(stored))"


def optimized(bench: Bench, data: Path) -> Stored:
    """Run one job on the training rows, approve its prompt, and return what is stored about it."""
    train = read(data / "train.csv")
    codes = sorted({code for _, code in train})
    made = bench.site.manage(TASK_SCRIPT.format(slug=TASK, codes=codes))
    bench.log(TASK, train)
    bench.optimize(made["prompt_id"])
    return Stored(**bench.site.manage(SHOW))


def line(sent: Sent, stored: Stored) -> str:
    is_equal = "yes" if sent.hashes == stored.hashes else "NO"
    return (
        f"| {sent.sender} | {len(sent.hashes)} | {is_equal} "
        f"| {sent.accuracy:.4f} | {stored.accuracy:.4f} |"
    )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/banking77")
    options = parser.parse_args(arguments if arguments is not None else [])
    with installation() as running, tempfile.TemporaryDirectory() as folder:
        bench = Bench(running)
        stored = optimized(bench, options.data.absolute())
        site = site_of(running, bench, Path(folder))
        print(f"artifact {stored.hash}")
        print("| sender | messages | equal to the stored hashes | accuracy | stored |")
        print("|---|---|---|---|---|")
        sent = send_four_ways(site, stored)
        for one in sent:
            print(line(one, stored))
    if any(one.hashes != stored.hashes or one.accuracy != stored.accuracy for one in sent):
        sys.exit("what was scored is not what was sent")


def site_of(running: Running, bench: Bench, folder: Path) -> Site:
    key = str(bench.http.headers["X-API-Key"])
    return Site(running.url, key, running.model_url, running.model_log, folder)


if __name__ == "__main__":
    main(sys.argv[1:])
