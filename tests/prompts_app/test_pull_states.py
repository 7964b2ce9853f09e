"""The states of a pull request, and what becomes of one that meets trouble."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from kaizen_engine.errors import GitRefused, GitUnavailable
from kaizen_engine.states import PullRequestState
from projects_app.models import AuditEntry
from prompts_app.models import PullRequest
from prompts_app.services.pull_moves import MOST_ATTEMPTS, pull_move, pull_trouble
from tests.factories.prompts import PullRequestFactory

pytestmark = pytest.mark.django_db

OPENING, OPEN, AWAITING_MERGE, MERGED, CLOSED, FAILED = PullRequestState
LEGAL = {
    (OPENING, OPEN),
    (OPENING, CLOSED),
    (OPENING, FAILED),
    (OPEN, AWAITING_MERGE),
    (OPEN, MERGED),
    (OPEN, CLOSED),
    (AWAITING_MERGE, MERGED),
    (AWAITING_MERGE, CLOSED),
    (FAILED, OPENING),
}


@pytest.mark.parametrize("after", PullRequestState)
@pytest.mark.parametrize("before", PullRequestState)
def test_every_pair_of_states(system_actor, live, before, after):
    pull = PullRequestFactory(version=live, state=before.value)
    moved = pull_move(actor=system_actor, pull=pull, to=after)
    pull.refresh_from_db()
    assert moved == ((before, after) in LEGAL)
    assert pull.state == (after if moved else before)
    assert AuditEntry.objects.filter(action=f"kaizen.pull.{after}").count() == moved
    assert (pull.closed_at is not None) == (moved and after in (MERGED, CLOSED, FAILED))


def test_a_repository_has_one_pull_request_for_each_head(live):
    pull = PullRequestFactory(version=live)
    with pytest.raises(IntegrityError), transaction.atomic():
        PullRequestFactory(version=live, repository=pull.repository)


def test_what_may_pass_is_tried_again_later_and_not_for_ever(live):
    pull = PullRequestFactory(version=live, state=OPENING.value)
    waits = []
    for _ in range(MOST_ATTEMPTS - 1):
        pull_trouble(pull=pull, error=GitUnavailable("no answer"), to=FAILED)
        pull.refresh_from_db()
        waits.append(pull.retry_at - timezone.now())
    assert pull.state == OPENING
    assert waits == sorted(waits)
    assert timedelta(seconds=20) < waits[0] < waits[-1] <= timedelta(hours=1)
    pull_trouble(pull=pull, error=GitUnavailable("no answer"), to=FAILED)
    pull.refresh_from_db()
    assert (pull.state, pull.error, pull.retry_at) == (FAILED, "no answer", None)


def test_a_refusal_is_not_tried_again(live):
    pull = PullRequestFactory(version=live)
    pull_trouble(pull=pull, error=GitRefused("protected branch"), to=AWAITING_MERGE)
    pull = PullRequest.objects.get()
    assert (pull.state, pull.error) == (AWAITING_MERGE, "protected branch")
