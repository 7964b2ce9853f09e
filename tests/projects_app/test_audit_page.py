"""The audit trail as a page: what was before and after, filters in the address, files."""

import csv
import io
import json
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from projects_app.services.audit import audit_record
from tests.factories.projects import AuditEntryFactory

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"


def address(name="list"):
    return reverse(f"audit:{name}", kwargs={"project": "support"})


def seen(client, user, **query):
    client.force_login(user)
    return client.get(address(), query).content.decode()


@pytest.fixture
def trail(project, other_project):
    moved = {"budget_usd": ["5", "7"]}
    AuditEntryFactory(
        project=project,
        actor="user:ann",
        action="kaizen.task.changed",
        object_type="task",
        object_id="0190",
        data={"changes": moved},
        reason=HOSTILE,
        request_id="request-12345678",
    )
    AuditEntryFactory(project=project, actor="key:abcd", action="kaizen.job.queued")
    AuditEntryFactory(project=other_project, actor="user:stranger", action="kaizen.secret")
    return project


def test_a_row_says_who_did_what_from_what_to_what_and_why(client, viewer, trail):
    page = seen(client, viewer)
    assert "user:ann" in page
    assert "kaizen.task.changed" in page
    assert "<del>" in page
    assert "request-12345678" in page
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert "stranger" not in page


@pytest.mark.parametrize(
    ("query", "ann", "key"),
    [
        ({"actor": "ann"}, True, False),
        ({"actor": "key:abcd"}, False, True),
        ({"action": "kaizen.job.queued"}, False, True),
        ({"object_id": "0190"}, True, False),
        ({"first": "2000-01-01", "last": "2000-01-02"}, False, False),
        ({"action": "kaizen.none"}, False, False),
    ],
)
def test_a_filter_leaves_only_its_own(client, viewer, trail, query, ann, key):
    page = seen(client, viewer, **query)
    assert ('title="user:ann"' in page, 'title="key:abcd"' in page) == (ann, key)


def test_what_cannot_be_meant_is_said_at_its_field(client, viewer, trail):
    page = seen(client, viewer, first="2026-02-01", last="2026-01-01")
    assert "The last day is before the first." in page


def test_the_files_hold_the_same_rows_and_no_formula(client, viewer, trail):
    AuditEntryFactory(project=trail, actor="user:ann", reason="=cmd()")
    client.force_login(viewer)
    answer = client.get(address("csv"), {"actor": "ann"})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert [row["reason"] for row in csv.DictReader(io.StringIO(text))] == ["'=cmd()", HOSTILE]
    answer = client.get(address("jsonl"), {"actor": "ann"})
    lines = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]
    assert [line["reason"] for line in lines] == ["=cmd()", HOSTILE]
    assert lines[1]["data"] == {"changes": {"budget_usd": ["5", "7"]}}


def test_an_outsider_finds_nothing(client, outsider, trail):
    client.force_login(outsider)
    assert {client.get(address(name)).status_code for name in ("list", "csv", "jsonl")} == {404}


def test_the_list_counts_nothing_and_asks_no_more_for_more_rows(
    client, viewer, trail, django_assert_max_num_queries
):
    AuditEntryFactory.create_batch(30, project=trail)
    client.force_login(viewer)
    day = (timezone.now() - timedelta(days=1)).date()
    with django_assert_max_num_queries(12) as asked:
        page = client.get(address(), {"first": str(day)}).content.decode()
    assert not any("COUNT(*)" in query["sql"] for query in asked.captured_queries)
    assert page.count('<tr role="row">') == 26
    assert 'rel="next"' in page


def test_a_changed_setting_shows_its_old_value(client, admin_member, admin_actor, project):
    audit_record(
        actor=admin_actor,
        action="kaizen.project.updated",
        subject=project,
        name="New",
        before={"name": "Old"},
    )
    page = seen(client, admin_member)
    assert "Old</del>" in page
    assert "New</ins>" in page
