"""`make bench`: say what can be measured; `python -m bench.<name>` runs one."""

import sys
from importlib import import_module

BENCHES = {
    "banking77": "a job of each strategy on real customer questions, and its shuffled control",
    "plain_dspy": "an optimization job beside a plain DSPy script (G11)",
    "same_bytes": "one hold-out sent by four senders, compared byte by byte",
    "hot_paths": "requests a second beside the same work done bare (wrk, pgbench, PostgreSQL)",
    "sdk_calls": "what a call of the SDK costs the application",
    "upload": "a dataset of 100 MiB over HTTP: seconds and peak memory of the web process",
    "pages": "every page over a million feedback rows: milliseconds and statements (PostgreSQL)",
    "start": "start time and idle memory of the web process beside bare Django",
}


def main(names: list[str]) -> None:
    for name in names or BENCHES:
        if name not in BENCHES:
            sys.exit(f"unknown benchmark {name!r}; there are: {', '.join(BENCHES)}")
        import_module(f"bench.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
