"""Protected examples: who may mark them, and that a marked row never becomes hold-out."""

import pytest
from django.test import Client
from django.urls import reverse

from feedback_app.models import Example
from feedback_app.services.protection import examples_protect
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput, NotAllowed, NotHere
from projects_app.models import AuditEntry, Project
from tests.factories.feedback import ExampleFactory
from tests.factories.tasks import TaskFactory


@pytest.fixture
def example(project: Project) -> Example:
    return ExampleFactory(task=TaskFactory(project=project))


def test_an_editor_protects_a_row_which_then_is_seen_and_audited(
    example: Example, editor_actor: Actor
) -> None:
    assert examples_protect(actor=editor_actor, examples=[example], is_protected=True) == 1
    example.refresh_from_db()
    assert (example.is_protected, example.is_seen) == (True, True)
    assert AuditEntry.objects.get(action="kaizen.example.protected").object_id == str(
        example.public_id
    )
    assert examples_protect(actor=editor_actor, examples=[example], is_protected=True) == 0


def test_a_row_of_the_hold_out_cannot_be_protected(example: Example, editor_actor: Actor) -> None:
    Example.objects.filter(pk=example.pk).update(split="test")
    example.refresh_from_db()
    with pytest.raises(InvalidInput, match="hold-out"):
        examples_protect(actor=editor_actor, examples=[example], is_protected=True)


def test_a_viewer_and_a_stranger_protect_nothing(
    example: Example, viewer_actor: Actor, outsider_actor: Actor
) -> None:
    with pytest.raises(NotAllowed):
        examples_protect(actor=viewer_actor, examples=[example], is_protected=True)
    with pytest.raises(NotHere):
        examples_protect(actor=outsider_actor, examples=[example], is_protected=True)
    assert not Example.objects.filter(is_protected=True).exists()


@pytest.mark.parametrize(("who", "is_done"), [("editor", True), ("viewer", False)])
def test_the_admin_offers_it_to_editors_only(
    who: str, is_done: bool, example: Example, request: pytest.FixtureRequest
) -> None:
    client = Client()
    client.force_login(request.getfixturevalue(who))
    data = {"action": "protect", "_selected_action": [example.pk]}
    client.post(reverse("admin:feedback_app_example_changelist"), data)
    assert Example.objects.filter(is_protected=True).exists() is is_done
