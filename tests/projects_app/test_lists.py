"""A list shows 25 rows of as many as there are, and never counts them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from projects_app.lists import DEEPEST, SIZE, show
from projects_app.models import Project
from tests.factories.projects import ProjectFactory


def test_the_first_page_says_that_there_is_a_second() -> None:
    shown = show(range(60), None)
    assert list(shown) == list(range(SIZE))
    assert (shown.previous_number, shown.next_number) == (None, 2)


def test_the_last_page_holds_the_rest() -> None:
    shown = show(range(60), "3")
    assert list(shown) == list(range(50, 60))
    assert (shown.previous_number, shown.next_number) == (2, None)


@pytest.mark.parametrize("wanted", ["", "x", "-1", "0", "1.5", "²", None])
def test_what_is_no_page_is_the_first(wanted: str | None) -> None:
    assert show(range(3), wanted).number == 1


def test_a_list_that_fits_has_no_pages() -> None:
    assert show(range(SIZE), None).is_whole


def test_the_deepest_page_asks_for_a_filter() -> None:
    shown = show(range(DEEPEST * SIZE + 1), "999999")
    assert shown.number == DEEPEST
    assert shown.is_deepest
    assert shown.next_number is None


@pytest.mark.django_db
def test_a_page_is_one_statement_and_counts_nothing() -> None:
    ProjectFactory()
    with CaptureQueriesContext(
        connection,
    ) as statements:
        show(Project.objects.order_by("pk"), "1")
    assert len(statements) == 1
    assert "COUNT" not in statements[0]["sql"]
