"""Where the server is and who we are: arguments first, then the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from kaizen_sdk.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Settings:
    base_url: str
    api_key: str = field(repr=False)


def load_settings(base_url: str | None, api_key: str | None) -> Settings:
    """Raise ConfigurationError where an address or key is missing or malformed."""
    url = (base_url or os.environ.get("KAIZEN_URL", "")).strip().rstrip("/")
    key = (api_key or os.environ.get("KAIZEN_API_KEY", "")).strip()
    _check_url(url)
    # A key that cannot be a header would otherwise be quoted in the HTTP library's error.
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        message = "no usable API key: pass api_key= or set KAIZEN_API_KEY"
        raise ConfigurationError(message)
    return Settings(base_url=url, api_key=key)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        usable = usable and "@" not in parts.netloc and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        message = "no usable server address: pass base_url= or set KAIZEN_URL (http or https)"
        raise ConfigurationError(message)
