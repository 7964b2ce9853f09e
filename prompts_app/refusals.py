"""What the doors of versions share: who may come in, how a refusal is said, where one goes then."""

from collections.abc import Mapping

from django import forms
from django.core.exceptions import PermissionDenied
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from kaizen_engine.errors import KaizenError
from projects_app.exceptions import Conflict, InvalidInput, NotAllowed, NotHere
from projects_app.models import Role
from projects_app.pages import Visit

STATUS: Mapping[type[KaizenError], int] = {NotAllowed: 403, NotHere: 404, Conflict: 409}


def way_back(visit: Visit) -> str:
    """Return where the visitor came from, if that is on this site."""
    wanted = visit.request.POST.get("next", "")
    hosts = {visit.request.get_host()}
    is_ours = url_has_allowed_host_and_scheme(wanted, hosts, visit.request.is_secure())
    return wanted if is_ours else reverse("home")


def require(visit: Visit, role: Role) -> None:
    if not visit.allows(role):
        raise PermissionDenied(f"this needs the {role} role")


def put(form: forms.Form, error: KaizenError) -> None:
    """Set a refusal beside its field where it has one."""
    named = error.errors if isinstance(error, InvalidInput) else {}
    for name, words in named.items():
        form.add_error(name if name in form.fields else None, sentence(words))


def status_of(error: KaizenError) -> int:
    return next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")
