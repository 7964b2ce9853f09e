"""Reads an evaluator's settings out of JSON, and collects what is wrong with them by place."""

import math
from collections.abc import Collection, Mapping
from typing import Any

_LONGEST_TEXT = 10_000
_MOST_TEXTS = 1_000


class Options:
    """The settings of one evaluator; a wrong one is noted and its fallback returned.

    A setting without a default is needed. `path` is the place of these settings in the spec.
    """

    def __init__(
        self, settings: Mapping[str, Any], problems: dict[str, str], path: str = ""
    ) -> None:
        self._settings = settings
        self._problems = problems
        self._path = path
        self._read = {"kind"}

    def text(self, name: str, default: str | None = None) -> str:
        value = self._take(name, default)
        if isinstance(value, str) and len(value) <= _LONGEST_TEXT and (value or default == ""):
            return value
        self.reject(name, f"must be a text of 1 to {_LONGEST_TEXT} characters")
        return default or ""

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._take(name, None)
        is_list = isinstance(value, list | tuple) and 0 < len(value) <= _MOST_TEXTS
        if is_list and all(isinstance(one, str) and one for one in value):
            return tuple(value)
        self.reject(name, "must be a list of texts that are not empty")
        return ("",)

    def number(self, name: str, default: float | None = None, *, low: float, high: float) -> float:
        value = self._take(name, default)
        if _is_number(value) and low <= value <= high:
            return float(value)
        self.reject(name, f"must be a number from {low:g} to {high:g}")
        return default if default is not None else low

    def whole(self, name: str, default: int | None = None, *, low: int, high: int) -> int:
        value = self._take(name, default)
        if _is_number(value) and value == int(value) and low <= value <= high:
            return int(value)
        self.reject(name, f"must be a whole number from {low} to {high}")
        return default if default is not None else low

    def flag(self, name: str, default: bool) -> bool:
        value = self._take(name, default)
        if isinstance(value, bool):
            return value
        self.reject(name, "must be true or false")
        return default

    def choice(self, name: str, among: Collection[str], default: str | None = None) -> str:
        value = self._take(name, default)
        if isinstance(value, str) and value in among:
            return value
        self.reject(name, f"must be one of {', '.join(among)}")
        return default or next(iter(among))

    def model(self, name: str = "model") -> str:
        value = self._take(name, None)
        slug, _, model = value.partition("/") if isinstance(value, str) else ("", "", "")
        if slug and model:
            return f"{slug}/{model}"
        self.reject(name, "must be written <connection>/<model>")
        return "none/none"

    def mapping(self, name: str, default: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        value = self._take(name, default)
        if isinstance(value, Mapping):
            return value
        self.reject(name, "must be an object")
        return default or {}

    def parts(self, name: str, *, most: int) -> list[Mapping[str, Any]]:
        value = self._take(name, None)
        is_list = isinstance(value, list | tuple) and 0 < len(value) <= most
        if is_list and all(isinstance(one, Mapping) for one in value):
            return list(value)
        self.reject(name, f"must be a list of 1 to {most} objects")
        return []

    def inside(self, name: str) -> "Options | None":
        """Return the settings of an object that may be left out."""
        if self._settings.get(name) is None:
            self._read.add(name)
            return None
        return Options(self.mapping(name), self._problems, self._place(name))

    def has(self, name: str) -> bool:
        return name in self._settings

    def reject(self, name: str, message: str) -> None:
        self._problems.setdefault(self._place(name), message)

    def close(self) -> None:
        """Refuse what nobody has read."""
        for name in self._settings:
            if name not in self._read:
                known = ", ".join(sorted(self._read - {"kind"})) or "none"
                self.reject(str(name), f"is unknown here; known settings are {known}")

    def _take(self, name: str, default: Any) -> Any:
        self._read.add(name)
        if name not in self._settings and default is None:
            self.reject(name, "is needed")
        return self._settings.get(name, default)

    def _place(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value)
