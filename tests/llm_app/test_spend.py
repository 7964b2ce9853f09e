"""Spend: sums that agree with the ledger, filters in the address, a file no spreadsheet runs."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from llm_app.models import LedgerEntry
from llm_app.spend import GROUPINGS, SpendFilter, spend_by, spend_total
from projects_app.csv_export import safe_cell
from projects_app.models import Project, User
from tests.factories.llm import LedgerEntryFactory

ALL = SpendFilter(date(2026, 1, 1), date(2026, 1, 31))
JOB = "01890000-0000-7000-8000-000000000001"


def spent(project: Project, day: int, usd: str, **facts: object) -> LedgerEntry:
    entry = LedgerEntryFactory(project=project, cost_usd=Decimal(usd), **facts)
    at = datetime(2026, 1, day, 23, 59, 59, tzinfo=UTC)
    LedgerEntry.objects.filter(pk=entry.pk).update(at=at)
    return entry


@pytest.fixture
def ledger(project: Project, other_project: Project) -> Project:
    spent(project, 1, "0.10", role="student", model="a/small", subject=JOB)
    spent(project, 1, "0.20", role="teacher", model="a/large", subject=JOB)
    spent(project, 2, "0.40", role="student", model="=cmd()", is_upper_bound=True)
    spent(other_project, 1, "100", model="secret/model")
    return project


@pytest.mark.parametrize("grouping", GROUPINGS)
def test_every_grouping_adds_up_to_the_total(ledger: Project, grouping: str) -> None:
    total = spend_total(ledger, ALL)
    rows = spend_by(grouping, ledger, ALL)
    assert (total.usd, total.calls, total.uncertain_usd) == (Decimal("0.70"), 3, Decimal("0.40"))
    assert sum(row.usd for row in rows) == total.usd
    assert sum(row.input_tokens for row in rows) == total.input_tokens == 300


def test_days_are_newest_first_and_the_rest_dearest_first(ledger: Project) -> None:
    assert [row.key for row in spend_by("day", ledger, ALL)] == [date(2026, 1, 2), date(2026, 1, 1)]
    assert [row.key for row in spend_by("role", ledger, ALL)] == ["student", "teacher"]


@pytest.mark.parametrize(
    ("changes", "usd"),
    [
        ({"last": date(2026, 1, 1)}, "0.30"),
        ({"first": date(2026, 1, 2)}, "0.40"),
        ({"role": "teacher"}, "0.20"),
        ({"model": "a/small"}, "0.10"),
        ({"job": JOB}, "0.30"),
    ],
)
def test_a_filter_leaves_only_its_own(
    ledger: Project, changes: dict[str, object], usd: str
) -> None:
    from dataclasses import replace

    assert spend_total(ledger, replace(ALL, **changes)).usd == Decimal(usd)


def visit(client: Client, user: User, name: str, **query: str) -> object:
    client.force_login(user)
    return client.get(reverse(f"spend:{name}", kwargs={"project": "support"}), query)


def test_a_viewer_sees_the_sums_and_nothing_of_another_project(
    ledger: Project, viewer: User, client: Client
) -> None:
    page = visit(client, viewer, "page", first="2026-01-01", last="2026-01-31")
    text = page.content.decode()
    assert "$0.70" in text
    assert "secret/model" not in text
    assert reverse("jobs:job", kwargs={"project": "support", "job_id": JOB}) in text
    assert "spend.csv?first=2026-01-01&amp;last=2026-01-31" in text


def test_each_sum_leads_to_what_was_paid_for_where_it_has_a_page(
    project: Project, viewer: User, client: Client
) -> None:
    run, test = (LedgerEntryFactory(project=project, purpose=one) for one in ("playground", "test"))
    text = visit(client, viewer, "page").content.decode()
    assert reverse("playground:run", args=["support", run.subject]) in text
    assert f"{test.subject}</code></a>" not in text
    assert str(test.subject) in text


def test_a_stranger_gets_404_and_a_visitor_is_asked_to_sign_in(
    ledger: Project, outsider: User, client: Client
) -> None:
    for name in ("page", "csv"):
        assert visit(client, outsider, name).status_code == 404
    client.logout()
    answer = client.get(reverse("spend:page", kwargs={"project": "support"}))
    assert (answer.status_code, answer["Location"].split("?")[1]) == (302, "next=/p/support/spend/")


@pytest.mark.parametrize(
    "query", [{"first": "31.12."}, {"first": "2026-02-01", "last": "2026-01-01"}, {"role": "x"}]
)
def test_what_cannot_be_meant_is_said_at_its_field(
    ledger: Project, viewer: User, client: Client, query: dict[str, str]
) -> None:
    page = visit(client, viewer, "page", **query)
    assert page.status_code == 200
    assert page.content.decode().count('role="alert"') == 1


def test_the_file_holds_every_row_and_no_formula(
    ledger: Project, viewer: User, client: Client
) -> None:
    answer = visit(client, viewer, "csv", first="2026-01-01", last="2026-01-31")
    assert answer["Content-Disposition"] == (
        'attachment; filename="spend-support-2026-01-01-2026-01-31.csv"'
    )
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sum(Decimal(row["cost_usd"]) for row in rows) == Decimal("0.70")
    assert {row["model"] for row in rows} == {"a/small", "a/large", "'=cmd()"}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "  =1"])
def test_a_text_like_a_formula_is_no_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    assert safe_cell("plain = text") == "plain = text"
    assert safe_cell(-1) == -1


def test_the_page_asks_a_bounded_number_of_questions(
    ledger: Project, viewer: User, client: Client, django_assert_max_num_queries
) -> None:
    client.force_login(viewer)
    with django_assert_max_num_queries(14):
        client.get(reverse("spend:page", kwargs={"project": "support"}))
