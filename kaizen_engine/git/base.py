"""What Kaizen asks of a place that keeps git repositories: GitHub, GitLab, Bitbucket or plain git.

Every call may be repeated: natural keys (the head branch, the commit) make the second one find what
the first one made. Errors are GitError's kinds; only GitUnavailable is worth another try.
"""

from dataclasses import dataclass
from typing import Protocol

from kaizen_engine.states import PullRequestState


@dataclass(frozen=True)
class Person:
    """Whoever made a commit or merged; `login` is the account's name where the host knows one."""

    name: str
    email: str = ""
    login: str = ""


@dataclass(frozen=True)
class PullRef:
    """One proposal: the commit on branch `head` that wants to go to `base`."""

    head: str
    base: str
    commit: str
    number: int | None = None
    url: str = ""


@dataclass(frozen=True)
class PullStatus:
    """`state` is open, merged or closed; a merged one has the commit that base got by it."""

    state: PullRequestState
    merge_sha: str = ""
    merger: Person | None = None


class GitProvider(Protocol):
    def ensure_branch_with_commit(
        self, *, branch: str, base: str, path: str, content: bytes, message: str
    ) -> str:
        """Return the commit on `branch` that gives `path` this content and changes nothing else.

        Raises GitConflict when the branch is there with another content.
        """
        ...

    def open_pull(
        self, *, head: str, base: str, commit: str, title: str, body: str, is_draft: bool = False
    ) -> PullRef:
        """Return the pull request of the branch `head`; one that is there is not opened again."""
        ...

    def pull_state(self, pull: PullRef) -> PullStatus: ...

    def merge(self, pull: PullRef, *, message: str, author: Person) -> str:
        """Merge exactly `pull.commit` and return the commit that base got; idempotent.

        Raises GitConflict when the file changed on base, GitRefused when Kaizen may not merge.
        """
        ...

    def close(self, pull: PullRef) -> None:
        """Close it without merging; whatever people added to its branch stays."""
        ...

    def file_at(self, ref: str, path: str) -> bytes | None:
        """Return the file at a branch or commit, None where there is none."""
        ...
