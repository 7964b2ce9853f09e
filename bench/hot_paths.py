"""The hot paths of the API beside the same work done bare, in turn, on one machine.

    python -m bench.hot_paths [--only G1,G2] [--rounds 7] [--seconds 5] [--driver …/bench/ab.py]

Needs wrk, pgbench, a PostgreSQL (KAIZEN_TEST_POSTGRES_URL) and the `ab.py` driver. Prints ratios to
the first contender of each path, of rates where nothing else is said.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.bare_sql import BareSql
from bench.contest import HEADER, Contender, Contest, Wrk
from bench.hot_site import ROOT, HotSite, body, write_lines

CONNECTIONS = 16
BATCH_CONNECTIONS = 4
BATCH = 100
FEW, MANY = 1_000, 300_000
ENOUGH_STORED = 0.98


class Paths:
    """One folder, one driver, and what every path needs of them."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.rounds: int = options.rounds
        self.seconds: int = options.seconds
        self.wrk = Wrk(options.driver, folder, options.seconds)
        self.sites = 0

    @contextmanager
    def site(self, database: str) -> Iterator[HotSite]:
        self.sites += 1
        with HotSite(self.folder / f"site-{self.sites}", database) as site:
            yield site

    def posted(self, site: HotSite, name: str, lines: list[str], items: int = 1) -> dict[str, Any]:
        path = write_lines(self.folder / f"{name}.jsonl", lines)
        address = "/api/v1/feedback" + ("/batch" if items > 1 else "")
        return site.target(address, method="POST", body=str(path), uniq=True, items=items)

    def play(self, path: str, contenders: list[Contender]) -> list[str]:
        return Contest(path, contenders).run(self.rounds).lines()

    def check_stored(self, *sites: HotSite) -> None:
        """End unless nearly every row accepted on this path is stored; warming up stores more."""
        accepted, self.wrk.accepted = self.wrk.accepted, 0.0
        stored = sum(site.count_rows("sort") for site in sites)
        if stored < ENOUGH_STORED * accepted:
            sys.exit(f"{accepted:.0f} rows were accepted and only {stored} are stored")


def prompt_get(paths: Paths) -> list[str]:
    """G1: the live prompt against an empty view on the same server."""
    with paths.site("postgres") as site:
        bare = {"url": f"{site.start_bare()}/empty/sort"}
        ours = site.target("/api/v1/tasks/sort/prompt")
        rate = partial(paths.wrk.rate, connections=CONNECTIONS)
        return paths.play(
            "G1 GET prompt, 16 connections",
            [
                Contender("empty view, no middleware", lambda: rate(bare)),
                Contender("the same again (A/A)", lambda: rate(bare)),
                Contender("kaizen", lambda: rate(ours), "at least 0.8"),
            ],
        )


def feedback_post(paths: Paths) -> list[str]:
    """G2: one feedback a request against pgbench with the same INSERT and commit."""
    with paths.site("postgres") as site, paths.site("sqlite") as small:
        sql = BareSql(site, paths.folder, paths.seconds)
        rate = partial(paths.wrk.rate, connections=CONNECTIONS)
        ours = paths.posted(site, "one", [body("sort")])
        on_sqlite = paths.posted(small, "small", [body("sort")])
        paths.wrk.accepted = 0.0
        contenders = [
            Contender("pgbench, our statement with its counter", partial(sql.counted, CONNECTIONS)),
            Contender("the same again (A/A)", partial(sql.counted, CONNECTIONS)),
            Contender("pgbench, the INSERT alone", partial(sql.inserted, CONNECTIONS)),
            Contender("kaizen on PostgreSQL", lambda: rate(ours), "at least 0.6"),
            Contender("kaizen on SQLite", lambda: rate(on_sqlite)),
        ]
        lines = paths.play("G2 POST feedback, 16 connections", contenders)
        paths.check_stored(site, small)
        return lines


def feedback_latency(paths: Paths) -> list[str]:
    """G3: the median of one feedback on one connection against a bare commit."""
    with paths.site("postgres") as site, paths.site("sqlite") as small:
        sql = BareSql(site, paths.folder, paths.seconds)
        p50 = partial(paths.wrk.latency, connections=1)
        ours = paths.posted(site, "one", [body("sort")])
        on_sqlite = paths.posted(small, "small", [body("sort")])
        contenders = [
            Contender("pgbench, the INSERT alone", sql.latency),
            Contender("the same again (A/A)", sql.latency),
            Contender("kaizen on PostgreSQL", lambda: p50(ours), "at most 2"),
            Contender("kaizen on SQLite", lambda: p50(on_sqlite)),
        ]
        return paths.play("G3 POST feedback, 1 connection, p50", contenders)


def feedback_batch(paths: Paths) -> list[str]:
    """G4: a batch of 100 against COPY of 100 rows and a commit."""
    with paths.site("postgres") as site:
        sql = BareSql(site, paths.folder, paths.seconds)
        rate = partial(paths.wrk.rate, connections=BATCH_CONNECTIONS)
        items = ",".join(body("sort", f"-{row}") for row in range(BATCH))
        ours = paths.posted(site, "batch", [f"[{items}]"], items=BATCH)
        copied = partial(sql.copied, BATCH_CONNECTIONS, BATCH)
        contenders = [
            Contender("COPY and commit", copied),
            Contender("the same again (A/A)", copied),
            Contender("kaizen", lambda: rate(ours), "at least 0.6"),
        ]
        paths.wrk.accepted = 0.0
        lines = paths.play("G4 batch of 100, 4 connections, rows", contenders)
        paths.check_stored(site)
        return lines


def threshold_check(paths: Paths) -> list[str]:
    """G12: the same post where 1,000 and where 300,000 rows of the task wait for a job."""
    with paths.site("postgres") as site:
        site.fill("few", FEW)
        site.fill("many", MANY)
        p50 = partial(paths.wrk.latency, connections=1)
        targets = {slug: paths.posted(site, slug, [body(slug)]) for slug in ("few", "many")}
        contenders = [
            Contender(f"{FEW:,} rows wait", lambda: p50(targets["few"])),
            Contender("the same again (A/A)", lambda: p50(targets["few"])),
            Contender(f"{MANY:,} rows wait", lambda: p50(targets["many"]), "as A/A"),
        ]
        lines = paths.play("G12 POST feedback, 1 connection, p50", contenders)
        statements = site.count_statements("few")
        return [*lines, f"| G12 statements of one post | kaizen | {statements} | - | 1 | 0 |"]


PATHS: dict[str, Callable[[Paths], list[str]]] = {
    "G1": prompt_get,
    "G2": feedback_post,
    "G3": feedback_latency,
    "G4": feedback_batch,
    "G12": threshold_check,
}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--driver", type=Path, default=ROOT.parent / "shared/bench/ab.py")
    parser.add_argument("--only", default=",".join(PATHS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args(arguments if arguments is not None else [])
    missing = [name for name in ("wrk", "pgbench") if not shutil.which(name)]
    if missing or not options.driver.exists():
        sys.exit(f"this needs {' and '.join(missing) or options.driver}")
    print(HEADER)
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder), options)
        for name in options.only.split(","):
            print("\n".join(PATHS[name](paths)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
