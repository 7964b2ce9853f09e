"""64 posts from 8 processes cross the threshold, 20 times, on each database."""

import sys
from pathlib import Path

import pytest

from tests.installation import Installation

PROCESSES, POSTS, REPETITIONS, THRESHOLD = 8, 8, 20, 50

BUILD = f"""
from tests.optimization_app.stage import add_task, build_task
build_task("", threshold={THRESHOLD})
for number in range({REPETITIONS}):
    add_task(f"task-{{number}}", threshold={THRESHOLD})
"""
COUNT = """
from django.db.models import Count, F
from feedback_app.models import Feedback, TaskCounter
from optimization_app.models import Job
from tasks_app.models import Task
result = [
    {
        "jobs": Job.objects.filter(task=task).count(),
        "rows": Feedback.objects.filter(task=task).count(),
        "taken": Feedback.objects.filter(task=task, consumed_by__isnull=False).count(),
        "counter": TaskCounter.objects.get(task=task).unconsumed,
    }
    for task in Task.objects.filter(slug__startswith="task-")
]
"""
SECOND_INSERT = """
from django.db import IntegrityError
from optimization_app.models import Job
live = Job.objects.first()
try:
    Job.objects.create(task=live.task, seed_version=live.seed_version, optimizer="bootstrap")
    result = "inserted"
except IntegrityError as error:
    result = "refused"
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
def test_many_processes_cross_the_threshold_and_one_job_starts(
    tmp_path: Path, database: str
) -> None:
    with Installation(tmp_path / "kaizen", database) as installation:
        installation.shell(BUILD)
        posters = installation.start_process(
            "posters",
            *(sys.executable, "-m", "tests.optimization_app.posters"),
            *map(str, (PROCESSES, POSTS, REPETITIONS)),
        )
        assert posters.wait(120) == 0, (installation.folder / "posters.log").read_text()
        found = installation.shell(COUNT)
        assert len(found) == REPETITIONS
        for task in found:
            assert task["jobs"] == 1, task
            assert task["rows"] == PROCESSES * POSTS
            assert task["taken"] >= THRESHOLD
            assert task["counter"] == task["rows"] - task["taken"]
        assert installation.shell(SECOND_INSERT) == "refused"
