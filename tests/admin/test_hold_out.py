"""What decides a verdict is shown to nobody, not even to who may see everything."""

from collections.abc import Callable

import pytest
from django.db.models import Model
from django.test import Client

from feedback_app.models import Example, Feedback
from optimization_app.models import EvaluationRow, Job
from projects_app.models import User
from tests.admin.rooms import Room, page
from tests.factories.feedback import ExampleFactory, FeedbackFactory
from tests.factories.optimization import EvaluationRowFactory
from tests.factories.projects import UserFactory


@pytest.fixture
def held_out(maple: Room) -> dict[type[Model], Model]:
    job = maple.rows[Job]
    said = FeedbackFactory(task=job.task, inputs={"text": "sequoia"})
    example = ExampleFactory(task=job.task, feedback=said, split="test", inputs=said.inputs)
    row = EvaluationRowFactory(job=job, example=example, label="winner_test", text="sequoia")
    return {Example: example, EvaluationRow: row, Feedback: said}


@pytest.mark.parametrize("model", [Example, EvaluationRow, Feedback])
def test_rows_of_the_hold_out_are_on_no_page(
    model: type[Model],
    maple: Room,
    held_out: dict[type[Model], Model],
    sign_in: Callable[[User], Client],
) -> None:
    boss = UserFactory(is_superuser=True, staff=True)
    for user in (*maple.people.values(), boss):
        client = sign_in(user)
        listed = client.get(page(model, "changelist"))
        assert listed.context["cl"].queryset.filter(pk=maple.rows[model].pk).exists()
        assert "sequoia" not in listed.content.decode()
        assert not listed.context["cl"].queryset.filter(pk=held_out[model].pk).exists()
        row = client.get(page(model, "change", held_out[model].pk), follow=True)
        assert "sequoia" not in row.content.decode()
