"""Logging: one line an event, secrets struck out before anything is written."""

import logging
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


class Redactor(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        struck = SECRETS.sub("[redacted]", message)
        if struck != message:
            record.msg, record.args = struck, ()
        return True


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
        "filters": {"redact": {"()": "kaizen_site.logs.Redactor"}},
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
                ],
            }
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["redact"],
            }
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {"django.server": {"level": "WARNING"}, "httpx": {"level": "WARNING"}},
    }
