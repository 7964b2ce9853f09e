"""Start demo fills a project through the real services; Remove demo data leaves nothing of it."""

import pytest

from feedback_app.models import Dataset, Example, Feedback
from kaizen_engine.llm.providers.demo import DemoModel
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.prompts.parse import parse_output
from kaizen_engine.prompts.render import render_messages
from kaizen_engine.states import JobKind, JobState
from kaizen_site.demo.remove import demo_remove
from kaizen_site.demo.start import FOLDER, demo_start, messages
from llm_app.models import Connection, LedgerEntry
from optimization_app.models import Job
from projects_app.actors import Actor
from projects_app.exceptions import Conflict, NotAllowed, NotHere
from projects_app.models import AuditEntry, FirstSteps, Project
from prompts_app.models import PromptVersion
from tasks_app.models import Task
from tests.factories.llm import LedgerEntryFactory
from tests.factories.optimization import EvaluationRowFactory, TrialFactory


def test_it_loads_a_live_prompt_feedback_and_a_dataset_and_queues_two_jobs(
    admin_actor: Actor, project: Project
) -> None:
    demo_start(actor=admin_actor, project=project)
    task = Task.objects.get(project=project)
    assert Feedback.objects.filter(task=task).count() == 240
    assert Example.objects.filter(dataset=Dataset.objects.get(task=task)).count() == 48
    jobs = Job.objects.filter(task=task).order_by("pk")
    assert [job.kind for job in jobs] == [JobKind.EVALUATE, JobKind.OPTIMIZE]
    assert [job.started_by_label for job in jobs] == ["user:admin_member", "system"]
    assert FirstSteps.objects.get(project=project).demo_task == task.public_id


def test_its_recorded_answers_are_those_of_the_demo_model(
    admin_actor: Actor, project: Project
) -> None:
    demo_start(actor=admin_actor, project=project)
    artifact, model = PromptVersion.objects.get().artifact, DemoModel()
    said = []
    for _, text in messages():
        asked = render_messages(artifact, {"message": text})
        request = ChatRequest(model="demo", messages=asked, max_tokens=256, temperature=0.0)
        said.append(parse_output(artifact, model.complete(request, timeout_s=5).text)["desk"])
    assert said == (FOLDER / "answers.txt").read_text().split()


def test_it_is_loaded_once(admin_actor: Actor, project: Project) -> None:
    demo_start(actor=admin_actor, project=project)
    with pytest.raises(Conflict) as refused:
        demo_start(actor=admin_actor, project=project)
    assert refused.value.code == "demo_present"
    assert Task.objects.filter(project=project).count() == 1


@pytest.mark.parametrize("who", ["viewer_actor", "approver_actor"])
def test_only_an_admin_may_load_or_remove_it(
    who: str, project: Project, request: pytest.FixtureRequest
) -> None:
    actor = request.getfixturevalue(who)
    for act in (demo_start, demo_remove):
        with pytest.raises(NotAllowed):
            act(actor=actor, project=project)
    assert not Task.objects.exists()


def test_an_outsider_finds_no_project(outsider_actor: Actor, project: Project) -> None:
    for act in (demo_start, demo_remove):
        with pytest.raises(NotHere):
            act(actor=outsider_actor, project=project)


def test_removing_leaves_nothing_but_the_audit_trail(admin_actor: Actor, project: Project) -> None:
    demo_start(actor=admin_actor, project=project)
    job = Job.objects.get(kind=JobKind.OPTIMIZE.value)
    Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING.value)
    TrialFactory(job=job)
    EvaluationRowFactory(job=job, example=Example.objects.first())
    LedgerEntryFactory(project=project, model="demo-model/demo", subject=job.public_id)
    LedgerEntryFactory(project=project, model="own/large")
    demo_remove(actor=admin_actor, project=project)
    for model in (Task, Job, PromptVersion, Feedback, Example, Dataset, Connection):
        assert not model.objects.exists()
    assert [entry.model for entry in LedgerEntry.objects.all()] == ["own/large"]
    assert AuditEntry.objects.filter(action="kaizen.demo.removed").count() == 1
    with pytest.raises(Conflict):
        demo_remove(actor=admin_actor, project=project)


def test_it_can_be_loaded_again_after_its_removal(admin_actor: Actor, project: Project) -> None:
    for _ in range(2):
        demo_start(actor=admin_actor, project=project)
        demo_remove(actor=admin_actor, project=project)
    assert not Task.objects.exists()
