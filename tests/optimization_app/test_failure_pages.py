"""The gallery of a job's failures: grouped, before and after, never the hold-out, with its acts."""

import re

import pytest
from django.urls import reverse

from feedback_app.models import Dataset, Example
from kaizen_engine.states import Split
from optimization_app.failure_rows import clusters_of, failures_of
from optimization_app.models import EvaluationRow, Job
from projects_app.models import AuditEntry
from tests.factories.feedback import ExampleFactory
from tests.factories.insights import InsightFactory
from tests.factories.optimization import EvaluationRowFactory, JobFactory

pytestmark = pytest.mark.django_db

PARCELS = "parcel lost by the courier"
REFUNDS = "refund of my card"


@pytest.fixture
def job(task, live_version):
    return JobFactory(seed_version=live_version, succeeded=True)


def answered(job, words, before, after=None, *, split=Split.DEV, **more):
    """Return an example on which the job's prompts scored so."""
    example = ExampleFactory(
        task=job.task,
        inputs={"text": f"{words} number {Example.objects.count()}"},
        split=split.value,
    )
    sides = {"baseline": before, "winner": after}
    for side, score in sides.items():
        if score is not None:
            EvaluationRowFactory(
                job=job,
                example=example,
                label=f"{side}_{split.value}",
                score=score,
                text=f"said by {side}",
                **more,
            )
    return example


@pytest.fixture
def rows(job):
    broken = answered(job, PARCELS, 1.0, 0.0)
    failing = [answered(job, PARCELS, 0.0, 0.1) for _ in range(2)]
    refunds = [answered(job, REFUNDS, 0.0, 0.2) for _ in range(3)]
    answered(job, REFUNDS, 0.0, 1.0)
    return [broken, *failing, *refunds]


def gallery(client, user, job, **query):
    client.force_login(user)
    return client.get(address("failures", job), query).content.decode()


def address(name, job, **more):
    place = {"project": job.task.project.slug, "job_id": job.public_id, **more}
    return reverse(f"jobs:{name}", kwargs=place)


def act(client, job, example, **said):
    path = address("failure", job, example=example.public_id)
    return client.post(path, said, follow=True).content.decode()


def shown_rows(page):
    return set(re.findall(r'id="row-([0-9a-f-]+)"', page))


def names(examples):
    return {str(one.public_id) for one in examples}


def test_failures_are_counted_grouped_and_shown_before_and_after(client, viewer, job, rows):
    page = gallery(client, viewer, job)
    assert "6 failures on 7 examples" in page
    assert "of the new prompt" in page
    assert shown_rows(page) == names(rows)
    assert "said by baseline" in page
    assert "said by winner" in page
    assert "50.0%" in page
    assert "Do something with this row" not in page


def test_a_cluster_and_what_was_before_narrow_the_rows(client, viewer, job, rows):
    parcels = gallery(client, viewer, job, cluster=_number(job, "parcel"))
    assert shown_rows(parcels) == names(rows[:3])
    assert shown_rows(gallery(client, viewer, job, kind="broke")) == names(rows[:1])
    assert shown_rows(gallery(client, viewer, job, kind="always")) == names(rows[1:])
    assert shown_rows(gallery(client, viewer, job, kind="x", cluster="x")) == names(rows)


def _number(job, word):
    found = clusters_of(failures_of(job))
    return next(one.number for one in found if word in one.name)


def test_a_job_without_a_new_prompt_shows_what_the_current_one_gets_wrong(client, viewer, job):
    wrong = answered(job, PARCELS, 0.0)
    answered(job, PARCELS, 1.0)
    page = gallery(client, viewer, job)
    assert "1 failure on 2 examples" in page
    assert "of the current prompt" in page
    assert shown_rows(page) == names([wrong])


def test_the_hold_out_is_shown_to_nobody(client, admin_member, job, rows):
    secret = answered(job, "a secret row", 0.0, 0.0, split=Split.TEST)
    # A row that was in dev then, and has become hold-out by whatever way.
    moved = answered(job, "a moved row", 0.0, 0.0)
    Example.objects.filter(pk=moved.pk).update(split=Split.TEST.value)
    page = gallery(client, admin_member, job)
    assert shown_rows(page) == names(rows)
    assert "a secret row" not in page
    assert "a moved row" not in page
    for row in (secret, moved):
        path = address("failure", job, example=row.public_id)
        assert client.post(path, {"action": "wrong"}).status_code == 404


def test_none_is_said_with_how_little_that_proves(client, viewer, job):
    answered(job, PARCELS, 0.0, 1.0)
    page = gallery(client, viewer, job)
    assert "0 failures on 1 examples" in page
    assert "Only 1 rows were scored" in page
    Job.objects.all().delete()
    empty = JobFactory(seed_version=job.seed_version, running=True)
    assert "No row of dev or train was scored" in gallery(client, viewer, empty)


def test_reasons_and_votes_of_judges_are_shown_and_hostile_text_is_inert(client, viewer, job):
    answered(
        job,
        "<script>alert(1)</script>",
        0.0,
        reasons={"rubric": "<b>It names the wrong desk."},
        votes={"rubric": [{"said": "bad"}, {"said": "bad"}, {"said": "good"}]},
    )
    page = gallery(client, viewer, job)
    assert "&lt;b&gt;It names the wrong desk." in page
    assert "2 × bad" in page
    assert "<script>alert" not in page


def test_a_label_is_marked_wrong_with_its_reason_and_right_again(client, editor, job, rows):
    client.force_login(editor)
    said = act(client, job, rows[0], action="wrong", reason="it is a refund")
    assert "left out of every later job" in said
    assert "left out of later jobs" in said
    entry = AuditEntry.objects.get(action="kaizen.example.mislabelled")
    assert (entry.actor, entry.reason) == ("user:editor", "it is a refund")
    assert "was left out before" in act(client, job, rows[0], action="wrong")
    assert "Jobs use the row again" in act(client, job, rows[0], action="right")
    assert Example.objects.get(pk=rows[0].pk).dismissed_at is None


def test_a_row_becomes_a_red_team_case(client, editor, job, rows):
    client.force_login(editor)
    assert "is a red-team case now" in act(client, job, rows[0], action="red_team")
    assert Example.objects.get(pk=rows[0].pk).split == Split.RED_TEAM
    assert "is a red-team case already" in act(client, job, rows[0], action="red_team")


def test_a_row_and_a_whole_cluster_are_added_to_a_dataset(client, editor, job, rows):
    client.force_login(editor)
    assert "1 row was added to the dataset Hard" in act(
        client, job, rows[0], action="collect", name="Hard"
    )
    number = _number(job, "parcel")
    answer = client.post(
        address("collect", job), {"cluster": number, "name": "Hard"}, follow=True
    ).content.decode()
    assert "2 rows were added to the dataset Hard" in answer
    assert set(Dataset.objects.get().examples.all()) == set(rows[:3])
    assert "needs a name" in act(client, job, rows[4], action="collect", name=" ")
    assert client.post(address("collect", job), {"cluster": "99"}).status_code == 404


def test_a_cluster_becomes_the_wish_of_a_job_that_hears_it(client, editor, job, rows):
    groups = [row.group for row in rows[:3]]
    InsightFactory(task=job.task, members=groups, diagnosis="Couriers\nare taken for desks.")
    page = gallery(client, editor, job)
    assert "Couriers" in page
    link = re.search(r'href="([^"]+jobs/new/[^"]+)"[^>]*>Optimize for', page)
    assert link
    form = client.get(link[1].replace("&amp;", "&")).content.decode()
    assert re.search(r'value="analyst"[^>]*checked', form)
    assert "are often wrong: put these right first." in form


def test_viewers_may_look_only_and_outsiders_find_nothing(client, viewer, outsider, job, rows):
    path = address("failure", job, example=rows[0].public_id)
    collect = address("collect", job)
    client.force_login(viewer)
    assert client.post(path, {"action": "wrong"}).status_code == 403
    assert client.post(collect, {"cluster": "1"}).status_code == 403
    assert client.get(path).status_code == 405
    client.force_login(outsider)
    assert client.get(address("failures", job)).status_code == 404
    assert client.post(path, {"action": "wrong"}).status_code == 404
    assert not AuditEntry.objects.filter(action__startswith="kaizen.example").exists()


def test_a_row_of_another_job_is_not_found(client, editor, job, rows):
    other = ExampleFactory(task=job.task)
    client.force_login(editor)
    path = address("failure", job, example=other.public_id)
    assert client.post(path, {"action": "wrong"}).status_code == 404


def test_an_unknown_act_says_what_to_press(client, editor, job, rows):
    client.force_login(editor)
    assert "Press one of the buttons" in act(client, job, rows[0], action="explode")


def test_the_queries_do_not_grow_with_the_failures(
    client, viewer, job, rows, django_assert_max_num_queries
):
    for _ in range(30):
        answered(job, PARCELS, 0.0, 0.0)
    client.force_login(viewer)
    with django_assert_max_num_queries(16):
        client.get(address("failures", job))
    assert EvaluationRow.objects.count() > 60
