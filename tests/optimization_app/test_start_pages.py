"""The page that starts a job: the estimate before anything is spent, refusals in words, re-runs."""

from decimal import Decimal

import pytest
from django.urls import reverse

from kaizen_engine.states import JobState
from llm_app.models import ModelPrice
from optimization_app.config import JobConfig
from optimization_app.models import Job
from optimization_app.services.start import job_start
from projects_app.models import Project
from prompts_app.models import Tag
from tasks_app.models import Task
from tests.factories.feedback import DatasetFactory, ExampleFactory
from tests.factories.llm import ModelPriceFactory
from tests.factories.optimization import JobFactory
from tests.factories.prompts import PromptVersionFactory, TagFactory
from tests.factories.tasks import TaskFactory

pytestmark = pytest.mark.django_db


def place(name, project, **kwargs):
    return reverse(f"jobs:{name}", kwargs={"project": project.slug, **kwargs})


def asked(task, **changes):
    said = {
        "task": task.slug,
        "optimizer_type": "bootstrap",
        "student": task.student,
        "num_trials": "3",
        "num_fewshot_examples": "4",
        "budget_usd": "5",
        "minutes": "10",
    }
    return said | changes


def post(client, task, **changes):
    return client.post(place("new", task.project), asked(task, **changes), follow=True)


def page(client, task, **query):
    answer = client.get(place("new", task.project), {"task": task.slug, **query})
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_form_begins_with_the_prompts_settings_and_what_they_cost(client, editor, ready_task):
    client.force_login(editor)
    shown = page(client, ready_task)
    assert f'value="{ready_task.student}"' in shown
    assert "Cost, about" in shown
    assert "Never more than" in shown
    assert "This cannot be started" not in shown


def test_the_address_and_an_earlier_job_fill_the_form(client, editor, ready_task, editor_actor):
    config = {"num_trials": 2, "notes": ["be kind"], "minutes": 7}
    job, _ = job_start(actor=editor_actor, task=ready_task, trigger="api", config=config)
    client.force_login(editor)
    shown = page(client, ready_task, **{"from": str(job.public_id)}, minutes="8")
    assert 'name="num_trials" value="2"' in shown
    assert 'name="minutes" value="8"' in shown
    assert "be kind" in shown
    assert f"Job {job.pk} is under way for this prompt" in shown


def test_every_change_is_estimated_anew(client, editor, ready_task):
    client.force_login(editor)

    def calls(trials):
        found = client.get(
            place("estimate", ready_task.project), asked(ready_task, num_trials=trials)
        )
        return found.context["forecast"].facts

    assert calls(1) != calls(15)
    wrong = client.get(place("estimate", ready_task.project), asked(ready_task, num_trials=99))
    assert "Trials: Ensure this value is less than or equal to 15" in wrong.content.decode()
    assert not Job.objects.exists()


def test_start_queues_the_job_that_was_asked_for(client, editor, ready_task):
    client.force_login(editor)
    shown = post(client, ready_task, notes="be kind\n\n  be short ").content.decode()
    job = Job.objects.get()
    assert f"Job {job.pk} is queued." in shown
    assert (job.trigger, job.started_by, job.minutes) == ("page", editor, 10)
    assert job.config["num_trials"] == 3
    assert job.config["notes"] == ["be kind", "be short"]


def test_a_second_start_leads_to_the_job_under_way(client, editor, ready_task):
    client.force_login(editor)
    post(client, ready_task)
    assert "under way already" in post(client, ready_task).content.decode()
    assert Job.objects.count() == 1


def test_without_script_a_button_estimates_and_starts_nothing(client, editor, ready_task):
    client.force_login(editor)
    shown = post(client, ready_task, only="estimate", num_trials="2").content.decode()
    assert "Cost, about" in shown
    assert 'name="num_trials" value="2"' in shown
    assert not Job.objects.exists()


def test_a_model_without_a_price_is_refused_with_where_to_enter_it(client, editor, ready_task):
    model = f"{ready_task.student_connection.slug}/dear"
    client.force_login(editor)
    for shown in (page(client, ready_task, student=model), post(client, ready_task, student=model)):
        text = shown if isinstance(shown, str) else shown.content.decode()
        assert f"No price is known for {model}" in text
        assert f"Enter the price of {model}" in text
        assert f"/connections/{ready_task.student_connection.slug}/?model=dear#price" in text
    assert not Job.objects.exists()


def test_above_the_projects_limit_the_words_are_shown_and_a_tick_is_asked_for(
    client, editor, ready_task
):
    Project.objects.update(confirm_over_usd=Decimal("0.00001"))
    client.force_login(editor)
    assert 'name="confirm"' in page(client, ready_task)
    refused = post(client, ready_task).content.decode()
    assert "this project wants it confirmed" in refused
    assert 'name="confirm"' in refused
    assert not Job.objects.exists()
    post(client, ready_task, confirm="on")
    assert Job.objects.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_trials": "x"}, "Enter a whole number"),
        ({"student": "nonsense"}, "must be written"),
        ({"student": "elsewhere/model"}, "no connection named “elsewhere”"),
        ({"budget_usd": "0"}, "needs at least"),
        ({"optimizer_type": "guess"}, "Select a valid choice"),
        ({"students": "a,b,c"}, "must be written"),
    ],
)
def test_what_cannot_be_is_refused_in_words(client, editor, ready_task, changes, said):
    client.force_login(editor)
    shown = post(client, ready_task, **changes).content.decode()
    assert "Nothing was started yet" in shown
    assert said in shown
    assert not Job.objects.exists()


def test_a_dataset_of_another_prompt_cannot_be_chosen(client, editor, ready_task):
    mine = DatasetFactory(task=ready_task, frozen=True)
    ExampleFactory.create_batch(3, task=ready_task, dataset=mine)
    client.force_login(editor)
    post(client, ready_task, dataset_id=str(DatasetFactory(frozen=True).public_id))
    assert not Job.objects.exists()
    post(client, ready_task, dataset_id=str(mine.public_id))
    assert Job.objects.get().config["dataset_id"] == str(mine.public_id)


def test_wishes_that_a_strategy_does_not_hear_are_said_so(client, editor, ready_task):
    client.force_login(editor)
    assert "bootstrap hears no wishes" in page(client, ready_task, notes="be kind")
    assert "hears no wishes" not in page(
        client, ready_task, notes="be kind", optimizer_type="analyst"
    )


def test_more_students_are_searched_beside_the_first(client, editor, ready_task):
    connection = ready_task.student_connection
    ModelPriceFactory(connection=connection, model="small")
    client.force_login(editor)
    post(client, ready_task, students=f"{connection.slug}/small")
    config = JobConfig.from_json(Job.objects.get().config)
    assert (config.student, config.students) == (ready_task.student, [f"{connection.slug}/small"])


def test_one_prompt_is_chosen_by_itself_and_several_are_asked_about(client, editor, ready_task):
    client.force_login(editor)
    project = ready_task.project
    answer = client.get(place("new", project), {"notes": "x"})
    assert answer["Location"].endswith(f"?notes=x&task={ready_task.slug}")
    other = PromptVersionFactory(task=TaskFactory(project=project))
    TagFactory(version=other)
    assert "For which prompt?" in client.get(place("new", project)).content.decode()
    Tag.objects.all().delete()
    assert "nothing to improve on" in client.get(place("new", project)).content.decode()


def test_a_viewer_may_not_and_an_outsider_finds_nothing(client, viewer, outsider, ready_task):
    project, job = ready_task.project, JobFactory(task=ready_task, succeeded=True)
    doors = [
        (client.get, place("new", project)),
        (client.get, place("estimate", project)),
        (client.post, place("rerun", project, job_id=job.public_id)),
    ]
    for user, status in ((viewer, 403), (outsider, 404)):
        client.force_login(user)
        assert [door(path, {"task": "triage"}).status_code for door, path in doors] == [status] * 3
    assert Job.objects.count() == 1


def test_an_unknown_prompt_is_not_found(client, editor, ready_task):
    client.force_login(editor)
    answer = client.get(place("new", ready_task.project), {"task": "nothing"})
    assert answer.status_code == 404


def ended(actor, task, **config):
    job, _ = job_start(actor=actor, task=task, trigger="api", config=config)
    Job.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED.value)
    return job


def test_a_rerun_asks_for_the_same_again(client, editor, ready_task, editor_actor):
    Task.objects.filter(pk=ready_task.pk).update(notes="no jargon")
    task = Task.objects.get(pk=ready_task.pk)
    first = ended(editor_actor, task, num_trials=2, notes=["be kind"], reasoning=True)
    client.force_login(editor)
    again = client.post(place("rerun", task.project, job_id=first.public_id), follow=True)
    job = Job.objects.latest("pk")
    assert f"Job {job.pk} is queued." in again.content.decode()
    assert job.trigger == "rerun"
    assert job.config == Job.objects.get(pk=first.pk).config


def test_a_rerun_that_is_refused_leads_to_where_it_can_be_changed(
    client, editor, ready_task, editor_actor
):
    first = ended(editor_actor, ready_task)
    ModelPrice.objects.all().delete()
    client.force_login(editor)
    again = client.post(place("rerun", ready_task.project, job_id=first.public_id), follow=True)
    assert again.redirect_chain[0][0].startswith(place("new", ready_task.project))
    assert "No price is known" in again.content.decode()
    assert Job.objects.count() == 1


def test_an_evaluation_runs_again_and_a_look_at_the_hold_out_does_not(
    client, editor, ready_task, live_version
):
    ExampleFactory.create_batch(3, task=ready_task)
    version = PromptVersionFactory(task=ready_task, parents=[live_version])
    job = JobFactory(seed_version=live_version, evaluating=version, succeeded=True)
    path = place("rerun", ready_task.project, job_id=job.public_id)
    client.force_login(editor)
    client.post(path)
    assert Job.objects.latest("pk").result_version == version
    Job.objects.filter(pk=job.pk).update(config={"evaluation": {"splits": ["dev", "test"]}})
    answer = client.post(path)
    assert answer["Location"].endswith(f"/versions/{version.number}/evaluate/")
    assert Job.objects.count() == 2
