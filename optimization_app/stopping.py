"""How a worker learns that it should stop: end of file on a pipe `manage.py work` holds open.

The kernel closes the pipe when that process dies, however it dies, so nobody can forget to say so.
"""

import os
import select
import signal
from pathlib import Path

STOP_FD = "KAIZEN_STOP_FD"


def stop_requested(timeout_s: float = 0.0) -> bool:
    """Tell whether `work` has closed its end; waits at most `timeout_s` for that."""
    descriptor = os.environ.get(STOP_FD)
    if not descriptor:
        return False
    readable, _, _ = select.select([int(descriptor)], [], [], timeout_s)
    return bool(readable)


def leave_if_orphaned() -> None:
    """End a cluster whose main process was killed: it would go on taking messages from others."""
    if os.environ.get(STOP_FD) and stop_requested() and not _is_alive(os.getpgrp()):
        os.killpg(os.getpgrp(), signal.SIGKILL)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """A container's first process may leave the dead unburied; other systems have no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[:1] == ["Z"]
