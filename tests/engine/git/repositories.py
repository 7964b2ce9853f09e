"""Repositories as people have them: a bare one, and a clone with a work tree to push from."""

import os
import subprocess
from pathlib import Path

PATH = "prompts/triage.prompt.yml"
ALICE = ("Alice", "alice@example.org")


def git(folder: Path, *arguments: str, person: tuple[str, str] = ALICE) -> str:
    name, email = person
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


class Checkout:
    """A person's clone of a repository."""

    def __init__(self, folder: Path, url: str, person: tuple[str, str] = ALICE) -> None:
        folder.mkdir()
        self.folder, self.person = folder, person
        self.git("clone", "--quiet", url, ".")

    def git(self, *arguments: str) -> str:
        return git(self.folder, *arguments, person=self.person)

    def write(self, path: str, text: str, message: str = "Edit") -> str:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)
        return self.git("rev-parse", "HEAD")

    def merge(self, branch: str, *flags: str) -> str:
        """Merge a branch of the remote into main and push it."""
        self.git("fetch", "--quiet")
        self.git("checkout", "--quiet", "main")
        self.git("reset", "--quiet", "--hard", "origin/main")
        self.git("merge", "--quiet", *(flags or ("--no-ff",)), f"origin/{branch}")
        if "--squash" in flags:
            self.git("commit", "--quiet", "-m", "Squash")
        self.git("push", "--quiet", "origin", "main")
        return self.git("rev-parse", "HEAD")
