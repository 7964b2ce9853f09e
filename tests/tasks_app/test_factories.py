"""Every factory makes an object that the model itself calls valid."""

import pytest

from tests.factories.tasks import TaskFactory


@pytest.mark.django_db
@pytest.mark.parametrize("traits", [{}, {"setup": True}, {"scored": True}])
def test_a_task_is_valid_and_its_connection_is_of_its_project(traits):
    task = TaskFactory(**traits)
    task.full_clean(exclude=["input_schema", "output_schema"])
    assert task.student_connection is None or task.student_connection.project == task.project
