"""What django-q2 calls. Each function may be called twice, late or by two workers at once."""

import logging
import time

from prompts_app.models import PromptVersion
from prompts_app.selectors import versions_to_follow
from prompts_app.services.pulls import pull_follow
from prompts_app.services.repository_test import repository_test_run

logger = logging.getLogger(__name__)

# Well under the queue's time limit; the next minute goes on where this one stopped.
LONGEST_ROUND_S = 60


def follow_version(version_id: int) -> str:
    """Open, look at, merge or close the version's pull request, whichever it is time for."""
    version = PromptVersion.objects.filter(pk=version_id).first()
    pull = pull_follow(version=version) if version else None
    return pull.state if pull else "nothing to propose"


def tend_pulls() -> int:
    """Follow every version with something to propose or a pull request that may have moved."""
    until, followed = time.monotonic() + LONGEST_ROUND_S, 0
    for version_id in versions_to_follow():
        if time.monotonic() > until:
            break
        try:
            follow_version(version_id)
        except Exception:
            logger.exception("the pull request of version %d could not be followed", version_id)
        followed += 1
    return followed


def try_repository(repository_id: int) -> str:
    return repository_test_run(repository_id)
