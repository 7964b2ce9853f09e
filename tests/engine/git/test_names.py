import pytest

from kaizen_engine.errors import GitRefused
from kaizen_engine.git.names import check_branch, check_path, head_branch


@pytest.mark.parametrize(
    "path",
    [
        "triage.prompt.yml",
        "prompts/triage.prompt.yml",
        ".github/prompts/a b+c@d.prompt.yaml",
        "x/..y/z.prompt.yml",
    ],
)
def test_paths_inside_the_repository_pass(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        *("", ".prompt.yml/", "/etc/a.prompt.yml", "../a.prompt.yml", "a/../b.prompt.yml"),
        *("./a.prompt.yml", "a//b.prompt.yml", ".git/a.prompt.yml", "a/.GIT/b.prompt.yml"),
        *("git~1/a.prompt.yml", "-a.prompt.yml", "a\\b.prompt.yml", "a\nb.prompt.yml"),
        *("a\0b.prompt.yml", "C:/a.prompt.yml", "a /b.prompt.yml", "a./b.prompt.yml", "hooks/x"),
        *(".g\u200cit/a.prompt.yml", "x" * 300 + ".prompt.yml", "Makefile"),
    ],
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(GitRefused):
        check_path(path)


@pytest.mark.parametrize(
    "name",
    [
        *("", "-x", "--upload-pack=x", "a..b", "a b", "a/", "/a", "a//b", "a.lock", "a.", ".a"),
        *("a:b", "a^b", "a~1", "a@{1}", "a\\b", "a*", "a?", "a[", "a\n", "HEAD:x", "f" * 40),
    ],
)
def test_names_that_git_could_misread_are_refused(name: str) -> None:
    with pytest.raises(GitRefused):
        check_branch(name)


def test_a_version_has_one_branch() -> None:
    assert head_branch("route-message", "0123456789abcdef" * 4) == (
        "kaizen/route-message/0123456789ab"
    )
