"""The way in: sign in, the project looked at last, the demo, the first key and its first call."""

import pytest
from django.test import Client
from django.utils import timezone

from kaizen_engine.states import JobKind
from optimization_app.models import Job
from projects_app.models import ApiKey, FirstSteps, Project, Role, User
from tasks_app.models import Task
from tests.factories.projects import PASSWORD, MembershipFactory, UserFactory
from tests.factories.tasks import TaskFactory

HOME = "/p/support/"
DOORS = ("demo/start/", "demo/remove/", "checklist/")


@pytest.fixture
def plain(project: Project) -> User:
    """An approver who may not enter the admin."""
    user = UserFactory(username="plain")
    MembershipFactory(project=project, user=user, role=Role.APPROVER.value)
    return user


def test_a_member_without_staff_rights_signs_in_and_lands_on_home(
    client: Client, plain: User
) -> None:
    said = {"username": plain.username, "password": PASSWORD}
    answer = client.post("/login/", said, follow=True)
    assert answer.redirect_chain == [("/", 302), (HOME, 302)]
    assert "Approver of this project" in answer.content.decode()
    assert 'href="/admin/' not in answer.content.decode()
    assert client.post("/logout/")["Location"] == "/login/"


def test_a_wrong_password_is_told_next_to_the_form(client: Client, plain: User) -> None:
    answer = client.post("/login/", {"username": plain.username, "password": "wrong"})
    assert 'role="alert"' in answer.content.decode()


def test_too_many_attempts_are_answered_with_when_to_try_again(
    client: Client, plain: User, settings
) -> None:
    settings.AXES_ENABLED = True
    for _ in range(10):
        answer = client.post("/login/", {"username": plain.username, "password": "wrong"})
    assert answer.status_code == 429
    assert "Wait 15 minutes" in answer.content.decode()


def test_the_admin_sends_people_to_the_one_sign_in_page(client: Client, plain: User) -> None:
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0] == "/login/?next=/admin/"
    client.force_login(plain)
    assert client.get("/admin/", follow=True).status_code == 403


def test_start_goes_to_the_project_looked_at_last(
    client: Client, viewer: User, project: Project, other_project: Project
) -> None:
    MembershipFactory(project=other_project, user=viewer)
    client.force_login(viewer)
    assert client.get("/")["Location"] == "/p/elsewhere/"
    client.get(HOME)
    assert client.get("/")["Location"] == HOME


def test_a_person_without_a_project_is_told_whom_to_ask(client: Client, db: None) -> None:
    client.force_login(UserFactory(username="nobody"))
    page = client.get("/", follow=True).content.decode()
    assert "You belong to no project yet" in page


def test_a_superuser_without_a_project_is_led_to_making_one(client: Client, db: None) -> None:
    client.force_login(UserFactory(username="root", is_superuser=True, is_staff=True))
    page = client.get("/", follow=True).content.decode()
    assert 'href="/admin/projects_app/project/add/"' in page


def test_the_header_names_the_current_place_and_other_projects(
    client: Client, viewer: User, project: Project, other_project: Project
) -> None:
    MembershipFactory(project=other_project, user=viewer)
    client.force_login(viewer)
    page = client.get("/p/support/jobs/").content.decode()
    assert '<a href="/p/support/jobs/" aria-current="page">Jobs</a>' in page
    assert page.count('aria-current="page"') == 1
    assert '<a href="/p/elsewhere/jobs/">Elsewhere</a>' in page


def test_a_page_below_a_place_marks_the_place_and_no_other(
    client: Client, viewer: User, project: Project
) -> None:
    client.force_login(viewer)
    task = TaskFactory(project=project)
    page = client.get(f"/p/support/labelling/{task.slug}/").content.decode()
    assert '<a href="/p/support/labelling/" aria-current="true">Labelling</a>' in page
    assert page.count("aria-current") == 1


def test_an_empty_project_offers_three_ways_to_begin(client: Client, admin_member: User) -> None:
    client.force_login(admin_member)
    page = client.get(HOME).content.decode()
    for words in ("Start demo", "Connect your app", "Import data"):
        assert words in page


def test_the_demo_starts_and_goes_by_one_click_each(
    client: Client, admin_member: User, project: Project
) -> None:
    client.force_login(admin_member)
    assert client.post(f"{HOME}demo/start/", follow=True).status_code == 200
    assert Job.objects.filter(kind=JobKind.OPTIMIZE.value).count() == 1
    assert "Remove demo data" in client.get(HOME).content.decode()
    client.post(f"{HOME}demo/remove/")
    assert not Task.objects.exists()
    assert "Start demo" in client.get(HOME).content.decode()


def test_a_second_start_is_refused_in_words(
    client: Client, admin_member: User, project: Project
) -> None:
    FirstSteps.objects.create(project=project, demo_task=project.public_id)
    client.force_login(admin_member)
    page = client.post(f"{HOME}demo/start/", follow=True).content.decode()
    assert "the demo data is in this project already" in page


@pytest.mark.parametrize("door", DOORS)
def test_a_viewer_is_refused_and_an_outsider_finds_nothing(
    door: str, client: Client, viewer: User, outsider: User
) -> None:
    client.force_login(viewer)
    assert client.get(HOME + door).status_code == 405
    assert client.post(HOME + door).status_code == 403
    client.force_login(outsider)
    assert client.post(HOME + door).status_code == 404


def test_a_key_is_shown_once_and_the_page_turns_green_on_its_first_call(
    client: Client, admin_member: User
) -> None:
    client.force_login(admin_member)
    answer = client.post(f"{HOME}connect/")
    key = ApiKey.objects.get()
    assert f"KAIZEN_API_KEY=kz_live_{key.prefix}_" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    place = f"{HOME}connect/{key.prefix}/"
    waiting = client.get(place)
    assert waiting.status_code == 200
    assert "Waiting for the first call" in waiting.content.decode()
    ApiKey.objects.update(last_used_at=timezone.now())
    connected = client.get(place)
    assert connected.status_code == 286
    assert "Connected." in connected.content.decode()


def test_only_an_admin_makes_a_key(client: Client, approver: User, outsider: User) -> None:
    client.force_login(approver)
    assert "Only an admin" in client.get(f"{HOME}connect/").content.decode()
    assert client.post(f"{HOME}connect/").status_code == 403
    client.force_login(outsider)
    assert client.get(f"{HOME}connect/").status_code == 404
    assert client.get(f"{HOME}connect/abc/").status_code == 404
    assert not ApiKey.objects.exists()
