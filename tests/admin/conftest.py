from collections.abc import Callable

import pytest
from django.test import Client

from projects_app.models import User
from tests.admin.rooms import Room, furnish


@pytest.fixture
def maple(db: None) -> Room:
    """The room whose members are tested."""
    return furnish("maple")


@pytest.fixture
def zebra(db: None) -> Room:
    """The room that they must know nothing of."""
    return furnish("zebra")


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    def enter(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return enter
