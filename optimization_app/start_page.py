"""What a job would take, for the page that starts one: the estimate, or why there is none."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from kaizen_engine.errors import KaizenError, PriceUnknown
from llm_app.models import Connection, ModelPrice
from optimization_app.job_page import estimate_facts
from optimization_app.services.start import confirmation_asked, job_plan
from optimization_app.start_form import StartForm
from optimization_app.strategy_words import hears_wishes
from projects_app.exceptions import InvalidInput
from projects_app.models import Project
from prompts_app.review_page import money
from tasks_app.models import Task

MOST_MODELS = 300


@dataclass(frozen=True)
class Forecast:
    """`question` is what has to be confirmed; `prices` are models and where theirs is entered."""

    facts: list[tuple[str, str]] = field(default_factory=list)
    hint: str = ""
    question: str = ""
    refusal: str = ""
    code: str = ""
    prices: list[tuple[str, str]] = field(default_factory=list)


def forecast(task: Task, form: StartForm) -> Forecast:
    """Plan the job that the form asks for; nothing is written and no model is called."""
    if not form.is_valid():
        return Forecast(refusal=" ".join(_named_errors(form)))
    try:
        plan = job_plan(task, form.changes)
    except PriceUnknown as error:
        prices = unpriced(task.project, form.changes)
        return Forecast(refusal=str(error), code=error.code, prices=prices)
    except InvalidInput as error:
        form.refuse(error)
        return Forecast(refusal=_listed(error), code=error.code)
    except KaizenError as error:
        return Forecast(refusal=str(error), code=error.code)
    return Forecast(
        facts=_facts(plan.estimate, Decimal(plan.config.budget_usd), plan.config.minutes),
        hint=_wishes_hint(plan.config.optimizer_type, form.changes["notes"]),
        question=confirmation_asked(plan),
    )


def _named_errors(form: StartForm) -> list[str]:
    return [f"{form[name].label}: {' '.join(map(str, why))}" for name, why in form.errors.items()]


def _listed(error: InvalidInput) -> str:
    return " ".join([f"{error}.", *(f"{name} {why}." for name, why in error.errors.items())])


def _facts(estimate: Any, budget: Decimal, minutes: int) -> list[tuple[str, str]]:
    named = {"train": _("train"), "dev": _("dev"), "test": _("hold-out")}
    rows = [f"{count:,} {named[name]}" for name, count in estimate["rows"].items() if count]
    return [
        (_("Rows, about"), ", ".join(rows) or _("none yet")),
        *estimate_facts(estimate),
        (_("Never more than"), _("%(usd)s, %(min)s min") % {"usd": money(budget), "min": minutes}),
    ]


def _wishes_hint(strategy: str, wishes: list[str]) -> str:
    if not wishes or hears_wishes(strategy):
        return ""
    return _("%s hears no wishes: choose gepa or analyst to have yours heard.") % strategy


def unpriced(project: Project, changes: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the models that have no price yet, with the form in which an admin enters one."""
    names = {changes.get("student"), changes.get("teacher"), *changes.get("students", ())}
    return [
        (name, where) for name in sorted(filter(None, names)) if (where := _missing(project, name))
    ]


def _missing(project: Project, name: str) -> str:
    slug, _slash, model = name.partition("/")
    connection = Connection.objects.filter(project=project, slug=slug).first()
    if connection is None or connection.prices.filter(model=model).exists():
        return ""
    place = {"project": project.slug, "slug": connection.slug}
    query = urlencode({"model": model})
    return f"{reverse('settings:connection', kwargs=place)}?{query}#price-heading"


def models_known(project: Project) -> list[str]:
    """Return the models that have a price, for the fields to suggest."""
    prices = ModelPrice.objects.filter(connection__project=project)
    rows = prices.order_by("connection__slug", "model").values_list("connection__slug", "model")
    return [f"{slug}/{model}" for slug, model in rows[:MOST_MODELS]]
