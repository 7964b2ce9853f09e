"""Logging: one line an event, secrets struck out before anything is written."""

import re
from typing import Any

import structlog

SECRETS = re.compile(
    r"kz_[a-z]+_[A-Za-z0-9]{8}_[A-Za-z0-9_-]{20,}"
    r"|(?i:(?<=bearer )[A-Za-z0-9._~+/-]{8,})"
    r"|(?i:(?<=x-api-key: )\S+)"
    r"|\bsk-[A-Za-z0-9_-]{16,}"
    r"|(?i:(?<=[?&]token=)[^&\s]+)"
)


def strike(text: str) -> str:
    """Return the text without keys, tokens and authorization headers."""
    return SECRETS.sub("[redacted]", text)


def _strike_line(logger: Any, method: str, line: str) -> str:
    # Last of all processors, so that tracebacks and bound values pass here too.
    return strike(line)


def logging_config(level: str) -> dict[str, Any]:
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": "structlog.stdlib.ProcessorFormatter",
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    structlog.processors.LogfmtRenderer(
                        key_order=["timestamp", "level", "logger", "event"], bool_as_flag=False
                    ),
                    _strike_line,
                ],
            }
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
            }
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {"django.server": {"level": "WARNING"}, "httpx": {"level": "WARNING"}},
    }
