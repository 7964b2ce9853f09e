"""The database work of a feedback without Kaizen around it: pgbench, and COPY."""

import json
import re
import statistics
import subprocess
import threading
import time
import uuid
from pathlib import Path

import psycopg

from bench.contest import Shot
from bench.hot_site import TEXT, HotSite
from feedback_app.ingest import COLUMNS, NAMES, POSTGRESQL

SPEED = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
CONTENT_HASH = "c" * 64
MARK = "@@"
LATENCY_COLUMN = 2


class BareSql:
    """What it inserts goes to the task `bare`, and is in all else what a post inserts."""

    def __init__(self, site: HotSite, folder: Path, seconds: int) -> None:
        self._url = site.database_url
        self._folder = folder
        self._seconds = seconds
        self._row = {
            "public_id": MARK,
            "project_id": site.project,
            "task_id": site.tasks["bare"],
            "event_id": MARK,
            "content_hash": CONTENT_HASH,
            "inputs": {"text": TEXT},
            "output": {"label": "card_arrival"},
            "score": 1.0,
            "thumb": None,
            "comment": "",
            "corrected_output": None,
            "metrics": {},
            "metadata": {},
            "origin": "random",
            "prompt_hash": "",
            "created_at": "2026-01-01 00:00:00",
        }
        self._insert = self._script("insert", self._insert_statement())
        self._count = self._script("count", self._counted_statement())

    def inserted(self, clients: int) -> Shot:
        return Shot(self._pgbench(self._insert, clients))

    def counted(self, clients: int) -> Shot:
        return Shot(self._pgbench(self._count, clients))

    def latency(self) -> Shot:
        """Return the median of one client's INSERT and commit, in microseconds."""
        for old in self._folder.glob("latency.*"):
            old.unlink()
        self._pgbench(self._insert, 1, "--log", f"--log-prefix={self._folder / 'latency'}")
        (log,) = self._folder.glob("latency.*")
        lines = log.read_text(encoding="utf-8").splitlines()
        return Shot(statistics.median(float(line.split()[LATENCY_COLUMN]) for line in lines))

    def copied(self, clients: int, rows: int) -> Shot:
        """Return the rows a second of COPY with a commit after every `rows` of them."""
        counts: list[int] = []
        threads = [
            threading.Thread(target=self._copy_for_a_while, args=(rows, counts))
            for _ in range(clients)
        ]
        start = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Shot(sum(counts) / (time.monotonic() - start), errors=clients - len(counts))

    def _copy_for_a_while(self, rows: int, counts: list[int]) -> None:
        line = "\t".join(self._copied_value(name) for name in COLUMNS)
        lines = "".join(line.replace(MARK, f"{MARK}{row:08x}") + "\n" for row in range(rows))
        statement = f"COPY feedback_app_feedback ({NAMES}) FROM STDIN".encode()
        end, stored = time.monotonic() + self._seconds, 0
        with psycopg.connect(self._url) as connection, connection.cursor() as cursor:
            while time.monotonic() < end:
                with cursor.copy(statement) as copy:
                    copy.write(lines.replace(MARK, uuid.uuid4().hex[:24]))
                connection.commit()
                stored += rows
        counts.append(stored)

    def _copied_value(self, name: str) -> str:
        value = self._row[name]
        if value is None:
            return "\\N"
        return value if isinstance(value, str) else json.dumps(value)

    def _insert_statement(self) -> str:
        values = ", ".join(self._literal(name) for name in COLUMNS)
        return f"INSERT INTO feedback_app_feedback ({NAMES}) VALUES ({values})"

    def _literal(self, name: str) -> str:
        value = self._row[name]
        if value is None:
            return "NULL"
        if value == MARK:
            return f"gen_random_uuid()::{COLUMNS[name]}"
        text = value if isinstance(value, str) else json.dumps(value)
        return f"'{text}'::{COLUMNS[name]}"

    def _counted_statement(self) -> str:
        row = json.dumps([self._row]).replace(MARK, "' || gen_random_uuid() || '")
        return POSTGRESQL.replace("%s::jsonb", f"('{row}')::jsonb")

    def _script(self, name: str, statement: str) -> Path:
        path = self._folder / f"{name}.sql"
        path.write_text(" ".join(statement.split()) + ";\n", encoding="utf-8")
        return path

    def _pgbench(self, script: Path, clients: int, *more: str) -> float:
        done = subprocess.run(
            ["pgbench", "--no-vacuum", "--protocol=prepared", "--jobs=1", f"--client={clients}",
             f"--time={self._seconds}", f"--file={script}", *more, self._url],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found = SPEED.search(done.stdout)
        assert found, done.stdout + done.stderr
        return float(found[1])
