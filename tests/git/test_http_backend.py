"""The provider over HTTP, as git itself serves it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kaizen_engine.errors import GitConflict, GitRefused, GitUnavailable
from kaizen_engine.git.base import Person
from kaizen_engine.git.local import LocalGit
from kaizen_engine.states import PullRequestState
from tests.engine.git.repositories import PATH, Checkout, git
from tests.git.http_backend import GitServer, git_server

HEAD = "kaizen/triage/0123456789ab"
BOB = Person("Bob", "bob@example.org")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    LocalGit.create(tmp_path / "served" / "app.git", base="main")
    git(tmp_path / "served" / "app.git", "config", "http.receivepack", "true")
    with git_server(tmp_path / "served") as running:
        yield running


@pytest.fixture
def provider(tmp_path: Path, server: GitServer) -> LocalGit:
    return LocalGit(tmp_path / "copy.git", remote=f"http://{server.target}/app.git")


def propose(provider: LocalGit, content: bytes = b"name: new\n") -> str:
    return provider.ensure_branch_with_commit(
        branch=HEAD, base="main", path=PATH, content=content, message="Propose"
    )


def test_a_proposal_is_pushed_merged_and_seen(provider: LocalGit, server: GitServer) -> None:
    commit = propose(provider)
    pull = provider.open_pull(head=HEAD, base="main", commit=commit, title="t", body="b")
    assert propose(provider) == commit
    assert provider.pull_state(pull).state is PullRequestState.OPEN
    sha = provider.merge(pull, message="Merge", author=BOB)
    assert provider.pull_state(pull).merge_sha == sha
    bare = server.root / "app.git"
    assert git(bare, "show", f"main:{PATH}") == "name: new"
    assert git(bare, "show", "-s", "--format=%an", "main") == "Bob"
    provider.close(pull)
    assert git(bare, "for-each-ref", "--format=%(refname:short)") == "main"


def test_a_merge_over_http_is_no_loss_for_a_faster_one(
    provider: LocalGit, server: GitServer, tmp_path: Path
) -> None:
    commit = propose(provider, b"name: " + b"x" * 900_000 + b"\n")
    pull = provider.open_pull(head=HEAD, base="main", commit=commit, title="t", body="b")
    alice = Checkout(tmp_path / "alice", f"http://{server.target}/app.git")
    alice.write(PATH, "by hand\n")
    alice.git("push", "--quiet", "origin", "main")
    with pytest.raises(GitConflict):
        provider.merge(pull, message="Merge", author=BOB)
    assert provider.file_at("main", PATH) == b"by hand\n"


def test_where_pushing_is_forbidden_the_provider_says_so(
    provider: LocalGit, server: GitServer
) -> None:
    git(server.root / "app.git", "config", "http.receivepack", "false")
    with pytest.raises(GitRefused, match="403"):
        propose(provider)


def test_a_hook_that_declines_is_a_refusal(provider: LocalGit, server: GitServer) -> None:
    hook = server.root / "app.git" / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(GitRefused, match="declined"):
        propose(provider)


def test_what_is_not_there_is_refused_and_who_does_not_answer_is_tried_again(
    tmp_path: Path, server: GitServer
) -> None:
    missing = LocalGit(tmp_path / "a.git", remote=f"http://{server.target}/no.git")
    with pytest.raises(GitRefused, match="not found"):
        missing.file_at("main", PATH)
    silent = LocalGit(tmp_path / "b.git", remote="http://127.0.0.1:1/app.git")
    with pytest.raises(GitUnavailable):
        silent.file_at("main", PATH)


def test_a_checked_address_is_the_one_that_is_called(tmp_path: Path, server: GitServer) -> None:
    port = server.server_port
    pinned = LocalGit(
        tmp_path / "a.git",
        remote=f"http://git.example.invalid:{port}/app.git",
        pin=f"git.example.invalid:{port}:127.0.0.1",
    )
    assert pinned.file_at("main", PATH) is None
