"""How workers start `manage.py` in a process of its own, and end all that is left of one."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from django.conf import settings


def manage_command(*arguments: str) -> list[str]:
    return [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), *arguments]


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a session of its own, with whatever it started.

    The group is empty when it ended by itself.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
