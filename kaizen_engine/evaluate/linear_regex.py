"""Regular expressions that take time in proportion to the text, whoever wrote them."""

from typing import Any

import re2

_MOST_MEMORY = 8 * 1024 * 1024


def compile_linear(pattern: str, *, ignore_case: bool = False) -> Any:
    """Return the compiled pattern; raises re2.error with the reason."""
    options = re2.Options()
    options.max_mem = _MOST_MEMORY
    options.log_errors = False
    options.case_sensitive = not ignore_case
    return re2.compile(pattern, options)
