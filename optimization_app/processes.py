"""How workers start `manage.py` in a process of its own, and end all that is left of one."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from django.conf import settings


def manage_command(*arguments: str) -> list[str]:
    """Return the command line of a management command.

    Whoever starts it has run the system checks, which load every page and route for a second.
    """
    manage = str(Path(settings.BASE_DIR) / "manage.py")
    return [sys.executable, manage, *arguments, "--skip-checks"]


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a session of its own, with whatever it started.

    The group is empty when it ended by itself.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
