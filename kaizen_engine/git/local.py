"""Plain git as a provider: a bare repository on disk, or any repository that a URL reaches.

Objects are written by plumbing into a bare repository, so there is no work tree to be in the way.
A branch moves only from the commit that was looked at: `update-ref` with the old value on disk,
`push --force-with-lease` for a URL; who loses looks again. There are no pull requests in plain git:
an open one is a branch, a merged one a commit that base contains, a closed one a branch that went.
"""

import tempfile
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path

from kaizen_engine.errors import GitConflict, GitRefused, GitUnavailable
from kaizen_engine.git.base import Person, PullRef, PullStatus
from kaizen_engine.git.command import TIMEOUT_S, Git, failure
from kaizen_engine.git.names import check_branch, check_path, is_commit
from kaizen_engine.states import PullRequestState

KAIZEN = Person("Kaizen", "kaizen@localhost.invalid")
LARGEST_FILE = 1024 * 1024
TRIES = 10
_LOST = ("stale info", "fetch first", "non-fast-forward", "cannot lock ref", "already exists")


class LocalGit:
    """`git_dir` is the bare repository itself, or with `remote` our copy of that one."""

    def __init__(
        self, git_dir: Path, *, remote: str = "", pin: str = "", timeout_s: float = TIMEOUT_S
    ) -> None:
        self._git = Git(git_dir, remote, pin, timeout_s)
        self._refs = "refs/remotes/origin/" if remote else "refs/heads/"
        if remote and not git_dir.exists():
            self._git.ask("init", "--quiet", "--bare", str(git_dir))
        elif not remote and self._git.run("rev-parse", "--is-bare-repository").text != "true":
            raise GitRefused(f"{git_dir.name} is not a bare repository")

    @classmethod
    def create(cls, git_dir: Path, *, base: str) -> "LocalGit":
        """Return the bare repository at `git_dir`; a new one gets an empty first commit."""
        git = Git(git_dir)
        git_dir.parent.mkdir(parents=True, exist_ok=True)
        git.ask("init", "--quiet", "--bare", f"--initial-branch={check_branch(base)}", str(git_dir))
        made = cls(git_dir)
        if not made._tip(base):
            tree = git.ask("mktree")
            made._move(base, made._commit(tree, [], "Begin the repository", KAIZEN), "")
        return made

    def ensure_branch_with_commit(
        self, *, branch: str, base: str, path: str, content: bytes, message: str
    ) -> str:
        check_path(path)
        blob = self._git.ask("hash-object", "-w", "--stdin", stdin=content)

        def attempt() -> str:
            if self._tip(branch):
                return self._proposed(branch, base, path, blob)
            start = self._base_tip(base)
            if self._blob(start, path) == blob:
                commit = self._last_change(base, path)
            else:
                commit = self._commit(self._tree(start, path, blob), [start], message, KAIZEN)
            return commit if self._move(branch, commit, "") else ""

        return self._until(attempt)

    def open_pull(
        self, *, head: str, base: str, commit: str, title: str, body: str, is_draft: bool = False
    ) -> PullRef:
        del title, body, is_draft
        return PullRef(head, base, commit)

    def pull_state(self, pull: PullRef) -> PullStatus:
        self._refresh()
        tip = self._base_tip(pull.base)
        if self._git.run("cat-file", "-e", f"{pull.commit}^{{commit}}").code:
            return PullStatus(PullRequestState.CLOSED)
        merged = self._merged_at(pull.commit, tip) or self._squashed_at(pull.commit, pull.base, tip)
        if merged:
            return PullStatus(PullRequestState.MERGED, merged, self._author(merged))
        is_open = bool(self._tip(pull.head))
        return PullStatus(PullRequestState.OPEN if is_open else PullRequestState.CLOSED)

    def merge(self, pull: PullRef, *, message: str, author: Person) -> str:
        def attempt() -> str:
            tip = self._base_tip(pull.base)
            merged = self._merged_at(pull.commit, tip)
            if merged:
                return merged
            tree = self._merged_tree(tip, pull.commit)
            made = self._commit(tree, [tip, pull.commit], message, author)
            return made if self._move(pull.base, made, tip) else ""

        return self._until(attempt)

    def close(self, pull: PullRef) -> None:
        self._refresh()
        if self._tip(pull.head) == pull.commit:
            self._move(pull.head, "", pull.commit)

    def file_at(self, ref: str, path: str) -> bytes | None:
        self._refresh()
        commit = ref if is_commit(ref) else self._tip(ref)
        blob = self._blob(commit, check_path(path)) if commit else ""
        if not blob:
            return None
        if int(self._git.ask("cat-file", "-s", blob)) > LARGEST_FILE:
            raise GitConflict(f"{path} is larger than {LARGEST_FILE:,} bytes")
        return self._git.run("cat-file", "blob", blob).out

    def _until(self, attempt: Callable[[], str]) -> str:
        """Look, try, and look again while others are faster."""
        for _ in range(TRIES):
            self._refresh()
            result = attempt()
            if result:
                return result
        raise GitUnavailable("the branch moved every time it was looked at")

    def _refresh(self) -> None:
        if not self._git.remote:
            return
        arguments = ("fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--force")
        for _ in range(TRIES):
            done = self._git.run(
                *arguments, "--", self._git.remote, "+refs/heads/*:refs/remotes/origin/*"
            )
            if not done.code:
                return
            if not any(word in done.error for word in _LOST):
                break
        raise failure("fetch", done)

    def _tip(self, branch: str) -> str:
        name = f"{self._refs}{check_branch(branch)}^{{commit}}"
        return self._git.run("rev-parse", "--verify", "--quiet", name).text

    def _base_tip(self, base: str) -> str:
        tip = self._tip(base)
        if not tip:
            raise GitRefused(f"the repository has no branch {base}")
        return tip

    def _blob(self, commit: str, path: str) -> str:
        """Return the id of the file, nothing where there is none."""
        entry = self._git.ask("ls-tree", "-z", commit, "--", path)
        if not entry:
            return ""
        mode, kind, blob = entry.split("\t")[0].split(" ")
        if kind != "blob" or mode == "120000":
            raise GitConflict(f"{path} is not a file in the repository")
        return blob

    def _tree(self, commit: str, path: str, blob: str) -> str:
        with tempfile.TemporaryDirectory(prefix="kaizen-index-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self._git.ask("read-tree", commit, environment=index)
            entry = f"100644 {blob}\t{path}\n".encode()
            self._git.ask("update-index", "--index-info", stdin=entry, environment=index)
            return self._git.ask("write-tree", environment=index)

    def _commit(self, tree: str, parents: list[str], message: str, author: Person) -> str:
        people = {
            "GIT_AUTHOR_NAME": author.name or KAIZEN.name,
            "GIT_AUTHOR_EMAIL": author.email or KAIZEN.email,
            "GIT_COMMITTER_NAME": KAIZEN.name,
            "GIT_COMMITTER_EMAIL": KAIZEN.email,
        }
        flags = [word for parent in parents for word in ("-p", parent)]
        return self._git.ask(
            "commit-tree", tree, *flags, stdin=message.encode(), environment=people
        )

    def _move(self, branch: str, new: str, old: str) -> bool:
        """Point the branch from `old` to `new`; nothing means absent. False when it has moved."""
        ref = f"refs/heads/{check_branch(branch)}"
        if self._git.remote:
            return self._push(ref, new, old)
        words = ("-d", ref, old) if not new else (ref, new, old)
        done = self._git.run("update-ref", *words)
        if done.code and self._tip(branch) == old:
            raise failure("update-ref", done)
        return not done.code

    def _push(self, ref: str, new: str, old: str) -> bool:
        lease = f"--force-with-lease={ref}:{old}"
        done = self._git.run("push", "--porcelain", lease, "--", self._git.remote, f"{new}:{ref}")
        said = done.text + done.error
        if done.code and not any(word in said for word in _LOST):
            raise failure("push", done)
        return not done.code

    def _proposed(self, branch: str, base: str, path: str, blob: str) -> str:
        """Return the commit of a branch that an earlier attempt has made."""
        span = f"{self._refs}{base}..{self._refs}{branch}"
        commits = [*self._git.ask("rev-list", "--reverse", span).split(), self._tip(branch)]
        for commit in commits:
            if self._blob(commit, path) == blob:
                return commit
        raise GitConflict(f"the branch {branch} is there with another content")

    def _contains(self, commit: str, part: str) -> bool:
        return self._git.run("merge-base", "--is-ancestor", part, commit).code == 0

    def _merged_at(self, commit: str, tip: str) -> str:
        """Return the first commit on base itself that contains `commit`."""
        if not self._contains(tip, commit):
            return ""
        chain = self._git.ask(
            "rev-list", "--first-parent", "--reverse", tip, "--not", f"{commit}^@"
        ).split()
        return chain[bisect_left(chain, True, key=lambda one: self._contains(one, commit))]

    def _squashed_at(self, commit: str, base: str, tip: str) -> str:
        """Return the commit that brought the same file to base in another way, as a squash does."""
        fork = self._git.run("merge-base", tip, commit).text
        path = self._changed_path(commit)
        ours = self._blob(commit, path) if fork and path else ""
        if not ours or self._blob(tip, path) != ours or self._blob(fork, path) == ours:
            return ""
        return self._last_change(base, path)

    def _changed_path(self, commit: str) -> str:
        names = self._git.ask("diff-tree", "--no-commit-id", "--name-only", "-r", "-z", commit)
        paths = [name for name in names.split("\0") if name]
        return paths[0] if len(paths) == 1 else ""

    def _last_change(self, base: str, path: str) -> str:
        tip = self._base_tip(base)
        return self._git.ask("rev-list", "-1", "--first-parent", tip, "--", path)

    def _merged_tree(self, tip: str, commit: str) -> str:
        """Merge one file three ways: whatever else changed on base stays as it is there."""
        path = self._changed_path(commit)
        if not path:
            raise GitConflict(f"the commit {commit[:12]} changes more than one file")
        fork = self._git.ask("merge-base", tip, commit)
        ours, theirs = self._blob(commit, path), self._blob(tip, path)
        if theirs not in (self._blob(fork, path), ours):
            raise GitConflict(f"{path} has changed on the base branch since this was proposed")
        return self._tree(tip, path, ours)

    def _author(self, commit: str) -> Person | None:
        """Return who made the commit on base; Kaizen's own commit says nothing about it."""
        shown = self._git.ask("show", "--no-patch", "--format=%an%x00%ae", commit)
        name, _, email = shown.partition("\0")
        return None if email == KAIZEN.email else Person(name, email)
