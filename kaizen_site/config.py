"""Typed configuration from the environment. Every mistake is listed at once, at start."""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True)
class Setting:
    """One variable: how to read it, what it means, and the range it must be in."""

    name: str
    kind: Callable[[str], Any]
    default: Any
    meaning: str
    check: Callable[[Any], str] = lambda _: ""


@dataclass(frozen=True)
class Config:
    secret_key: str = field(repr=False)
    encryption_keys: tuple[str, ...] = field(repr=False)
    debug: bool
    allowed_hosts: tuple[str, ...]
    base_url: str
    admin_path: str
    data_dir: Path
    sqlite_synchronous: str
    log_level: str
    lease_s: float
    reaper_period_s: int
    breaker_failures: int
    breaker_reset_s: float
    call_timeout_s: float
    job_threads: int
    cooldown_s: int
    allow_private_targets: tuple[str, ...]
    git_roots: tuple[str, ...]
    email_url: str = field(repr=False)
    email_from: str
    database: Mapping[str, Any] = field(repr=False)
    redis_url: str = field(repr=False)


def _boolean(text: str) -> bool:
    if text not in {"True", "False"}:
        message = f"must be True or False, not {text!r}"
        raise ValueError(message)
    return text == "True"


def _listing(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _between(low: float, high: float) -> Callable[[Any], str]:
    return lambda value: "" if low <= value <= high else f"must be from {low:g} to {high:g}"


def _one_of(*words: str) -> Callable[[Any], str]:
    return lambda value: "" if value in words else f"must be one of {', '.join(words)}"


def _long_enough(value: str) -> str:
    return "" if len(value) >= 50 else "must have at least 50 characters; `make setup` makes one"


def _are_keys(values: tuple[str, ...]) -> str:
    if not values:
        return "needs at least one key; `make setup` makes one"
    try:
        sizes = {len(base64.urlsafe_b64decode(value)) for value in values}
    except (binascii.Error, ValueError):
        sizes = set()
    return "" if sizes == {32} else "every key must be 32 bytes in URL-safe base64"


def _without_slashes(value: str) -> str:
    return "" if value and value == value.strip("/") else "must not begin or end with a slash"


def _mail_server(value: str) -> str:
    known = ("smtp://", "smtp+tls://", "smtp+ssl://", "consolemail://", "filemail://")
    return "" if not value or value.startswith(known) else f"must begin with {', '.join(known)}"


def _mail_address(value: str) -> str:
    return "" if "@" in value and value.isprintable() else "must be an email address"


SETTINGS: tuple[Setting, ...] = (
    Setting("KAIZEN_SECRET_KEY", str, "", "signs sessions and queue messages", _long_enough),
    Setting(
        "KAIZEN_ENCRYPTION_KEYS",
        _listing,
        (),
        "encrypt stored secrets: the first encrypts, all decrypt",
        _are_keys,
    ),
    Setting("KAIZEN_DEBUG", _boolean, False, "show tracebacks in pages; never in production"),
    Setting("KAIZEN_ALLOWED_HOSTS", _listing, ("localhost", "127.0.0.1"), "names served"),
    Setting(
        "KAIZEN_BASE_URL", str, "http://127.0.0.1:8000", "address in links; https in production"
    ),
    Setting("KAIZEN_ADMIN_PATH", str, "admin", "where the admin lives", _without_slashes),
    Setting("KAIZEN_DATA_DIR", Path, Path("var"), "SQLite file, logs, archives"),
    Setting(
        "KAIZEN_SQLITE_SYNCHRONOUS",
        str,
        "NORMAL",
        "FULL keeps the last commits through a power failure",
        _one_of("NORMAL", "FULL"),
    ),
    Setting(
        "KAIZEN_LOG_LEVEL",
        str,
        "INFO",
        "least severe record that is logged",
        _one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    ),
    Setting("KAIZEN_LEASE_S", float, 90.0, "a job's lease in seconds", _between(1, 3600)),
    Setting(
        "KAIZEN_REAPER_PERIOD_S", int, 60, "seconds between looks for lost jobs", _between(1, 600)
    ),
    Setting(
        "KAIZEN_BREAKER_FAILURES",
        int,
        3,
        "failures that open the circuit breaker",
        _between(1, 100),
    ),
    Setting(
        "KAIZEN_BREAKER_RESET_S",
        float,
        300.0,
        "seconds before it lets one probe",
        _between(0, 86400),
    ),
    Setting(
        "KAIZEN_CALL_TIMEOUT_S", float, 30.0, "one call to a model, seconds", _between(0.1, 60)
    ),
    Setting("KAIZEN_JOB_THREADS", int, 4, "calls a job has under way at once", _between(1, 64)),
    Setting(
        "KAIZEN_COOLDOWN_S",
        int,
        3600,
        "wait after a failed automatic job, doubling",
        _between(0, 86400),
    ),
    Setting(
        "KAIZEN_ALLOW_PRIVATE_TARGETS",
        _listing,
        (),
        "host:port pairs on private addresses that connections may name",
    ),
    Setting("KAIZEN_GIT_ROOTS", _listing, (), "folders whose repositories any project may connect"),
    Setting(
        "KAIZEN_EMAIL_URL",
        str,
        "",
        "mail server of notifications, as smtp+tls://user:password@host:587; empty sends none",
        _mail_server,
    ),
    Setting("KAIZEN_EMAIL_FROM", str, "kaizen@localhost", "sender of notifications", _mail_address),
)


def load_config(environment: Mapping[str, str]) -> Config:
    """Return the configuration, or raise ImproperlyConfigured naming every mistake.

    `KAIZEN_<NAME>_FILE` names a file that holds the value, as container secrets do.
    """
    mistakes: list[str] = []
    values = {setting.name: _read(setting, environment, mistakes) for setting in SETTINGS}
    database = _database(environment, values, mistakes)
    if mistakes:
        message = "Kaizen is not configured:\n" + "\n".join(f"  - {line}" for line in mistakes)
        raise ImproperlyConfigured(message)
    fields = {name.removeprefix("KAIZEN_").lower(): value for name, value in values.items()}
    return Config(**fields, database=database, redis_url=environment.get("REDIS_URL", ""))


def _read(setting: Setting, environment: Mapping[str, str], mistakes: list[str]) -> Any:
    try:
        text = _text_of(setting.name, environment)
        value = setting.default if text is None else setting.kind(text)
    except (ValueError, OSError) as error:
        mistakes.append(f"{setting.name}: {error}")
        return setting.default
    complaint = setting.check(value)
    if complaint:
        mistakes.append(f"{setting.name}: {complaint}")
    return value


def _text_of(name: str, environment: Mapping[str, str]) -> str | None:
    path = environment.get(f"{name}_FILE")
    if path:
        return Path(path).read_text(encoding="utf-8").strip()
    return environment.get(name)


def _database(
    environment: Mapping[str, str], values: Mapping[str, Any], mistakes: list[str]
) -> Mapping[str, Any]:
    default = f"sqlite:///{Path(values['KAIZEN_DATA_DIR']).absolute() / 'kaizen.sqlite3'}"
    database = dict(environ.Env.db_url_config(environment.get("DATABASE_URL") or default))
    engine = database.get("ENGINE", "")
    if engine.endswith("sqlite3"):
        database["OPTIONS"] = _sqlite_options(values["KAIZEN_SQLITE_SYNCHRONOUS"])
    elif engine.endswith("postgresql"):
        database |= {
            "ENGINE": "kaizen_site.postgresql",
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
            # A process that is frozen within a transaction must not hold its locks for ever.
            "OPTIONS": {
                **database.get("OPTIONS", {}),
                "options": "-c idle_in_transaction_session_timeout=60000",
            },
        }
    else:
        mistakes.append("DATABASE_URL: must begin with sqlite:// or postgres://")
    return database


def _sqlite_options(synchronous: str) -> Mapping[str, Any]:
    """WAL buys concurrent reads, IMMEDIATE removes lost writes, the long time-out the tail."""
    return {
        "timeout": 30,
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            f"PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; "
            "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=134217728; "
            "PRAGMA journal_size_limit=27103364; PRAGMA cache_size=2000"
        ),
    }
