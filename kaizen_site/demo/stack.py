"""The processes of the demo: started together, stopped together, and only those."""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx

PATIENCE_S = 60


class DemoFailed(Exception):
    """A step of the demo did not happen."""


def free_port(preferred: int = 0) -> int:
    """Return the preferred port when nobody listens there, else one the system picks."""
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise DemoFailed("no free port on 127.0.0.1")


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the demo's lock, or say that another demo holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            message = f"a demo is already running here (process {file.read().strip() or 'unknown'})"
            raise DemoFailed(f"{message}; stop it with Ctrl-C first") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _end_with_parent() -> None:
    """On Linux, let the kernel end a child whose demo was killed without a chance to stop it."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


class Stack:
    """Child processes in process groups of their own, each with a log file."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self.environment = {**os.environ, **environment}
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *arguments: str) -> None:
        with self.log_of(name).open("wb") as log:
            self.running[name] = subprocess.Popen(  # noqa: S603
                [sys.executable, *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - no threads here
            )

    def run(self, name: str, *arguments: str) -> str:
        """Run one process to its end and return what it printed; DemoFailed if it failed."""
        done = subprocess.run(  # noqa: S603
            [sys.executable, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S * 3,
            check=False,
        )
        self.log_of(name).write_text(done.stdout + done.stderr, encoding="utf-8")
        if done.returncode:
            raise DemoFailed(f"{name} failed: {done.stderr.strip()[-600:]}")
        return done.stdout.strip()

    def log_of(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def wait_for(self, name: str, url: str) -> None:
        """Return once the URL answers 200; DemoFailed if its process ends or takes too long."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            self.check()
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(url, timeout=2).status_code == httpx.codes.OK:
                    return
            time.sleep(0.1)
        raise DemoFailed(f"{name} did not answer at {url}; see {self.log_of(name)}")

    def check(self) -> None:
        for name, process in self.running.items():
            if process.poll() is not None:
                tail = self.log_of(name).read_text(errors="replace")[-600:]
                raise DemoFailed(f"{name} ended with {process.returncode}: {tail}")

    def stop(self) -> None:
        """Ask every main process to end, then end what is left of its group."""
        for process in reversed(self.running.values()):
            if process.poll() is None:
                process.terminate()
        for process in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.running.clear()
