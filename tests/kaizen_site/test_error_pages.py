"""A page that fails says what happened and what to do, without a database."""

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import RequestFactory

from kaizen_site.error_pages import server_error


def answer_to(error: Exception, path: str = "/") -> HttpResponse:
    try:
        raise error
    except type(error):
        return server_error(RequestFactory().get(path))


def test_a_database_that_is_away_is_told_with_its_remedy() -> None:
    answer = answer_to(OperationalError("a secret"))
    assert answer.status_code == 503
    page = answer.content.decode()
    assert "The database does not answer." in page
    assert "DATABASE_URL" in page
    assert "a secret" not in page


def test_what_nobody_foresaw_is_a_500_without_details() -> None:
    answer = answer_to(ZeroDivisionError("a secret"))
    assert answer.status_code == 500
    assert "a secret" not in answer.content.decode()


@pytest.mark.parametrize("error", [OperationalError(), ZeroDivisionError()])
def test_below_the_api_it_is_a_problem_document(error: Exception) -> None:
    answer = answer_to(error, "/api/v1/tasks")
    assert answer["Content-Type"] == "application/problem+json"
