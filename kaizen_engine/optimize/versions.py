"""What a run was made with: where a replay that differs looks first."""

import platform
from importlib.metadata import version


def versions_of(*packages: str) -> dict[str, str]:
    """Return the versions of Python and of these packages, all of which are installed."""
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
