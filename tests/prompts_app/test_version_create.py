import pytest
from django.db import DatabaseError, connection, transaction

from kaizen_engine.errors import InvalidArtifact
from kaizen_engine.prompts.artifact import PromptArtifact
from kaizen_engine.states import Verdict
from projects_app.exceptions import InvalidInput, NotAllowed, NotHere
from projects_app.models import AuditEntry, Scope
from prompts_app.models import GateOutcome, PromptVersion
from prompts_app.services.versions import version_create
from tests.factories.prompts import PromptVersionFactory, artifact_for
from tests.factories.tasks import TaskFactory
from tests.prompts_app.conftest import key_actor

pytestmark = pytest.mark.django_db


def test_versions_are_numbered_from_one_in_each_task(editor_actor, task, project):
    other = TaskFactory(project=project)
    made = [
        version_create(actor=editor_actor, task=owner, artifact=artifact_for(owner, words))[0]
        for owner, words in [(task, "One."), (task, "Two."), (other, "One.")]
    ]
    assert [version.number for version in made] == [1, 2, 1]


def test_the_same_text_in_a_task_is_the_same_version(editor_actor, approver_actor, task):
    first, is_new = version_create(actor=editor_actor, task=task, artifact=artifact_for(task))
    again, is_new_again = version_create(
        actor=approver_actor, task=task, artifact=artifact_for(task), change_reason="mine"
    )
    assert (is_new, is_new_again) == (True, False)
    assert again.pk == first.pk
    assert again.author == editor_actor.user


def test_a_version_keeps_its_text_hash_author_and_parents(editor_actor, task, live):
    artifact = artifact_for(task, "Be exact.")
    version, _ = version_create(
        actor=editor_actor, task=task, artifact=artifact, parents=[live], change_reason="shorter"
    )
    version.refresh_from_db()
    assert PromptArtifact.from_dict(version.artifact) == artifact
    assert version.hash == artifact.hash
    assert version.author == editor_actor.user
    assert version.author_label == "user:editor"
    assert list(version.parents.all()) == [live]
    entry = AuditEntry.objects.get(
        action="kaizen.prompt.version_created", object_id=str(version.public_id)
    )
    assert (entry.actor, entry.reason) == ("user:editor", "shorter")


def test_a_job_names_who_started_it_as_the_author(system_actor, editor, task):
    by_person, _ = version_create(
        actor=system_actor,
        task=task,
        artifact=artifact_for(task, "One."),
        author=editor,
        author_label="user:editor",
    )
    unlabelled, _ = version_create(
        actor=system_actor, task=task, artifact=artifact_for(task, "Three."), author=editor
    )
    assert (unlabelled.author, unlabelled.author_label) == (editor, "user:editor")
    by_itself, _ = version_create(
        actor=system_actor, task=task, artifact=artifact_for(task, "Two."), author_label="system"
    )
    assert (by_person.author, by_person.author_label) == (editor, "user:editor")
    assert (by_itself.author, by_itself.author_label) == (None, "system")


@pytest.mark.parametrize(("measured", "outcome"), [("own", "pass"), ("0" * 64, "fail")])
def test_evidence_leaves_a_gate_that_says_whether_it_is_for_this_text(
    system_actor, task, measured, outcome
):
    artifact = artifact_for(task)
    version, _ = version_create(
        actor=system_actor,
        task=task,
        artifact=artifact,
        evidence={"artifact_hash": artifact.hash if measured == "own" else measured},
        verdict=Verdict.CONFIRMED,
    )
    assert version.gates.get(name="evidence_hash").outcome == GateOutcome(outcome)


def test_a_parent_of_another_task_is_refused(editor_actor, task, project):
    stranger = PromptVersionFactory(task__project=project)
    with pytest.raises(InvalidInput) as caught:
        version_create(
            actor=editor_actor, task=task, artifact=artifact_for(task), parents=[stranger]
        )
    assert "parent" in caught.value.errors


def test_an_artifact_that_breaks_the_rules_is_refused(editor_actor, task):
    broken = PromptArtifact("", "{{nowhere}}", inputs=(), outputs=())
    with pytest.raises(InvalidArtifact):
        version_create(actor=editor_actor, task=task, artifact=broken)
    assert not PromptVersion.objects.exists()


def test_viewers_keys_without_the_scope_and_strangers_make_no_versions(
    viewer_actor, outsider_actor, project, editor, task
):
    reader = key_actor(project, editor, Scope.PROMPT_READ)
    for actor, refusal in [
        (viewer_actor, NotAllowed),
        (reader, NotAllowed),
        (outsider_actor, NotHere),
    ]:
        with pytest.raises(refusal):
            version_create(actor=actor, task=task, artifact=artifact_for(task))


@pytest.mark.parametrize(
    "assignment",
    [
        "artifact = '{}'",
        "hash = 'x'",
        "number = 7",
        "evidence = '{}'",
        "verdict = 'confirmed'",
        "origin_job = NULL",
        "dspy_state = '{}'",
        "task_id = task_id",
    ],
)
def test_the_database_itself_refuses_to_change_what_was_scored(assignment):
    version = PromptVersionFactory()
    with (
        pytest.raises(DatabaseError, match="immutable"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            f"UPDATE prompts_app_promptversion SET {assignment} WHERE id = %s", [version.pk]
        )


def test_the_database_lets_the_review_move():
    version = PromptVersionFactory()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE prompts_app_promptversion SET review_state = 'approved' WHERE id = %s",
            [version.pk],
        )
    version.refresh_from_db()
    assert version.review_state == "approved"
