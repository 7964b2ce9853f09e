import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kaizen_engine.errors import GitConflict, GitRefused, GitUnavailable
from kaizen_engine.git.base import GitProvider, Person, PullRef
from kaizen_engine.git.command import Git
from kaizen_engine.git.local import LocalGit
from kaizen_engine.states import PullRequestState
from tests.engine.git.repositories import PATH, Checkout, git

HEAD = "kaizen/triage/0123456789ab"
BOB = Person("Bob", "bob@example.org")
OLD, NEW = "name: old\n", "name: new\n"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A repository of somebody's application, with an older prompt in it."""
    LocalGit.create(tmp_path / "app.git", base="main")
    person = Checkout(tmp_path / "person", str(tmp_path / "app.git"))
    person.write("README.md", "An application\n")
    person.write(PATH, OLD)
    person.git("push", "--quiet", "origin", "main")
    return tmp_path / "app.git"


@pytest.fixture
def alice(tmp_path: Path, bare: Path) -> Checkout:
    return Checkout(tmp_path / "alice", str(bare))


@pytest.fixture(params=["on disk", "by address"])
def provider(request: pytest.FixtureRequest, tmp_path: Path, bare: Path) -> LocalGit:
    if request.param == "on disk":
        return LocalGit(bare)
    return LocalGit(tmp_path / "copy.git", remote=f"file://{bare}")


def propose(provider: GitProvider, content: str = NEW, head: str = HEAD) -> PullRef:
    commit = provider.ensure_branch_with_commit(
        branch=head, base="main", path=PATH, content=content.encode(), message="Propose"
    )
    return provider.open_pull(head=head, base="main", commit=commit, title="t", body="b")


def merge(provider: GitProvider, pull: PullRef) -> str:
    return provider.merge(pull, message="Merge", author=BOB)


def test_a_proposal_is_one_commit_that_changes_one_file(provider: LocalGit, bare: Path) -> None:
    pull = propose(provider)
    assert git(bare, "rev-parse", HEAD) == pull.commit
    assert git(bare, "log", "--format=%s|%an|%ae", f"main..{HEAD}") == (
        "Propose|Kaizen|kaizen@localhost.invalid"
    )
    assert git(bare, "diff", "--name-status", "main", HEAD) == f"M\t{PATH}"
    assert provider.file_at(HEAD, PATH) == NEW.encode()
    assert provider.file_at("main", PATH) == OLD.encode()
    assert provider.file_at(pull.commit, PATH) == NEW.encode()
    assert provider.file_at("main", "other.prompt.yml") is None
    assert provider.file_at("no-such-branch", PATH) is None
    assert provider.pull_state(pull).state is PullRequestState.OPEN


def test_proposing_again_finds_the_first_proposal(provider: LocalGit, alice: Checkout) -> None:
    pull = propose(provider)
    assert propose(provider) == pull
    alice.git("fetch", "--quiet")
    alice.git("checkout", "--quiet", HEAD)
    alice.write(PATH, "name: edited\n")
    alice.git("push", "--quiet", "origin", HEAD)
    assert propose(provider) == pull
    with pytest.raises(GitConflict):
        propose(provider, "name: another\n")


def test_of_several_proposers_at_once_all_get_the_same_commit(
    provider: LocalGit, bare: Path
) -> None:
    with ThreadPoolExecutor(6) as pool:
        pulls = list(pool.map(lambda _: propose(provider), range(6)))
    assert len(set(pulls)) == 1
    assert git(bare, "rev-list", "--count", f"main..{HEAD}") == "1"


def test_a_merge_is_a_commit_on_base_by_who_approved(provider: LocalGit, bare: Path) -> None:
    pull = propose(provider)
    sha = merge(provider, pull)
    assert merge(provider, pull) == sha
    assert git(bare, "rev-parse", "main") == sha
    assert git(bare, "show", "-s", "--format=%an|%cn|%s", "main") == "Bob|Kaizen|Merge"
    assert git(bare, "show", f"main:{PATH}") == NEW.strip()
    status = provider.pull_state(pull)
    assert (status.state, status.merge_sha) == (PullRequestState.MERGED, sha)
    assert status.merger == BOB


def test_a_base_that_moved_keeps_what_it_got(provider: LocalGit, alice: Checkout) -> None:
    pull = propose(provider)
    alice.write("README.md", "Another text\n")
    alice.git("push", "--quiet", "origin", "main")
    merge(provider, pull)
    alice.git("pull", "--quiet")
    assert (alice.folder / "README.md").read_text() == "Another text\n"
    assert (alice.folder / PATH).read_text() == NEW


def test_a_file_that_changed_on_base_is_a_conflict(provider: LocalGit, alice: Checkout) -> None:
    pull = propose(provider)
    alice.write(PATH, "name: by hand\n")
    alice.git("push", "--quiet", "origin", "main")
    with pytest.raises(GitConflict, match="changed on the base"):
        merge(provider, pull)
    assert provider.pull_state(pull).state is PullRequestState.OPEN
    assert provider.file_at("main", PATH) == b"name: by hand\n"


def test_merges_of_several_prompts_at_once_all_arrive(provider: LocalGit, bare: Path) -> None:
    pulls = []
    for number in range(4):
        head, path = f"kaizen/t{number}/aaaa", f"prompts/t{number}.prompt.yml"
        commit = provider.ensure_branch_with_commit(
            branch=head, base="main", path=path, content=b"name: x\n", message="Propose"
        )
        pulls.append(PullRef(head, "main", commit))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda pull: merge(provider, pull), pulls))
    names = git(bare, "ls-tree", "-r", "--name-only", "main").split()
    assert len([name for name in names if name.startswith("prompts/t")]) == 5
    assert git(bare, "rev-list", "--count", "--merges", "main") == "4"


@pytest.mark.parametrize("flags", [(), ("--ff-only",), ("--squash",)])
def test_a_merge_by_a_person_is_seen_with_who_did_it(
    provider: LocalGit, alice: Checkout, flags: tuple[str, ...]
) -> None:
    pull = propose(provider)
    sha = alice.merge(HEAD, *flags)
    alice.write("README.md", "Later work\n")
    alice.write("more.txt", "and more\n")
    alice.git("push", "--quiet", "origin", "main")
    status = provider.pull_state(pull)
    assert (status.state, status.merge_sha) == (PullRequestState.MERGED, sha)
    # A fast-forward leaves no commit of who did it.
    assert status.merger == (None if flags == ("--ff-only",) else Person(*alice.person))


def test_the_merge_among_much_other_work_is_found(provider: LocalGit, alice: Checkout) -> None:
    pull = propose(provider)
    for number in range(5):
        alice.write("README.md", f"before {number}\n")
    alice.git("push", "--quiet", "origin", "main")
    sha = alice.merge(HEAD)
    for number in range(6):
        alice.write("README.md", f"after {number}\n")
    alice.git("push", "--quiet", "origin", "main")
    assert provider.pull_state(pull).merge_sha == sha


def test_what_is_on_base_already_counts_for_who_put_it_there(
    provider: LocalGit, alice: Checkout
) -> None:
    sha = alice.write(PATH, NEW)
    alice.write("README.md", "Later work\n")
    alice.git("push", "--quiet", "origin", "main")
    status = provider.pull_state(propose(provider))
    assert (status.merge_sha, status.merger) == (sha, Person(*alice.person))


def test_a_branch_that_went_without_a_merge_is_closed(provider: LocalGit, alice: Checkout) -> None:
    pull = propose(provider)
    alice.git("push", "--quiet", "origin", "--delete", HEAD)
    assert provider.pull_state(pull).state is PullRequestState.CLOSED


def test_closing_removes_our_branch_and_leaves_what_people_added(
    provider: LocalGit, alice: Checkout, bare: Path
) -> None:
    pull = propose(provider)
    provider.close(pull)
    provider.close(pull)
    assert provider.pull_state(pull).state is PullRequestState.CLOSED
    pull = propose(provider)
    alice.git("fetch", "--quiet")
    alice.git("checkout", "--quiet", HEAD)
    edit = alice.write(PATH, "name: edited\n")
    alice.git("push", "--quiet", "origin", HEAD)
    provider.close(pull)
    assert git(bare, "rev-parse", HEAD) == edit


def test_a_link_in_the_place_of_the_file_is_refused(provider: LocalGit, alice: Checkout) -> None:
    (alice.folder / PATH).unlink()
    (alice.folder / PATH).symlink_to("/etc/passwd")
    alice.git("commit", "--quiet", "--all", "-m", "Link")
    alice.git("push", "--quiet", "origin", "main")
    with pytest.raises(GitConflict, match="not a file"):
        provider.file_at("main", PATH)
    with pytest.raises(GitConflict, match="not a file"):
        propose(provider)


def test_hooks_and_configuration_of_a_repository_are_not_run(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy = tmp_path / "ran"
    hook = bare / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho hook >> {spy}\n")
    hook.chmod(0o755)
    config = tmp_path / "gitconfig"
    config.write_text(f"[core]\n\thooksPath = {hook.parent}\n\tfsmonitor = {hook}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    provider = LocalGit(bare)
    merge(provider, propose(provider))
    assert not spy.exists()


def test_the_embedded_repository_is_created_once(tmp_path: Path) -> None:
    first = LocalGit.create(tmp_path / "deep" / "kaizen.git", base="main")
    sha = merge(first, propose(first))
    LocalGit.create(tmp_path / "deep" / "kaizen.git", base="main")
    assert git(tmp_path / "deep" / "kaizen.git", "rev-parse", "main") == sha


def test_only_a_bare_repository_is_written_directly(tmp_path: Path, alice: Checkout) -> None:
    for place in (alice.folder / ".git", tmp_path / "nothing"):
        with pytest.raises(GitRefused, match="bare"):
            LocalGit(place)


def test_a_missing_base_and_a_missing_repository_are_refused(tmp_path: Path, bare: Path) -> None:
    with pytest.raises(GitRefused, match="no branch trunk"):
        LocalGit(bare).ensure_branch_with_commit(
            branch=HEAD, base="trunk", path=PATH, content=b"", message="m"
        )
    gone = LocalGit(tmp_path / "copy.git", remote=f"file://{tmp_path}/gone.git")
    with pytest.raises(GitRefused):
        gone.file_at("main", PATH)


@pytest.mark.parametrize("address", ["ext::sh -c id", "ssh://localhost/x", "git://localhost/x"])
def test_other_protocols_are_never_spoken(tmp_path: Path, address: str) -> None:
    git_dir = tmp_path / "copy.git"
    for remote in (address, "file:///x"):
        Git(git_dir, remote).ask("init", "--bare", "--quiet", str(git_dir))
        assert "not allowed" in Git(git_dir, remote).run("fetch", "--", address).error


def test_git_that_hangs_is_ended_with_its_helpers(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    slow = folder / "git"
    slow.write_text("#!/bin/sh\nsleep 600 &\nwait\n")
    slow.chmod(0o755)
    script = (
        "from pathlib import Path\n"
        "from kaizen_engine.git.command import Git\n"
        f"Git(Path({str(tmp_path)!r}), timeout_s=0.3).run('fetch')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert GitUnavailable.__name__ in done.stderr
