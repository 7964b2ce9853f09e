"""What a service may say no with. One handler turns each kind into its HTTP answer.

ServiceError
├── InvalidInput    400   `errors` names each field and what is wrong with it
├── NotAllowed      403   the actor may see it and may not do it
├── NotHere         404   unknown, or another tenant's: the answer is the same
└── Conflict        409   the state moved on, or a rule of the state forbids it
"""

from collections.abc import Mapping
from typing import Any

from kaizen_engine.errors import KaizenError


class ServiceError(KaizenError):
    code = "service_error"

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        if code:
            self.code = code


class InvalidInput(ServiceError):
    code = "invalid"

    def __init__(self, message: str, *, code: str = "", errors: Mapping[str, str] | None = None):
        super().__init__(message, code=code)
        self.errors = dict(errors or {})


class NotAllowed(ServiceError):
    code = "not_allowed"


class NotHere(ServiceError):
    code = "not_found"


class Conflict(ServiceError):
    """`facts` travel with the answer: what a caller needs in order to decide anew."""

    code = "conflict"

    def __init__(self, message: str, *, code: str = "", facts: Mapping[str, Any] | None = None):
        super().__init__(message, code=code)
        self.facts = dict(facts or {})
