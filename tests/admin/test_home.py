"""The first page says what waits for the member, of their projects only, with few queries."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from optimization_app.models import Job
from projects_app.models import Role, User
from prompts_app.models import PromptVersion
from tasks_app.models import Task
from tests.admin.rooms import Room, page
from tests.factories.feedback import TaskCounterFactory
from tests.factories.prompts import PromptVersionFactory

SignIn = Callable[[User], Client]


def test_what_waits_is_named_with_its_link(maple: Room, zebra: Room, sign_in: SignIn) -> None:
    TaskCounterFactory(task=maple.rows[Task], unconsumed=38)
    text = sign_in(maple.people[Role.VIEWER]).get(reverse("admin:index")).content.decode()
    assert page(PromptVersion, "change", maple.proven.pk) in text
    assert page(Job, "change", maple.rows[Job].pk) in text
    assert "38 of 50" in text
    assert "zebra" not in text


def test_what_is_live_or_decided_waits_for_nobody(maple: Room, sign_in: SignIn) -> None:
    PromptVersionFactory(task=maple.proven.task, rejected=True, system="No.")
    home = sign_in(maple.people[Role.VIEWER]).get(reverse("admin:index")).context["home"]
    assert home.drafts == [maple.proven]


@pytest.mark.parametrize("place", ["index", "versions", "version", "jobs", "job"])
def test_a_page_needs_few_queries_however_much_there_is(
    place: str, maple: Room, sign_in: SignIn, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for number in range(30):
        PromptVersionFactory(
            task=maple.proven.task, proven=maple.first, number=number + 10, system=f"Way {number}."
        )
    places = {
        "index": reverse("admin:index"),
        "versions": page(PromptVersion, "changelist"),
        "version": page(PromptVersion, "change", maple.proven.pk),
        "jobs": page(Job, "changelist"),
        "job": page(Job, "change", maple.rows[Job].pk),
    }
    client = sign_in(maple.people[Role.APPROVER])
    with django_assert_max_num_queries(30):
        assert client.get(places[place]).status_code == 200
