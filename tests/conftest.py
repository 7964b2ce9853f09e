"""The fixed cast: one project with a member of each role, and an outsider who must see nothing.

The people are users that may enter the admin; `<name>_actor` is the same person as services know
them. `api_key` is what an application holds, `all_scopes_key` may do everything a key can.
"""

from collections.abc import Callable

import pytest
from django.core.cache import caches
from rest_framework.test import APIClient

from projects_app.actors import Actor
from projects_app.models import Project, Role, Scope, User
from tests.factories.projects import (
    ApiKeyFactory,
    MembershipFactory,
    ProjectFactory,
    UserFactory,
    key_text,
)
from tests.live_database import django_db_setup, live_database

__all__ = ["django_db_setup", "live_database"]


def pytest_configure(config: pytest.Config) -> None:
    # Collected static files exist in an installation only; the finders serve them here.
    config.addinivalue_line("filterwarnings", "ignore:No directory at:UserWarning")


class JsonClient(APIClient):
    """An API client that speaks JSON and presents one key."""

    default_format = "json"

    def __init__(self, key: str = "", **options: object) -> None:
        super().__init__(**options)
        if key:
            self.credentials(HTTP_X_API_KEY=key)


@pytest.fixture(autouse=True)
def _empty_caches() -> None:
    for cache in caches.all():
        cache.clear()
    caches["local"].clear()


@pytest.fixture
def project(db: None) -> Project:
    return ProjectFactory(slug="support", name="Support")


@pytest.fixture
def other_project(db: None) -> Project:
    return ProjectFactory(slug="elsewhere", name="Elsewhere")


def _member(project: Project, role: Role, name: str) -> User:
    user = UserFactory(username=name, staff=True)
    MembershipFactory(project=project, user=user, role=role.value)
    return user


@pytest.fixture
def viewer(project: Project) -> User:
    return _member(project, Role.VIEWER, "viewer")


@pytest.fixture
def editor(project: Project) -> User:
    return _member(project, Role.EDITOR, "editor")


@pytest.fixture
def approver(project: Project) -> User:
    return _member(project, Role.APPROVER, "approver")


@pytest.fixture
def admin_member(project: Project) -> User:
    return _member(project, Role.ADMIN, "admin_member")


@pytest.fixture
def outsider(other_project: Project) -> User:
    return _member(other_project, Role.ADMIN, "outsider")


@pytest.fixture
def viewer_actor(viewer: User, project: Project) -> Actor:
    return Actor.member(viewer, project)


@pytest.fixture
def editor_actor(editor: User, project: Project) -> Actor:
    return Actor.member(editor, project)


@pytest.fixture
def approver_actor(approver: User, project: Project) -> Actor:
    return Actor.member(approver, project)


@pytest.fixture
def admin_actor(admin_member: User, project: Project) -> Actor:
    return Actor.member(admin_member, project)


@pytest.fixture
def outsider_actor(outsider: User, other_project: Project) -> Actor:
    return Actor.member(outsider, other_project)


@pytest.fixture
def system_actor(project: Project) -> Actor:
    return Actor.system(project.pk)


KeyMaker = Callable[..., str]


@pytest.fixture
def key_with(project: Project) -> KeyMaker:
    """Return a maker of key texts: `key_with(Scope.PROMPT_READ)`, or `project=` another one."""

    def make(*scopes: Scope, project: Project = project) -> str:
        return key_text(ApiKeyFactory(project=project, scopes=[scope.value for scope in scopes]))

    return make


@pytest.fixture
def api_key(key_with: KeyMaker) -> str:
    return key_with(Scope.FEEDBACK_WRITE, Scope.PROMPT_READ)


@pytest.fixture
def all_scopes_key(key_with: KeyMaker) -> str:
    return key_with(*Scope)


@pytest.fixture
def outsider_key(key_with: KeyMaker, other_project: Project) -> str:
    return key_with(*Scope, project=other_project)


@pytest.fixture
def api_client(all_scopes_key: str) -> JsonClient:
    return JsonClient(all_scopes_key)


@pytest.fixture
def outsider_client(outsider_key: str) -> JsonClient:
    return JsonClient(outsider_key)


@pytest.fixture
def client_with() -> Callable[[str], JsonClient]:
    """Return a maker of API clients for a key text; an empty text means no key."""
    return JsonClient
