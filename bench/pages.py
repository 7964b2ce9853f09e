"""Ask every page of a large installation, and print what the server needs for each.

    python -m bench.pages [--database-url URL] [--scale 1.0] [--rounds 7] [--only jobs] [--sql]

Without a URL it fills a PostgreSQL database of its own by `bench.big_database` and drops it in the
end. Pages are asked through the test client, in this process: what is timed is the server's work,
with no network. They are found in the URL configuration, so a new page is asked as it comes.
"""

import argparse
import os
import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.big_database import drop_database, fill, make_database, use_database
from bench.long_prompt import compare_of_long_prompts

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.test import Client

LIST_MS, LONG_PROMPT_MS, OTHER_MS = 100, 200, 300
# Not pages: files whose size is their content, and addresses of which one is enough.
FILES = (".csv", ".jsonl", "bundle/", "export/")


@dataclass(frozen=True)
class Address:
    name: str
    path: str
    is_list: bool = False
    key: str = ""
    target_ms: int = OTHER_MS


@dataclass(frozen=True)
class Measured:
    """What one address took; `counts` are statements that count a whole table."""

    address: Address
    status: int
    median_ms: float
    processor_ms: float
    queries: int
    slowest: tuple[float, str]
    counts: list[str]

    @property
    def target_ms(self) -> int:
        return LIST_MS if self.address.is_list else self.address.target_ms


def empty_view(request: "HttpRequest") -> "HttpResponse":
    from django.http import HttpResponse

    return HttpResponse("nothing")


def addresses(project: str) -> Iterator[Address]:
    """Return every address that can be asked: an empty view, pages, admin lists and forms, API."""
    yield Address("an empty view", "/bench/empty/")
    yield from pages_of(project)
    yield long_compare(project)
    yield from admin_pages()
    yield from api_lists(project)


def pages_of(project: str) -> Iterator[Address]:
    from django.urls import NoReverseMatch, reverse

    known = examples_of(project)
    for name, wanted in named_routes():
        if "project" not in wanted or any(one not in known for one in wanted):
            continue
        try:
            path = reverse(name, kwargs={one: known[one] for one in wanted})
        except NoReverseMatch:
            continue
        if path.endswith(FILES):
            continue
        yield Address(name, path, is_list=name.endswith((":list", ":tasks")))
        if name.endswith(":list"):
            yield Address(f"{name}, page 400", f"{path}?page=400", is_list=True)


def long_compare(project: str) -> Address:
    """Return the compare page of two long versions, of another prompt than the other pages."""
    from tasks_app.models import Task

    last = Task.objects.filter(project__slug=project).order_by("-pk")[0]
    name = "prompts:compare, 8,000 words"
    return Address(name, compare_of_long_prompts(last), target_ms=LONG_PROMPT_MS)


def named_routes() -> Iterator[tuple[str, list[str]]]:
    """Return the name and the parameters of every named address below /p/."""
    from django.urls import URLResolver, get_resolver

    def walk(patterns: Any, spaces: tuple[str, ...], names: list[str]) -> Iterator[Any]:
        for one in patterns:
            found = [*names, *one.pattern.converters]
            if isinstance(one, URLResolver):
                inside = (*spaces, one.namespace) if one.namespace else spaces
                yield from walk(one.url_patterns, inside, found)
            elif one.name:
                yield ":".join((*spaces, one.name)), found

    yield from walk(get_resolver().url_patterns, (), [])


def examples_of(project: str) -> dict[str, Any]:
    """Return a value for every parameter of an address, of the project's largest prompt."""
    from feedback_app.models import Dataset, Feedback
    from optimization_app.models import Insight, Job
    from tasks_app.models import Task

    task = Task.objects.filter(project__slug=project).order_by("pk")[0]
    version = task.versions.order_by("-number")[0]
    job = Job.objects.filter(task=task, kind="optimize").exclude(state="running").first()
    own = {"task": task}
    return {
        "project": project,
        "task": task.slug,
        "slug": task.slug,
        "number": version.number,
        "a": version.number - 1,
        "b": version.number,
        "job_id": job.public_id if job else "",
        "job": job.public_id if job else "",
        "dataset_id": Dataset.objects.filter(**own)[0].public_id,
        "dataset": Dataset.objects.filter(**own)[0].public_id,
        "feedback_id": Feedback.objects.filter(**own).order_by("-id")[0].public_id,
        "feedback": Feedback.objects.filter(**own).order_by("-id")[0].public_id,
        "insight": Insight.objects.filter(**own)[0].public_id,
    }


def admin_pages() -> Iterator[Address]:
    from django.contrib import admin
    from django.urls import reverse

    yield Address("admin", reverse("admin:index"))
    for model in admin.site._registry:
        if model._meta.app_label.endswith("_app") and model._meta.model_name != "user":
            place = f"admin:{model._meta.app_label}_{model._meta.model_name}"
            name = f"admin {model._meta.model_name}"
            yield Address(f"{name} list", reverse(f"{place}_changelist"), is_list=True)
            row = model._default_manager.order_by("-pk").first()
            if row is not None:
                yield Address(f"{name} form", reverse(f"{place}_change", args=[row.pk]))


def api_lists(project: str) -> Iterator[Address]:
    from projects_app.actors import Actor
    from projects_app.models import Project, Scope
    from projects_app.services.keys import api_key_create
    from tasks_app.models import Task

    owner = Project.objects.get(slug=project)
    scopes = [scope.value for scope in Scope]
    _, key = api_key_create(
        actor=Actor.system(owner.pk), project=owner, name=f"pages {uuid.uuid4()}", scopes=scopes
    )
    task = Task.objects.filter(project=owner).order_by("pk")[0]
    for place, is_list in (
        *(("tasks", True), ("datasets", True), ("optimization/jobs", True), ("keys", True)),
        *((f"tasks/{task.slug}", False), (f"tasks/{task.slug}/prompt", False)),
        *((f"prompts/{task.public_id}/lineage", False), ("changes", False)),
    ):
        yield Address(f"API {place[:40]}", f"/api/v1/{place}", is_list=is_list, key=key)


def measure(client: "Client", address: Address, rounds: int) -> Measured:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    ask: Callable[[], Any] = lambda: client.get(  # noqa: E731
        address.path, headers={"X-API-Key": address.key} if address.key else None
    )
    ask()
    with CaptureQueriesContext(connection) as captured:
        answer = ask()
    # Read at once: the next request empties the log.
    asked = [(1000 * float(one["time"]), one["sql"]) for one in captured]
    taken, worked = [], []
    for _ in range(rounds if answer.status_code == 200 else 0):
        began, worked_before = time.perf_counter(), time.process_time()
        answer = ask()
        b"".join(answer) if answer.streaming else answer.content  # noqa: B018
        taken.append(1000 * (time.perf_counter() - began))
        worked.append(1000 * (time.process_time() - worked_before))
    return Measured(
        address,
        status=answer.status_code,
        median_ms=statistics.median(taken or [0.0]),
        processor_ms=statistics.median(worked or [0.0]),
        queries=len(asked),
        slowest=max(asked, default=(0.0, "")),
        counts=[sql for _, sql in asked if is_whole_count(sql)],
    )


def is_whole_count(sql: str) -> bool:
    """Say whether a statement counts rows without naming what belongs together."""
    return 'COUNT(*) AS "__count"' in sql


def show(one: Measured, *, with_sql: bool) -> None:
    if one.status != 200:
        print(f"| {one.address.name} | answered {one.status} | | | | | |", flush=True)
        return
    late = " **late**" if one.median_ms > one.target_ms else ""
    print(
        f"| {one.address.name} | {one.median_ms:.1f}{late} | {one.processor_ms:.1f} "
        f"| {one.target_ms} | {one.queries} | {one.slowest[0]:.0f} | {len(one.counts) or '-'} |",
        flush=True,
    )
    if late and with_sql:
        print(f"    {one.slowest[1]}", flush=True)


def ask_all(only: str, rounds: int, *, with_sql: bool) -> None:
    import logging

    from django.conf import settings
    from django.test import Client

    from bench.big_world import MEMBER
    from projects_app.models import User

    logging.disable(logging.CRITICAL)
    settings.ROOT_URLCONF = "bench.pages_urls"
    client = Client(raise_request_exception=False)
    person = User.objects.get(username=MEMBER)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    print(
        "| page | median ms | of it Python | target | queries | slowest query ms | whole counts |"
    )
    print("|---|---|---|---|---|---|---|")
    for one in addresses("project-00"):
        if only in one.name or "empty" in one.name:
            found = measure(client, one, rounds)
            # Doors for POST alone, and pages that lead to another.
            if found.status not in {302, 405}:
                show(found, with_sql=with_sql)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database-url", default="")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="a part of the page's name")
    parser.add_argument("--sql", action="store_true", help="show the slowest of a late page")
    options = parser.parse_args(arguments if arguments is not None else [])
    own = f"postgres://root@127.0.0.1:5432/kaizen_big_{uuid.uuid4().hex[:8]}"
    url = options.database_url or own
    try:
        if not options.database_url:
            make_database(url)
        use_database(url)
        if not options.database_url:
            from django.core.management import call_command

            from bench.big_world import Sizes

            call_command("migrate", verbosity=0)
            fill(Sizes().times(options.scale))
        ask_all(options.only, options.rounds, with_sql=options.sql)
    finally:
        if not options.database_url:
            drop_database(url)


if __name__ == "__main__":
    import sys

    os.environ.setdefault("KAIZEN_LOG_LEVEL", "ERROR")
    main(sys.argv[1:])
