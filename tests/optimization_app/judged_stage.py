"""A task that nobody gave right answers to: thumbs and comments, and random calls to review."""

import random
from typing import Any

from django.test import Client
from django.urls import reverse

from feedback_app.services.feedback import feedback_log_batch
from feedback_app.wire import FeedbackItem
from kaizen_engine.states import FeedbackOrigin
from optimization_app.labelling import next_item, progress_of
from optimization_app.models import EvaluationRow, Job, Step
from optimization_app.passports import passport_state
from optimization_app.run import run_claimed_job
from optimization_app.services.draw import items_draw
from optimization_app.services.judging import judge_round
from optimization_app.services.labels import label_give
from optimization_app.services.lease import job_claim
from optimization_app.services.start import job_start
from projects_app.actors import Actor
from projects_app.exceptions import ServiceError
from projects_app.models import Role, User
from prompts_app.models import PromptVersion
from prompts_app.services.review import version_approve
from tasks_app.models import Task
from tasks_app.services import task_update
from tests.factories.projects import MembershipFactory, UserFactory
from tests.optimization_app.stage import WORDS, build_task, messages

RUBRIC = "The answer is the code of the desk.\n" + "\n".join(
    f"{code}: {', '.join(words.split())}" for code, words in sorted(WORDS.items())
)
JUDGE = {"kind": "rubric", "rubric": RUBRIC, "model": "local/demo"}
SEARCH = {"num_trials": 1, "num_fewshot_examples": 16}


def build() -> None:
    build_task("", evaluator=JUDGE)
    Task.objects.update(feedback_origin=FeedbackOrigin.USER.value)
    task = Task.objects.get()
    for name, role in (("editor", Role.EDITOR), ("approver", Role.APPROVER)):
        person = UserFactory(username=name, staff=True)
        MembershipFactory(project=task.project, user=person, role=role.value)


def log_thumbs(rows: int) -> None:
    """Log what people said: a thumb up on right answers, down with a remark on wrong ones."""
    lots = random.Random(3)
    _log(
        _item(number, text, answer, thumb=answer == label, comment=_remark(answer, label))
        for number, (text, label) in enumerate(messages(rows))
        for answer in [lots.choice(sorted(WORDS)) if number % 2 else label]
    )


def log_calls(rows: int) -> None:
    """Log a random sample of calls that nobody has said anything of."""
    lots = random.Random(4)
    _log(
        _item(10_000 + number, text, lots.choice(sorted(WORDS)), origin="random")
        for number, (text, _) in enumerate(messages(rows, seed=2))
    )


def run_job() -> dict[str, Any]:
    task = Task.objects.get()
    actor = Actor.system(task.project_id)
    job, _ = job_start(actor=actor, task=task, trigger="test", config=SEARCH)
    claim = job_claim(job.pk, "test")
    assert claim is not None
    run_claimed_job(job.pk, claim.fence)
    return _found(Job.objects.get(pk=job.pk))


def label_blindly(labels: int) -> dict[str, Any]:
    """Label as a person who knows the right answers, and have the judge measured by it."""
    task, person = Task.objects.get(), User.objects.get(username="editor")
    actor, given = Actor.member(person, task.project), 0
    truth = dict(messages(1_000, seed=2))
    while given < labels and (items_draw(actor=actor, task=task) or next_item(task, person)):
        while given < labels and (item := next_item(task, person)):
            is_right = item.answer["label"] == truth[item.inputs["text"]]
            label_give(actor=actor, item=item, word="good" if is_right else "bad")
            given += 1
    said = judge_round(task.pk)
    now = passport_state(task, task.evaluator)
    return {
        "given": given,
        "said": said,
        "random": progress_of(task).random,
        "state": now.state.value,
        "labels": now.passport.labels if now.passport else 0,
    }


def change_one_word() -> str:
    task = Task.objects.get()
    changed = {**JUDGE, "rubric": RUBRIC.replace("code of the desk", "code of the team")}
    task_update(actor=Actor.system(task.project_id), task=task, evaluator=changed)
    task = Task.objects.get()
    return passport_state(task, task.evaluator).state.value


def approve(job_id: int) -> str:
    """Approve the job's draft as an approver would; return what speaks against it, or nothing."""
    job = Job.objects.get(pk=job_id)
    person = User.objects.get(username="approver")
    actor = Actor.member(person, job.task.project)
    try:
        version_approve(actor=actor, version=job.result_version)
    except ServiceError as error:
        return f"{error.code}: {error}"
    return ""


def page_of(job_id: int) -> str:
    client, job = Client(SERVER_NAME="localhost"), Job.objects.get(pk=job_id)
    client.force_login(User.objects.get(username="editor"))
    place = {"project": job.task.project.slug, "job_id": job.public_id}
    return client.get(reverse("jobs:fragment", kwargs=place)).content.decode()


def _found(job: Job) -> dict[str, Any]:
    evidence = job.result.get("evidence", {})
    used = Step.objects.get(job=job, name="prepared")
    draft = PromptVersion.objects.filter(origin_job=job.public_id).first()
    gates = {row.name: row.outcome for row in draft.gates.order_by("id")} if draft else {}
    return {
        "id": job.pk,
        "state": job.state,
        "error": job.error,
        "verdict": job.verdict,
        "reported": evidence.get("reported"),
        "holdout": evidence.get("holdout"),
        "judge": evidence.get("judge"),
        "used": {f"{origin} {role}": rows for origin, role, rows in used.data["usage"]["used"]},
        "draft": draft.number if draft else None,
        "gates": gates,
        "judged_rows": EvaluationRow.objects.filter(job=job, parts__has_key="rubric").count(),
    }


def _remark(answer: str, label: str) -> str:
    return "" if answer == label else f"No, this belongs to {label}."


def _item(number: int, text: str, answer: str, **fields: Any) -> FeedbackItem:
    return FeedbackItem(
        task="triage",
        event_id=f"event-{number}",
        inputs={"text": text},
        output={"label": answer},
        **fields,
    )


def _log(items: Any) -> None:
    batch = list(items)
    actor = Actor.system(Task.objects.get().project_id)
    for start in range(0, len(batch), 100):
        answers = feedback_log_batch(actor=actor, items=batch[start : start + 100])
        assert {answer.status for answer in answers} == {201}, answers
