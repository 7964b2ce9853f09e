"""The playground's pages: the form, its cost, runs that are queued, drafts that are saved."""

import pytest
from django.urls import reverse
from django.utils import timezone

from kaizen_engine.prompts.artifact import Demo, PromptArtifact
from optimization_app.models import PlaygroundRun
from projects_app.models import AuditEntry, Project
from prompts_app.models import PromptVersion
from prompts_app.selectors import live_version as live_of
from tests.factories.feedback import DatasetFactory, ExampleFactory
from tests.factories.playground import PlaygroundAnswerFactory, PlaygroundRunFactory
from tests.factories.prompts import PromptVersionFactory

pytestmark = pytest.mark.django_db
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def draft(task, live_version):
    return PromptVersionFactory(task=task, parents=[live_version], system="Be brief.")


def address(name="page", **kwargs):
    return reverse(f"playground:{name}", kwargs={"project": "support", **kwargs})


def form(task, a=1, b=2, **changes):
    model = task.student
    typed = {
        **{"task": task.slug, "a": a, "b": b, "rows_from": "one", "is_scored": "on"},
        **{"a-system": "Name the label.", "a-user_template": "{{text}}", "a-model": model},
        **{"b-system": "Be brief.", "b-user_template": "{{text}}", "b-model": model},
        "input-0": "a parcel is late",
    }
    return typed | changes


def post(client, user, name, typed):
    client.force_login(user)
    return client.post(address(name), typed)


def test_the_page_begins_with_what_is_live_beside_the_newest_and_its_cost(client, editor, draft):
    client.force_login(editor)
    page = client.get(address()).content.decode()
    assert "from version 1" in page
    assert "from version 2" in page
    assert "Be brief." in page
    assert "for 2 calls" in page
    assert 'name="input-0"' in page


def test_a_run_is_queued_with_its_cap_and_told_in_the_trail(client, editor, task, draft):
    answer = post(client, editor, "start", form(task, **{"input-0": HOSTILE}))
    run = PlaygroundRun.objects.get()
    assert answer.url == address("run", run_id=run.public_id) + "#results"
    assert [one["artifact"]["system"] for one in run.variants] == ["Name the label.", "Be brief."]
    assert run.rows == [{"inputs": {"text": HOSTILE}, "expected": {}, "example": None}]
    assert 0 < run.budget_usd < 1
    entry = AuditEntry.objects.get(action="kaizen.playground.started")
    assert (entry.actor, entry.data["rows"]) == ("user:editor", 1)
    page = client.get(answer.url).content.decode()
    assert "Waiting for a worker." in page
    assert 'hx-trigger="every 1s"' in page
    assert HOSTILE not in page


def test_rows_are_open_ones_and_count_as_seen(client, editor, task, draft):
    dataset = DatasetFactory(project=task.project, task=task, frozen_at=timezone.now())
    for split in ("train", "dev", "test", ""):
        ExampleFactory(task=task, dataset=dataset, split=split, inputs={"text": split or "new"})
    typed = form(task, rows_from="rows", dataset=str(dataset.public_id), count=10)
    post(client, editor, "start", typed)
    run = PlaygroundRun.objects.get()
    assert [row["inputs"]["text"] for row in run.rows] == ["train", "dev", "new"]
    assert run.source == dataset.name
    assert dataset.examples.filter(is_seen=True).count() == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"a-user_template": "{{nobody}}"}, "is not one of the inputs"),
        ({"a-user_template": ""}, "required"),
        ({"b-model": "other/model"}, "not one of the available choices"),
        ({"rows_from": "rows", "count": "51"}, "less than or equal to 50"),
        ({"rows_from": "rows", "count": "5"}, "there is no row to try"),
        ({"b-temperature": "3"}, "less than or equal to 2"),
    ],
)
def test_what_cannot_be_run_is_said_at_its_field(client, editor, task, draft, changes, words):
    answer = post(client, editor, "start", form(task, **changes))
    page = answer.content.decode()
    assert answer.status_code == 400
    assert page.count(words) >= 2
    assert not PlaygroundRun.objects.exists()


def test_what_costs_more_than_the_project_wants_unasked_takes_a_tick(client, editor, task, draft):
    Project.objects.update(confirm_over_usd="0.0000")
    answer = post(client, editor, "start", form(task))
    assert answer.status_code == 409
    assert 'name="confirm"' in answer.content.decode()
    assert post(client, editor, "start", form(task, confirm="on")).status_code == 302


def test_no_run_passes_what_the_project_may_spend_in_a_day(client, editor, task, draft):
    Project.objects.update(daily_budget_usd="0.0000")
    answer = post(client, editor, "start", form(task))
    assert answer.status_code == 409
    assert "the project may spend $0.00 a day" in answer.content.decode()
    assert not PlaygroundRun.objects.exists()


def test_a_fifth_run_at_a_time_waits(client, editor, task, draft):
    PlaygroundRunFactory.create_batch(4, version=draft)
    assert post(client, editor, "start", form(task)).status_code == 409


def test_a_variant_is_saved_as_a_draft_and_nothing_goes_live(client, editor, task, draft):
    live = live_of(task)
    answer = post(client, editor, "save", form(task, save="b", **{"b-system": "Be very brief."}))
    made = PromptVersion.objects.get(task=task, number=3)
    assert answer.status_code == 302
    assert "b=3" in answer.url
    assert (made.artifact["system"], made.review_state) == ("Be very brief.", "draft")
    assert list(made.parents.all()) == [draft]
    assert live_of(task) == live
    answer = post(client, editor, "save", form(task, save="b", **{"b-system": "Be very brief."}))
    assert PromptVersion.objects.filter(task=task).count() == 3


def test_an_untouched_text_keeps_its_very_bytes(client, editor, task, live_version):
    demos = (Demo({"text": "a"}, {"label": "b"}),)
    artifact = PromptArtifact.from_dict(live_version.artifact).with_(
        demos=demos, params={"temperature": 0, "top_p": 0.5}, system="One.\nTwo."
    )
    version = PromptVersionFactory(task=task, artifact=artifact.to_dict())
    typed = {
        "a-system": "One.\r\nTwo.",
        "a-user_template": artifact.user_template,
        "a-temperature": "0.0",
        "a-with_demos": "on",
        "save": "a",
    }
    answer = post(client, editor, "save", form(task, a=version.number, **typed))
    assert f"a={version.number}" in answer.url
    assert PromptVersion.objects.filter(task=task).count() == version.number


def test_a_run_that_ended_shows_answers_scores_costs_and_troubles(client, viewer, draft):
    run = PlaygroundRunFactory(version=draft, state="finished", finished_at=timezone.now())
    PlaygroundAnswerFactory(run=run, text=HOSTILE, reasons={"exact_match": "it is right"})
    trouble = {"problem": "The provider of x refused the key.", "raw_problem": "401: bad key"}
    PlaygroundAnswerFactory(run=run, variant=1, text="", score=None, latency_ms=None, **trouble)
    client.force_login(viewer)
    page = client.get(address("run", run_id=run.public_id)).content.decode()
    for words in ("score 1.00", "12 ms", "it is right", "refused the key", "401: bad key"):
        assert words in page
    assert HOSTILE not in page
    answer = client.get(address("results", run_id=run.public_id))
    assert answer.status_code == 286


def test_many_rows_say_which_is_better_row_by_row(client, viewer, draft):
    rows = [
        {"inputs": {"text": str(n)}, "expected": {"label": "x"}, "example": None} for n in (1, 2)
    ]
    run = PlaygroundRunFactory(version=draft, rows=rows, source="mine", state="running")
    PlaygroundAnswerFactory(run=run, row=1, score=0.25)
    PlaygroundAnswerFactory(run=run, row=1, variant=1, score=0.75)
    client.force_login(viewer)
    answer = client.get(address("results", run_id=run.public_id))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "2 of 4 answers are there." in page
    assert '<span class="kz-chip is-pass">B</span>' in page
    assert "75.0%" in page


def test_a_viewer_looks_and_does_not_run_and_an_outsider_finds_nothing(
    client, viewer, outsider, task, draft
):
    run = PlaygroundRunFactory(version=draft)
    client.force_login(viewer)
    assert "needs the editor role" in client.get(address()).content.decode()
    for name in ("start", "save", "estimate"):
        assert client.post(address(name), form(task)).status_code == 403
    client.force_login(outsider)
    for url in (address(), address("run", run_id=run.public_id)):
        assert client.get(url).status_code == 404
    assert client.post(address("start"), form(task)).status_code == 404
    client.force_login(viewer)
    assert client.get(address("start")).status_code == 405


def test_a_project_without_a_prompt_says_so(client, editor, project):
    client.force_login(editor)
    assert "There is no prompt to try yet." in client.get(address()).content.decode()
    assert client.get(address("run", run_id="nonsense")).status_code == 404


def test_the_pages_ask_a_bounded_number_of_questions(
    client, viewer, draft, django_assert_max_num_queries
):
    row = {"inputs": {"text": "x"}, "expected": {}, "example": None}
    run = PlaygroundRunFactory(version=draft, rows=[row] * 40, state="running")
    for number in range(40):
        PlaygroundAnswerFactory(run=run, row=number)
    client.force_login(viewer)
    with django_assert_max_num_queries(40):
        client.get(address("run", run_id=run.public_id))
