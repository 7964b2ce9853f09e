"""Names of branches and paths that are safe in every command line, file system and host."""

import re

from kaizen_engine.errors import GitRefused

LONGEST_PATH = 255
PROMPT_ENDINGS = (".prompt.yml", ".prompt.yaml")
_PART = re.compile(r"[A-Za-z0-9_.@+]([A-Za-z0-9_.@+ -]*[A-Za-z0-9_@+-])?")
_BRANCH_PART = re.compile(r"[A-Za-z0-9_+][A-Za-z0-9_.+-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def check_path(path: str) -> str:
    """Return the path of a prompt file inside a repository. Raises GitRefused."""
    parts = path.split("/")
    if len(path) > LONGEST_PATH or not path.endswith(PROMPT_ENDINGS):
        raise GitRefused(f"the path must end with {PROMPT_ENDINGS[0]}: {path[:80]!r}")
    for part in parts:
        if not _PART.fullmatch(part) or part.lower() in {".", "..", ".git", "git~1"}:
            raise GitRefused(f"the path must stay inside the repository: {path[:80]!r}")
    return path


def check_branch(name: str) -> str:
    """Return the name of a branch. Raises GitRefused for what git or a shell could misread."""
    parts = name.split("/")
    for part in parts:
        good = _BRANCH_PART.fullmatch(part) and not part.endswith((".", ".lock"))
        if not good or ".." in part or len(name) > LONGEST_PATH or _COMMIT.fullmatch(name):
            raise GitRefused(f"this is no name for a branch: {name[:80]!r}")
    return name


def is_commit(text: str) -> bool:
    return _COMMIT.fullmatch(text) is not None


def head_branch(task: str, version_hash: str) -> str:
    """Return the branch of one version: the natural key by which it is proposed once."""
    return check_branch(f"kaizen/{task}/{version_hash[:12]}")
