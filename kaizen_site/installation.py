"""The installation in figures: what is configured and by what, who works, what waits, what runs."""

import os
import platform
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.db.models import Count
from django.utils.translation import gettext as _

from kaizen_engine.states import JobState
from kaizen_site.config import SETTINGS, Setting
from optimization_app.models import Job

HIDDEN = ("SECRET", "KEY", "PASSWORD", "TOKEN")
# Read beside the KAIZEN_ ones: the name, and what it means.
OTHERS = (
    ("DATABASE_URL", "where everything is stored; SQLite in KAIZEN_DATA_DIR without it"),
    ("REDIS_URL", "a cache that several machines share"),
)
LIBRARIES = (
    *("Django", "django-q2", "djangorestframework", "django-htmx", "granian", "psycopg"),
    *("dspy", "uuid-utils"),
)
LONGEST = 300


@dataclass(frozen=True)
class Configured:
    """One setting as it is in effect; a secret is never among the values."""

    name: str
    value: str
    source: str
    meaning: str
    is_default: bool


@dataclass(frozen=True)
class Queue:
    name: str
    waiting: int


@dataclass(frozen=True)
class Worker:
    """`seen_at` is the last sign of life: a job's heartbeat, or the end of some piece of work."""

    seen_at: datetime | None
    running: int
    queued: int


def configuration(environment: Mapping[str, str] | None = None) -> list[Configured]:
    """Return every setting with where its value comes from."""
    environment = os.environ if environment is None else environment
    found = [_configured(setting, environment) for setting in SETTINGS]
    for name, meaning in OTHERS:
        value = environment.get(name, "")
        source = _("environment") if value else _("default")
        found.append(Configured(name, masked(name, value), source, meaning, not value))
    return found


def masked(name: str, value: Any) -> str:
    """Return a value that may be shown: no secret, and no address with its password."""
    is_many = isinstance(value, tuple | list)
    if any(word in name for word in HIDDEN):
        if not value:
            return _("not set")
        return _("set, %(count)d of them") % {"count": len(value)} if is_many else _("set")
    texts = [_without_password(str(one)) for one in (value if is_many else [value])]
    text = ", ".join(texts)
    return text[:LONGEST] if text else _("not set")


def queues() -> list[Queue]:
    from django_q.models import OrmQ

    rows = OrmQ.objects.values("key").annotate(waiting=Count("id"))
    found = {row["key"]: row["waiting"] for row in rows.order_by("key")}
    cluster: dict[str, Any] = settings.Q_CLUSTER
    names = {cluster["name"]: "default"}
    names |= {name: name for name in cluster.get("ALT_CLUSTERS", {})}
    return [Queue(label, found.get(key, 0)) for key, label in names.items()]


def worker() -> Worker:
    from django_q.models import Task

    ended = Task.objects.order_by("-stopped").values_list("stopped", flat=True).first()
    beat = Job.objects.filter(heartbeat_at__isnull=False).order_by("-id")
    beats = [at for at in beat.values_list("heartbeat_at", flat=True)[:20] if at]
    seen = max(filter(None, [ended, *beats]), default=None)
    states = (JobState.QUEUED.value, JobState.RUNNING.value, JobState.PUBLISHING.value)
    counts = dict(
        Job.objects.filter(state__in=states).values_list("state").annotate(n=Count("id")).order_by()
    )
    return Worker(
        seen_at=seen,
        running=counts.get(JobState.RUNNING.value, 0) + counts.get(JobState.PUBLISHING.value, 0),
        queued=counts.get(JobState.QUEUED.value, 0),
    )


def storage() -> list[tuple[str, str]]:
    folder = Path(settings.CONFIG.data_dir)
    free = shutil.disk_usage(folder if folder.exists() else Path.cwd())
    return [
        (_("Database"), connection.vendor),
        (_("Size of the database"), _size(_database_bytes())),
        (_("Folder for files"), str(folder)),
        (_("Free on its disk"), f"{_size(free.free)} / {_size(free.total)}"),
    ]


def versions() -> list[tuple[str, str]]:
    return [
        ("Kaizen", kaizen_version()),
        ("Python", platform.python_version()),
        (connection.vendor, _database_version()),
        *_libraries(),
    ]


@cache
def kaizen_version() -> str:
    """Read the one place that has it; an image may carry no such file."""
    path = settings.BASE_DIR / "pyproject.toml"
    if not path.is_file():
        return _("unknown")
    return str(tomllib.loads(path.read_text(encoding="utf-8"))["project"]["version"])


def _configured(setting: Setting, environment: Mapping[str, str]) -> Configured:
    name = setting.name
    file = environment.get(f"{name}_FILE")
    is_default = not file and name not in environment
    source = _("default")
    if file:
        source = _("file %(path)s") % {"path": file}
    elif not is_default:
        source = _("environment")
    value = getattr(settings.CONFIG, name.removeprefix("KAIZEN_").lower(), setting.default)
    return Configured(name, masked(name, value), source, setting.meaning, is_default)


def _without_password(text: str) -> str:
    try:
        parts = urlsplit(text)
        hidden = parts.password or ""
    except ValueError:
        return _("set")
    if not parts.netloc or "@" not in parts.netloc:
        return text
    host = parts.netloc.rpartition("@")[2]
    shown = f"{parts.username}:…@{host}" if hidden else f"{parts.username}@{host}"
    return parts._replace(netloc=shown, query="").geturl()


def _database_bytes() -> int:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
        else:
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        return int(cursor.fetchone()[0])


def _database_version() -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SHOW server_version")
        else:
            cursor.execute("SELECT sqlite_version()")
        return str(cursor.fetchone()[0])


def _libraries() -> Iterator[tuple[str, str]]:
    for name in LIBRARIES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, _("not in this process")


def _size(count: int) -> str:
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
