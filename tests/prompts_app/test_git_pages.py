"""Git by page: places and files by admins, and a test that says what a worker found."""

import pytest
from django.urls import reverse

from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from prompts_app.models import GitConnection, Repository
from prompts_app.services.repository_test import repository_test_ask, repository_test_run
from tests.factories.prompts import GitConnectionFactory, RepositoryFactory
from tests.factories.tasks import TaskFactory


def address(name="git", **kwargs):
    return reverse(f"settings:{name}", kwargs={"project": "support", **kwargs})


@pytest.fixture
def repository(project):
    return RepositoryFactory(task=TaskFactory(project=project, slug="triage"))


@pytest.mark.django_db
def test_an_admin_adds_a_place_and_says_which_file_is_whose(client, admin_member, project):
    TaskFactory(project=project, slug="triage")
    client.force_login(admin_member)
    client.post(address("git-add"), {"slug": "own", "url": "", "merge_without_evidence": "hold"})
    typed = {"task": "triage", "connection": "own", "path": "", "base_branch": "main"}
    client.post(address("git-file"), typed)
    assert Repository.objects.get().path == "prompts/triage.prompt.yml"
    page = client.get(address()).content.decode()
    assert "prompts/triage.prompt.yml" in page
    assert "not tested" in page


@pytest.mark.django_db
def test_what_cannot_be_is_said_at_its_field(client, admin_member, repository, other_project):
    foreign = GitConnectionFactory(project=other_project, slug="foreign")
    TaskFactory(project=repository.task.project, slug="second")
    client.force_login(admin_member)
    bad = (
        ("git-add", {"slug": "x", "url": "/etc", "merge_without_evidence": "hold"}),
        ("git-file", {"task": "second", "connection": foreign.slug, "base_branch": "main"}),
        (
            "git-file",
            {"task": "second", "connection": repository.connection.slug, "base_branch": "a..b"},
        ),
    )
    for name, typed in bad:
        answer = client.post(address(name), typed)
        assert answer.status_code == 400
        assert 'role="alert"' in answer.content.decode()
    assert (GitConnection.objects.count(), Repository.objects.count()) == (2, 1)


@pytest.mark.django_db
def test_everybody_reads_and_only_admins_write(client, approver, outsider, repository):
    doors = (address("git-add"), address("git-file"), address("git-test", task="triage"))
    client.force_login(approver)
    assert client.get(address()).status_code == 200
    assert {client.post(url).status_code for url in doors} == {403}
    client.force_login(outsider)
    assert client.get(address()).status_code == 404
    assert {client.post(url).status_code for url in doors} == {404}


@pytest.mark.django_db
def test_a_test_looks_at_the_file_once(client, admin_member, repository, settings, tmp_path):
    from dataclasses import replace

    settings.CONFIG = replace(settings.CONFIG, data_dir=tmp_path)
    client.force_login(admin_member)
    client.post(address("git-test", task="triage"))
    assert "A worker looks." in client.get(address()).content.decode()
    actor = Actor.system(repository.task.project_id)
    with pytest.raises(Conflict):
        repository_test_ask(actor=actor, repository=repository)
    assert repository_test_run(repository.pk) == "works"
    assert repository_test_run(repository.pk) == "not to be taken"
    answer = client.get(address("git-tested", task="triage"))
    assert answer.status_code == 286
    assert "is not on main yet" in answer.content.decode()


@pytest.mark.django_db
def test_a_place_that_is_not_there_is_said_in_words(repository):
    GitConnection.objects.update(url="/nowhere/at/all.git")
    actor = Actor.system(repository.task.project_id)
    repository_test_ask(actor=actor, repository=repository)
    assert repository_test_run(repository.pk) == "failed"
    repository.refresh_from_db()
    assert "must be under" in repository.test_words
