"""What the API leaves out: it knows keys, and no sessions."""

import pytest
from django.test import Client

PAGE_ONLY = ("session", "_messages", "csp_nonce")


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "is_page"), [("/api/v1/tasks", False), ("/admin/login/", True)])
def test_only_pages_have_a_session_and_messages(path: str, is_page: bool) -> None:
    request = Client().get(path).wsgi_request
    assert [hasattr(request, name) for name in PAGE_ONLY] == [is_page] * len(PAGE_ONLY)


@pytest.mark.django_db
def test_the_api_has_the_policy_of_the_pages() -> None:
    policies = {Client().get(path)["Content-Security-Policy"] for path in ("/api/v1/tasks", "/")}
    assert len(policies) == 1
