"""What a person does with chosen rows: export them, run jobs again, put prompts away."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from feedback_app.models import Feedback
from kaizen_engine.states import JobState
from optimization_app.models import Job
from projects_app.models import AuditEntry, Role, User
from prompts_app.models import PromptVersion
from tasks_app.models import Task
from tests.admin.rooms import TENANT, Room, page
from tests.factories.feedback import FeedbackFactory

SignIn = Callable[[User], Client]
each_model = pytest.mark.parametrize("model", TENANT, ids=lambda model: model.__name__)


def act(client: Client, action: str, *rows: Model, **data: str) -> Any:
    chosen = {"action": action, "_selected_action": [row.pk for row in rows], **data}
    return client.post(page(type(rows[0]), "changelist"), chosen, follow=True)


@each_model
def test_everybody_exports_what_they_see_and_no_secret(
    model: type[Model], maple: Room, sign_in: SignIn
) -> None:
    row = maple.rows[model]
    answer = act(sign_in(maple.people[Role.VIEWER]), "export_csv", row)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [one["id"] for one in rows] == [str(row.pk)]
    assert not {"secret_hash", "secret_encrypted", "password"} & set(rows[0])


def test_an_exported_formula_is_text(maple: Room, sign_in: SignIn) -> None:
    row = FeedbackFactory(task=maple.rows[Task], comment="=HYPERLINK(1)")
    answer = act(sign_in(maple.people[Role.VIEWER]), "export_csv", row)
    assert "'=HYPERLINK(1)" in b"".join(answer.streaming_content).decode()


def test_a_prompt_is_archived_and_restored(maple: Room, sign_in: SignIn) -> None:
    client, task = sign_in(maple.people[Role.ADMIN]), maple.rows[Task]
    assert "1 archived" in act(client, "archive", task).content.decode()
    task.refresh_from_db()
    assert task.archived_at is not None
    assert "0 archived" in act(client, "archive", task).content.decode()
    act(client, "restore", task)
    task.refresh_from_db()
    assert task.archived_at is None
    words = AuditEntry.objects.filter(action__startswith="kaizen.task.").values_list("action")
    assert [word for (word,) in words] == ["kaizen.task.restored", "kaizen.task.archived"]


def test_a_job_that_cannot_run_again_says_why(maple: Room, sign_in: SignIn) -> None:
    client, job = sign_in(maple.people[Role.EDITOR]), maple.rows[Job]
    answer = act(client, "rerun", job)
    assert [str(one) for one in answer.context["messages"]]
    assert Job.objects.filter(task=job.task, state=JobState.RUNNING.value).count() == 1


def test_drafts_are_rejected_with_a_reason_and_never_without(maple: Room, sign_in: SignIn) -> None:
    client = sign_in(maple.people[Role.APPROVER])
    assert "reason" in act(client, "reject", maple.proven, reason=" ").content.decode().lower()
    maple.proven.refresh_from_db()
    assert maple.proven.review_state == "draft"
    act(client, "reject", maple.proven, reason="too long")
    maple.proven.refresh_from_db()
    assert (maple.proven.review_state, maple.proven.review_reason) == ("rejected", "too long")


def test_nothing_goes_live_in_bulk() -> None:
    offered = {action for model in TENANT for action in admin.site._registry[model].actions or ()}
    assert not {name for name in offered if "promote" in name or "approve" in name}


def test_a_version_leads_to_its_comparison_and_to_a_copy_of_it(
    maple: Room, sign_in: SignIn
) -> None:
    place = page(PromptVersion, "change", maple.proven.pk)
    where = {"project": maple.project.slug, "task": maple.proven.task.slug}
    numbers = {"a": maple.first.number, "b": maple.proven.number}
    compare = reverse("prompts:compare", kwargs={**where, **numbers})
    edit = reverse("prompts:edit", kwargs={**where, "number": maple.proven.number})
    for role in (Role.VIEWER, Role.EDITOR):
        text = sign_in(maple.people[role]).get(place).content.decode()
        assert compare in text
        assert (edit in text) == (role is Role.EDITOR)


def test_a_job_leads_to_its_page(maple: Room, sign_in: SignIn) -> None:
    job = maple.rows[Job]
    where = {"project": maple.project.slug, "job_id": job.public_id}
    text = sign_in(maple.people[Role.VIEWER]).get(page(Job, "change", job.pk)).content.decode()
    assert reverse("jobs:job", kwargs=where) in text


@each_model
def test_a_list_counts_no_more_than_it_can_show(
    model: type[Model], maple: Room, sign_in: SignIn
) -> None:
    client = sign_in(maple.people[Role.VIEWER])
    with CaptureQueriesContext(connection) as asked:
        assert client.get(page(model, "changelist"), {"q": "ebra"}).status_code == 200
    counts = [one["sql"] for one in asked if "COUNT(" in one["sql"]]
    assert [sql for sql in counts if "LIMIT" not in sql] == []


def test_a_search_of_a_large_table_is_by_whole_words_that_are_indexed(
    maple: Room, sign_in: SignIn
) -> None:
    client = sign_in(maple.people[Role.VIEWER])
    for wanted, found in (("maple-event", 1), ("maple", 0)):
        shown = client.get(page(Feedback, "changelist"), {"q": wanted}).context["cl"]
        assert len(shown.result_list) == found
