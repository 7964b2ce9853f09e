"""Write `.env` with fresh keys, readable by its owner alone. `make setup` runs this."""

import base64
import os
import secrets
import sys
from pathlib import Path


def write_environment_file(path: Path) -> bool:
    """Create the file if there is none; return whether it was created."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    lines = [f"KAIZEN_SECRET_KEY={secrets.token_urlsafe(48)}", f"KAIZEN_ENCRYPTION_KEYS={key}"]
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return True


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ".env")
    word = "written" if write_environment_file(target) else "kept"
    sys.stdout.write(f"{target}: {word}\n")
