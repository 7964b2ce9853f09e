"""Which prompt and which two of its versions the playground begins with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef
from django.http import QueryDict

from optimization_app.models import PlaygroundRun
from optimization_app.playground_form import NAMES, ONE, ROWS, as_text, fields_of
from projects_app.models import Project
from prompts_app.models import PromptVersion
from prompts_app.selectors import live_version
from tasks_app.models import Task

MOST = 100


@dataclass(frozen=True)
class Choice:
    """`typed` is what a run was started with, for its page to show again."""

    task: Task
    tasks: Sequence[Task]
    numbers: Sequence[int]
    versions: Sequence[PromptVersion]
    live: PromptVersion | None
    typed: QueryDict | None = None


def choice_of(project: Project, query: Mapping[str, Any]) -> Choice | None:
    """Return what the query asks for, else what is live beside the newest; None without any."""
    tasks = _tasks(project)
    task = next((one for one in tasks if one.slug == query.get("task")), None)
    task = task or next(iter(tasks), None)
    if task is None or (query.get("task") and task.slug != query.get("task")):
        return None
    numbers = _numbers(task)
    live = live_version(task)
    first = live.number if live else numbers[0]
    usual = {"a": first, "b": numbers[0]}
    wanted = [_number(query.get(name), numbers, usual[name]) for name in NAMES]
    return Choice(task, tasks, numbers, _versions(task, wanted), live)


def choice_of_run(run: PlaygroundRun) -> Choice | None:
    query = {name: str(one["from"]) for name, one in zip(NAMES, run.variants, strict=False)}
    found = choice_of(run.task.project, {"task": run.task.slug, **query})
    if found is None:
        return None
    return Choice(
        found.task, found.tasks, found.numbers, found.versions, found.live, _typed(run, found)
    )


def _typed(run: PlaygroundRun, choice: Choice) -> QueryDict:
    """Return the form as it was posted to start the run, as far as it can be known."""
    query = QueryDict(mutable=True)
    for name, variant in zip(NAMES, run.variants, strict=False):
        artifact = variant["artifact"]
        query[f"{name}-system"] = artifact["system"]
        query[f"{name}-user_template"] = artifact["user_template"]
        query[f"{name}-model"] = variant["model"]
        query[f"{name}-temperature"] = str(artifact["params"].get("temperature", 0))
        query[f"{name}-max_tokens"] = str(artifact["params"].get("max_tokens", 512))
        if artifact["demos"]:
            query[f"{name}-with_demos"] = "on"
    if run.is_scored:
        query["is_scored"] = "on"
    query["rows_from"] = ROWS if run.source else ONE
    query["count"] = str(len(run.rows))
    if not run.source:
        _put_inputs(query, run.rows[0], choice)
    return query


def _put_inputs(query: QueryDict, row: Mapping[str, Any], choice: Choice) -> None:
    for place, field in enumerate(fields_of(choice.versions)):
        value = row["inputs"].get(field.name)
        query[f"input-{place}"] = "" if value is None else as_text(value)
    expected = row["expected"]
    if expected:
        query["expected"] = as_text(
            next(iter(expected.values())) if len(expected) == 1 else expected
        )


def _tasks(project: Project) -> list[Task]:
    tasks = Task.objects.select_related("project", "student_connection", "teacher_connection")
    has_text = Exists(PromptVersion.objects.filter(task=OuterRef("pk")))
    mine = tasks.filter(has_text, project=project, archived_at=None)
    return list(mine.order_by("slug")[:MOST])


def _numbers(task: Task) -> list[int]:
    numbers = PromptVersion.objects.filter(task=task).order_by("-number")
    return list(numbers.values_list("number", flat=True)[:MOST])


def _number(text: Any, known: Sequence[int], usual: int) -> int:
    number = int(text) if isinstance(text, str) and text.isdecimal() and len(text) < 9 else usual
    return number if number in known or number == usual else usual


def _versions(task: Task, numbers: Sequence[int]) -> list[PromptVersion]:
    found = {
        one.number: one
        for one in PromptVersion.objects.filter(task=task, number__in=numbers).defer(
            "evidence", "dspy_state"
        )
    }
    for one in found.values():
        one.task = task
    return [found[number] for number in numbers]
