"""The demo's pull request: opened and merged by the workers, read back from git itself."""

import time
from pathlib import Path

from django.conf import settings

from kaizen_engine.git.local import LocalGit
from kaizen_engine.prompts.prompt_yml import read_prompt_file
from kaizen_engine.states import PullRequestState
from kaizen_site.demo.stack import DemoFailed, Stack
from prompts_app.models import PromptVersion, PullRequest

PATIENCE_S = 60


def wait_for_pull(stack: Stack, version: PromptVersion, state: PullRequestState) -> PullRequest:
    """Return the version's pull request once the workers have brought it to the state."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        stack.check()
        pull = PullRequest.objects.filter(version=version).first()
        if pull and pull.state == state:
            return pull
        time.sleep(0.1)
    found = f"{pull.state} {pull.error} {pull.held}" if pull else "missing"
    raise DemoFailed(f"the pull request is {found}, not {state}")


def repository_folder(pull: PullRequest) -> Path:
    folder = Path(settings.CONFIG.data_dir) / "git"
    return folder / f"{pull.repository.connection.public_id}.git"


def check_merged(pull: PullRequest) -> None:
    """Raise DemoFailed unless the base branch holds exactly the version's text."""
    repository = pull.repository
    content = LocalGit(repository_folder(pull)).file_at(repository.base_branch, repository.path)
    if content is None or read_prompt_file(content).artifact.hash != pull.version.hash:
        raise DemoFailed(f"{repository.path} on {repository.base_branch} is another text")
