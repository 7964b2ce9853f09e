"""Keep DSPy's prints, progress bars and log lines off our own output."""

import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast


class _Muted(io.TextIOBase):
    """Discards what is written, except by a thread that is speaking for us."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if getattr(_voice, "is_ours", False):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        if getattr(_voice, "is_ours", False):
            self._stream.flush()


_voice = threading.local()
_lock = threading.Lock()
_open: list[tuple[TextIO, TextIO]] = []


@contextmanager
def quiet() -> Iterator[None]:
    """Mute stdout and stderr of the process; the last of several blocks to end restores them."""
    with _lock:
        if not _open:
            sys.stdout, sys.stderr = _mute(sys.stdout, sys.stderr)
        else:
            _open.append(_open[0])
    try:
        yield
    finally:
        with _lock:
            saved = _open.pop()
            if not _open:
                sys.stdout, sys.stderr = saved


@contextmanager
def speaking() -> Iterator[None]:
    """Let this thread print inside `quiet`: what it runs is ours."""
    _voice.is_ours = True
    try:
        yield
    finally:
        _voice.is_ours = False


def _mute(stdout: TextIO, stderr: TextIO) -> tuple[TextIO, TextIO]:
    _open.append((stdout, stderr))
    return cast(TextIO, _Muted(stdout)), cast(TextIO, _Muted(stderr))
