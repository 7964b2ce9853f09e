"""What the SDK and the server promise each other."""

from typing import Any

import pytest
from django_q.models import OrmQ

from feedback_app.models import Feedback
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.prompts.parse import parse_output
from kaizen_engine.prompts.render import render_messages
from kaizen_engine.states import GateBasis, JobState
from kaizen_sdk import (
    AuthenticationError,
    Conflict,
    CTClient,
    InvalidRequest,
    NotFound,
    PermissionDenied,
    PromptNotFound,
)
from kaizen_sdk.testing import FrozenClock
from optimization_app.models import Job
from projects_app.actors import Actor
from projects_app.models import Scope
from prompts_app.services.tags import version_promote
from tests.contract.conftest import Connect, Wire
from tests.factories.projects import ProjectFactory
from tests.factories.tasks import TaskFactory
from tests.kaizen_site.route_table import World, build_world
from tests.sdk.blocking import Blocking

INPUTS = {"text": "where is my parcel? {{text}} ü"}
NOBODY = "01890000-0000-7000-8000-000000000000"


def test_logged_feedback_lands_as_it_was_said(client: CTClient, world: World, wire: Wire) -> None:
    said = {
        "score": 0.5,
        "thumb": False,
        "comment": "no",
        "corrected_output": {"label": "shipping"},
        "metrics": {"seconds": 0.25},
        "metadata": {"who": "ü"},
        "origin": "random",
        "prompt_hash": "a" * 64,
    }
    event_id = client.log_feedback(world.task.slug, INPUTS, {"label": "billing"}, **said)
    for _ in range(20):
        client.log_feedback(world.task.slug, INPUTS, "billing")
    assert client.flush()
    row = Feedback.objects.get(project=world.project, event_id=event_id)
    assert {name: getattr(row, name) for name in said} == said
    assert (row.task, row.inputs, row.output) == (world.task, INPUTS, {"label": "billing"})
    assert client.stats().delivered == Feedback.objects.filter(task=world.task).count() == 21
    assert set(wire.statuses) == {200}
    assert len(wire.sent) < 21


def test_an_event_id_is_stored_once_whatever_is_sent(client: CTClient, world: World) -> None:
    for _ in range(3):
        client.log_feedback(world.task.slug, INPUTS, "billing", event_id="one")
        assert client.flush()
    client.log_feedback(world.task.slug, INPUTS, "another answer", event_id="one")
    assert client.flush()
    row = Feedback.objects.get(project=world.project, event_id="one")
    assert row.output == {"label": "billing"}
    assert client.stats().delivered == 3
    assert client.stats().rejected == {"event_id_conflict": 1}


def test_a_bad_event_takes_none_of_its_neighbours_along(client: CTClient, world: World) -> None:
    client.log_feedback(world.task.slug, INPUTS, "billing")
    client.log_feedback("nobody-has-this", INPUTS, "billing")
    client.log_feedback(world.task.slug, INPUTS, "billing", score=7)
    client.log_feedback(world.task.slug, INPUTS, "billing", comment="a\x00b")
    client.log_feedback(world.task.slug, INPUTS, "billing")
    assert client.flush()
    stats = client.stats()
    assert Feedback.objects.filter(task=world.task).count() == stats.delivered == 2
    assert stats.rejected["unknown_task"] == 1
    assert sum(stats.rejected.values()) + sum(stats.dropped.values()) == 3


def test_feedback_with_a_bad_key_is_dropped_and_breaks_nothing(
    connect: Connect, world: World
) -> None:
    client = connect(key="kz_live_00000000_" + "x" * 43)
    client.log_feedback(world.task.slug, INPUTS, "billing")
    assert client.flush()
    assert client.stats().dropped == {"no_valid_key": 1}


def test_the_live_prompt_is_served_as_it_was_scored(client: CTClient, world: World) -> None:
    prompt = client.get_prompt(world.task.slug)
    live = world.task.tags.get(name="production").version
    assert (prompt.version, prompt.number) == (str(live.public_id), live.number)
    assert dict(prompt.artifact) == live.artifact
    assert prompt.hash == live.hash == PromptArtifact.from_dict(prompt.artifact).hash
    assert prompt.messages(INPUTS) == render_messages(live.artifact, INPUTS)
    assert prompt.parse("shipping") == parse_output(live.artifact, "shipping")
    assert prompt.parse("shipping") == {"label": "shipping"}


def test_a_prompt_is_asked_for_again_by_its_etag_and_changes_when_the_tag_moves(
    client: CTClient, world: World, wire: Wire, clock: FrozenClock
) -> None:
    first = client.get_prompt(world.task.slug)
    assert client.get_prompt(world.task.slug) is first
    clock.advance(301)
    assert client.get_prompt(world.task.slug).hash == first.hash
    assert wire.statuses == [200, 304]
    assert wire.sent[1][0].headers["If-None-Match"] == wire.sent[0][1].headers["ETag"]
    system = Actor.system(world.project.pk)
    version_promote(actor=system, task=world.task, version=world.proven, basis=GateBasis.EVIDENCE)
    clock.advance(301)
    assert client.get_prompt(world.task.slug).hash == world.proven.hash
    assert wire.statuses == [200, 304, 200]


def test_an_idle_client_hears_of_a_new_prompt_without_being_asked(
    client: CTClient, world: World, wire: Wire, clock: FrozenClock
) -> None:
    first = client.get_prompt(world.task.slug)
    system = Actor.system(world.project.pk)
    version_promote(actor=system, task=world.task, version=world.proven, basis=GateBasis.EVIDENCE)
    clock.advance(9)
    assert client.get_prompt(world.task.slug) is first
    assert clock.wake()
    asked = len(wire.sent)
    prompt = client.get_prompt(world.task.slug)
    assert (prompt.hash, prompt.is_stale) == (world.proven.hash, False)
    assert len(wire.sent) == asked == 2


def test_each_client_waits_in_its_own_way(client: CTClient, world: World, wire: Wire) -> None:
    client.get_prompt(world.task.slug)
    client.job(str(world.running.public_id))
    assert len(wire.awaited) == (2 if isinstance(client, Blocking) else 0)
    client.log_feedback(world.task.slug, INPUTS, "billing")
    assert client.flush()
    assert len(wire.sent) == 3


def test_a_prompt_that_is_not_there_says_why_or_gives_the_fallback(
    client: CTClient, world: World
) -> None:
    empty = TaskFactory(project=world.project, slug="empty").slug
    elsewhere = build_world(ProjectFactory(slug="elsewhere")).task.slug
    for slug, tag, code in (
        ("nobody-has-this", "production", "unknown_task"),
        (elsewhere, "production", "unknown_task"),
        (empty, "production", "no_active_version"),
        (world.task.slug, "staging", "no_active_version"),
    ):
        with pytest.raises(PromptNotFound) as refusal:
            client.get_prompt(slug, tag=tag)
        assert (refusal.value.status, refusal.value.code) == (404, code)
        assert refusal.value.request_id
        prompt = client.get_prompt(slug, tag=tag, fallback="Label {{text}}")
        assert prompt.is_fallback
        assert prompt.render(text="x")[-1]["content"].startswith("Label x")


def test_a_bad_key_and_a_missing_scope_are_told_apart(connect: Connect, world: World) -> None:
    nobody = connect(key="kz_live_00000000_" + "x" * 43)
    logger = connect(Scope.FEEDBACK_WRITE)
    prompt_id = str(world.ready.public_id)
    for call in (
        lambda client: client.get_prompt(world.task.slug),
        lambda client: client.start_optimization(prompt_id),
        lambda client: client.job(NOBODY),
    ):
        with pytest.raises(AuthenticationError) as unknown:
            call(nobody)
        with pytest.raises(PermissionDenied) as forbidden:
            call(logger)
        assert (unknown.value.code, forbidden.value.code) == ("no_valid_key", "permission_denied")
    assert not Job.objects.filter(task=world.ready).exists()


def test_a_job_is_queued_once_and_wakes_a_worker_once(client: CTClient, world: World) -> None:
    prompt_id = str(world.ready.public_id)
    job = client.start_optimization(prompt_id, num_trials=2, budget_usd=50, minutes=5)
    again = client.start_optimization(prompt_id)
    row = Job.objects.get(task=world.ready)
    assert job.id == again.id == str(row.public_id)
    assert (job.status, job.is_finished, job.progress, job.trials) == ("queued", False, 0.0, ())
    assert (job.baseline_metric, job.current_best_metric) == (None, None)
    assert dict(job.budget) == {"usd": "50", "tokens": None, "minutes": 5}
    assert dict(job.spent) == {"usd": "0", "tokens": 0, "calls": 0}
    assert job.estimate
    assert [message.args() for message in OrmQ.objects.all()] == [(row.pk,)]


def test_a_job_is_told_as_it_is(client: CTClient, world: World) -> None:
    running = client.job(str(world.running.public_id))
    assert (running.status, running.is_finished) == ("running", False)
    finished = client.job(str(world.finished.public_id))
    assert (finished.status, finished.is_finished) == (JobState.SUCCEEDED, True)
    assert (finished.stop_reason, finished.verdict) == ("finished", "equal")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"minutes": 2.5}, "config.minutes"),
        ({"minutes": 0}, "config.minutes"),
        ({"dataset_id": "no id"}, "dataset_id"),
    ],
)
def test_minutes_are_whole_and_datasets_have_ids(
    client: CTClient, world: World, options: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRequest) as wrong:
        client.start_optimization(str(world.ready.public_id), **options)
    assert [row["field"] for row in wrong.value.errors] == [field]
    assert not Job.objects.filter(task=world.ready).exists()


def test_a_job_may_work_on_a_dataset_of_its_prompt_alone(client: CTClient, world: World) -> None:
    prompt_id = str(world.ready.public_id)
    for dataset_id in (NOBODY, str(world.dataset.public_id)):
        with pytest.raises(NotFound) as unknown:
            client.start_optimization(prompt_id, dataset_id=dataset_id)
        assert unknown.value.code == "unknown_dataset"
    assert not Job.objects.filter(task=world.ready).exists()


def test_a_refused_job_says_which_setting_is_wrong(client: CTClient, world: World) -> None:
    with pytest.raises(InvalidRequest) as wrong:
        client.start_optimization(str(world.ready.public_id), optimizer="magic", num_trials=0)
    assert {row["field"] for row in wrong.value.errors} == {
        "config.optimizer_type",
        "config.num_trials",
    }
    with pytest.raises(Conflict) as small:
        client.start_optimization(str(world.ready.public_id), budget_usd=0)
    assert small.value.code == "budget_too_small"
    assert not Job.objects.filter(task=world.ready).exists()


def test_the_jobs_and_prompts_of_others_are_unknown(client: CTClient, world: World) -> None:
    other = build_world(ProjectFactory(slug="elsewhere"))
    for job_id in (str(other.running.public_id), NOBODY, "no id at all"):
        with pytest.raises(NotFound) as unknown:
            client.job(job_id)
        assert unknown.value.code == "unknown_job"
    for prompt_id in (str(other.ready.public_id), NOBODY):
        with pytest.raises(NotFound) as unknown:
            client.start_optimization(prompt_id)
        assert unknown.value.code == "unknown_task"
    assert not Job.objects.filter(task=other.ready).exists()
