"""Run the system's git: fixed arguments, no shell, nobody's configuration, a time limit."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kaizen_engine.errors import GitError, GitRefused, GitUnavailable

TIMEOUT_S = 60.0
LONGEST_MESSAGE = 300
PROTOCOLS = frozenset({"file", "http", "https"})
_OPTIONS = (
    *("core.hooksPath=/dev/null", "core.fsmonitor=false", "credential.helper="),
    *("http.followRedirects=false", "http.lowSpeedLimit=1000", "http.lowSpeedTime=30"),
    *("gc.auto=0", "maintenance.auto=false", "fetch.recurseSubmodules=false"),
)
_KEPT = ("PATH", "GIT_SSL_CAINFO", "GIT_EXEC_PATH")
_REFUSED = (
    *("authentication failed", "could not read username", "returned error: 40", "403"),
    *("hook declined", "protected branch", "not found", "does not appear to be a git repository"),
    *("permission denied", "access denied", "not allowed"),
)


@dataclass(frozen=True)
class Done:
    code: int
    out: bytes
    error: str

    @property
    def text(self) -> str:
        return self.out.decode("utf-8", "replace").strip()


@dataclass(frozen=True)
class Git:
    """Git over one repository. `pin` is `host:port:address`, so that no other address is called."""

    git_dir: Path
    remote: str = ""
    pin: str = ""
    timeout_s: float = TIMEOUT_S

    def run(
        self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> Done:
        """Return what git answered, whatever its exit code. Raises GitUnavailable, GitRefused."""
        command = ["git", *self._options(), f"--git-dir={self.git_dir}", *arguments]
        try:
            process = subprocess.Popen(  # noqa: S603 - fixed arguments, no shell
                command,
                env={**self._environment(), **(environment or {})},
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise GitRefused("git is not installed on this machine") from error
        return self._answer(process, stdin)

    def ask(
        self, *arguments: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> str:
        """Return the output of a command that must succeed."""
        done = self.run(*arguments, stdin=stdin, environment=environment)
        if done.code:
            raise failure(arguments[0], done)
        return done.text

    def _answer(self, process: "subprocess.Popen[bytes]", stdin: bytes) -> Done:
        try:
            out, error = process.communicate(stdin, timeout=self.timeout_s)
        except subprocess.TimeoutExpired as late:
            # Its helpers share the session, and would go on without it.
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise GitUnavailable(f"git took longer than {self.timeout_s:g} s") from late
        return Done(process.returncode, out, error.decode("utf-8", "replace"))

    def _options(self) -> Sequence[str]:
        pinned = [f"http.curloptResolve={self.pin}"] if self.pin else []
        return [word for option in (*_OPTIONS, *pinned) for word in ("-c", option)]

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        scheme = urlsplit(self.remote).scheme
        return kept | {
            "LC_ALL": "C",
            "HOME": "/nonexistent",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": scheme if scheme in PROTOCOLS else "none",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
        }


def failure(what: str, done: Done) -> GitError:
    """Return the error for a command that failed: refused for good, or worth another try."""
    said = " ".join(f"{done.text} {done.error}".split())[:LONGEST_MESSAGE]
    is_refused = any(word in said.lower() for word in _REFUSED)
    kind = GitRefused if is_refused else GitUnavailable
    return kind(f"git {what} failed: {said or done.code}")
