"""The checklist is hidden and shown by editors, and the demo is noted and forgotten once."""

import uuid

import pytest

from projects_app.actors import Actor
from projects_app.exceptions import Conflict, NotAllowed, NotHere
from projects_app.models import AuditEntry, Project
from projects_app.services.first_steps import (
    checklist_hide,
    checklist_show,
    demo_forget,
    demo_note,
)

TASK, CONNECTION = uuid.uuid4(), uuid.uuid4()


def note(actor: Actor, project: Project) -> None:
    demo_note(actor=actor, project=project, task=TASK, connection=CONNECTION)


def test_an_editor_hides_the_checklist_and_shows_it_again(
    editor_actor: Actor, project: Project
) -> None:
    assert checklist_hide(actor=editor_actor, project=project).hidden_at is not None
    assert checklist_show(actor=editor_actor, project=project).hidden_at is None


def test_hiding_twice_is_told_once(editor_actor: Actor, project: Project) -> None:
    checklist_hide(actor=editor_actor, project=project)
    checklist_hide(actor=editor_actor, project=project)
    assert AuditEntry.objects.filter(action="kaizen.checklist.hidden").count() == 1


def test_a_viewer_or_an_outsider_may_not_hide_it(
    viewer_actor: Actor, outsider_actor: Actor, project: Project
) -> None:
    with pytest.raises(NotAllowed):
        checklist_hide(actor=viewer_actor, project=project)
    with pytest.raises(NotHere):
        checklist_hide(actor=outsider_actor, project=project)


def test_the_demo_is_noted_once_and_the_second_is_refused(
    admin_actor: Actor, project: Project
) -> None:
    note(admin_actor, project)
    with pytest.raises(Conflict) as refused:
        note(admin_actor, project)
    assert refused.value.code == "demo_present"


def test_what_the_demo_made_is_told_to_the_first_who_removes_it(
    admin_actor: Actor, project: Project
) -> None:
    note(admin_actor, project)
    made = demo_forget(actor=admin_actor, project=project)
    assert (made.task, made.connection) == (TASK, CONNECTION)
    with pytest.raises(Conflict) as refused:
        demo_forget(actor=admin_actor, project=project)
    assert refused.value.code == "demo_absent"


def test_an_approver_may_not_load_the_demo(approver_actor: Actor, project: Project) -> None:
    with pytest.raises(NotAllowed):
        note(approver_actor, project)
