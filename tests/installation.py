"""A whole Kaizen of a test's own: a fresh database, its processes, and nothing shared.

The database is a copy of a migrated template, which is made once a machine and set of migrations.
"""

import base64
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import httpx
import psycopg
import pytest

ROOT = Path(__file__).resolve().parent.parent
POSTGRES_URL = os.environ.get("KAIZEN_TEST_POSTGRES_URL", "postgres://root@127.0.0.1:5432/postgres")
CONSOLE = """
import contextlib, io, json, sys, traceback
import django
django.setup()
for line in sys.stdin:
    names, printed = {}, io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(json.loads(line), names)
        answer = {"result": names.get("result")}
    except BaseException:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer, default=str), flush=True)
"""


class Installation:
    """One installation in `folder`; use it as a context manager, or call `stop`."""

    def __init__(self, folder: Path, database: str = "sqlite", **environment: str) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self._console: subprocess.Popen[str] | None = None
        self._database_url = ""
        folder.mkdir(parents=True, exist_ok=True)
        self.data_dir = folder / "var"
        self.data_dir.mkdir()
        self.environment = _clean_environment() | {
            "KAIZEN_DATA_DIR": str(self.data_dir),
            **environment,
        }
        make = {"sqlite": self._sqlite_url, "postgres": self._postgres_url}[database]
        self._database_url = self.environment["DATABASE_URL"] = make()

    def __enter__(self) -> "Installation":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _sqlite_url(self) -> str:
        path = self.data_dir / "kaizen.sqlite3"
        shutil.copyfile(sqlite_template(), path)
        return f"sqlite:///{path}"

    def _postgres_url(self) -> str:
        name = f"kaizen_test_{uuid4().hex[:16]}"
        template = postgres_template()
        with _maintenance() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return _with_database(POSTGRES_URL, name)

    def start_process(self, name: str, *argv: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a process in a session of its own; its output goes to `<folder>/<name>.log`."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                argv,
                env=self.environment | environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def start_manage(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        return self.start_process(name, sys.executable, "manage.py", *arguments)

    def start_web(self) -> str:
        """Serve the site on a free port and return its base address once it answers."""
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        self.environment["KAIZEN_BASE_URL"] = address
        process = self.start_process(
            "web",
            str(Path(sys.executable).parent / "granian"),
            *("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)),
            "kaizen_site.wsgi:application",
        )
        wait_until(lambda: _answers(f"{address}/health", process), 60, "the site to answer")
        return address

    def start_worker(self) -> subprocess.Popen[bytes]:
        return self.start_manage("work", "work")

    def manage(self, *arguments: str) -> str:
        """Run a management command and return its output; a failing one raises."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def shell(self, python: str) -> Any:
        """Run Python in one process that lives as long as this; return the value of `result`."""
        if self._console is None:
            self._console = self._start_console()
        assert self._console.stdin is not None
        assert self._console.stdout is not None
        self._console.stdin.write(json.dumps(python) + "\n")
        self._console.stdin.flush()
        line = self._console.stdout.readline()
        assert line, f"the console ended: {(self.folder / 'console.log').read_text()}"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def _start_console(self) -> "subprocess.Popen[str]":
        with (self.folder / "console.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-c", CONSOLE],
                env=self.environment,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def stop(self) -> None:
        """End what this started, and what those started in turn; remove the database."""
        if self._console is not None:
            for stream in (self._console.stdin, self._console.stdout):
                if stream is not None:
                    stream.close()
            self._console.wait(10)
            self._console = None
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        deadline = time.monotonic() + 10
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
        for pid in self.pids():
            _end(pid)
        for process in self.processes:
            process.wait(10)
        self.processes.clear()
        self._drop_database()

    def pids(self, word: str = "") -> list[int]:
        """Return every process of this installation whose command line holds `word`."""
        marker = f"KAIZEN_DATA_DIR={self.data_dir}".encode()
        return [
            pid
            for pid, environment, command in _processes()
            if pid != os.getpid() and marker in environment.split(b"\0") and word in command
        ]

    def _drop_database(self) -> None:
        if not self._database_url.startswith("postgres"):
            return
        name = urlsplit(self._database_url).path.strip("/")
        with _maintenance() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until(condition: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """Return the first true value of `condition`, or fail saying what was waited for."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    pytest.fail(f"waited {timeout_s:g} s in vain for {what}")


def sqlite_template() -> Path:
    """Return a migrated SQLite file, made on first use."""
    path = Path(tempfile.gettempdir()) / f"kaizen-template-{os.getuid()}-{_migrations_hash()}"
    with _locked(path):
        if not path.exists():
            fresh = path.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            _migrate(f"sqlite:///{fresh}")
            fresh.rename(path)
    return path


def postgres_template() -> str:
    """Return the name of a migrated PostgreSQL database; skip the test where there is none."""
    name = f"kaizen_template_{_migrations_hash()}"
    with _maintenance() as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
        row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if row is None:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}_new"')
            connection.execute(f'CREATE DATABASE "{name}_new"')
            _migrate(_with_database(POSTGRES_URL, f"{name}_new"))
            connection.execute(f'ALTER DATABASE "{name}_new" RENAME TO "{name}"')
    return name


def require_postgres() -> None:
    """Skip, except in continuous integration, where a missing PostgreSQL is a failure."""
    try:
        psycopg.connect(POSTGRES_URL, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        reason = f"no PostgreSQL at KAIZEN_TEST_POSTGRES_URL ({str(error).strip()})"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@contextlib.contextmanager
def _maintenance() -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    require_postgres()
    with psycopg.connect(POSTGRES_URL, autocommit=True) as connection:
        yield connection


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _migrations_hash() -> str:
    digest = hashlib.sha256()
    for path in sorted(ROOT.glob("*_app/migrations/*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _migrate(database_url: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity=0"],
        env=_clean_environment() | {"DATABASE_URL": database_url},
        cwd=ROOT,
        check=True,
    )


def _clean_environment() -> dict[str, str]:
    """The surrounding environment without its Kaizen, and with keys for tests.

    Processes may write bytecode even where a shell forbids it: each would compile Kaizen anew.
    """
    ours = ("KAIZEN_", "DATABASE_URL", "REDIS_URL", "Q_CLUSTER_NAME", "DJANGO_", "PYTEST_", "COV_")
    ours += ("PYTHONDONTWRITEBYTECODE",)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "kaizen_site.settings",
        "KAIZEN_ENV_FILE": os.devnull,
        "KAIZEN_SECRET_KEY": "a-secret-for-tests-only-" * 3,
        "KAIZEN_ENCRYPTION_KEYS": base64.urlsafe_b64encode(b"k" * 32).decode("ascii"),
        "KAIZEN_ALLOWED_HOSTS": "localhost,127.0.0.1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "sdk" / "src")]),
    }


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the process ended"
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(url, timeout=2).status_code == 200
    return False


def _processes() -> Iterator[tuple[int, bytes, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                yield int(entry.name), (entry / "environ").read_bytes(), command


def _end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
