"""Runs of the playground, a connection that failed its test, an audit trail; and their pages."""

from datetime import timedelta
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from prompts_app.models import PromptVersion
from tests.factories.llm import ConnectionFactory, ModelPriceFactory
from tests.factories.playground import (
    PlaygroundAnswerFactory,
    PlaygroundRunFactory,
    variant_of,
)
from tests.factories.projects import ApiKeyFactory, AuditEntryFactory

ONE, MANY = UUID(int=1), UUID(int=2)
AWAY = "away"
LONG = "The parcel of the courier is late and nobody answers the telephone. " * 20


def settings_pages(version: PromptVersion) -> dict[str, str]:
    project = (version.task.project.slug,)
    names = ("page", "members", "keys", "connections", "git", "installation")
    return {
        "playground": reverse("playground:page", args=project),
        "a run on one input": reverse("playground:run", args=(*project, ONE)),
        "a run on rows": reverse("playground:run", args=(*project, MANY)),
        "audit": reverse("audit:list", args=project),
        **{f"settings {name}": reverse(f"settings:{name}", args=project) for name in names},
        "a connection": reverse("settings:connection", args=(*project, AWAY)),
    }


def tried_out(version: PromptVersion) -> None:
    """Leave a run that ended with an answer and a trouble, and one that is half done."""
    parent = version.parents.get()
    variants = [variant_of(parent), variant_of(version)]
    row = {"inputs": {"text": LONG}, "expected": {"label": "shipping"}, "example": None}
    now = timezone.now()
    one = PlaygroundRunFactory(
        **{"public_id": ONE, "version": version, "variants": variants, "rows": [row]},
        **{"state": "finished", "finished_at": now},
    )
    PlaygroundAnswerFactory(run=one, reasons={"exact_match": "it is what was expected"})
    trouble = {"problem": "The provider of away refused the key.", "raw_problem": "401: bad key"}
    PlaygroundAnswerFactory(run=one, variant=1, text="", score=None, latency_ms=None, **trouble)
    rows = [{**row, "inputs": {"text": f"parcel {number}"}} for number in range(3)]
    many = PlaygroundRunFactory(
        **{"public_id": MANY, "version": version, "variants": variants, "rows": rows},
        **{"state": "running", "source": "March", "claimed_until": now + timedelta(hours=1)},
    )
    PlaygroundAnswerFactory(run=many, score=0.0, text="billing")
    PlaygroundAnswerFactory(run=many, variant=1)


def kept_house(version: PromptVersion) -> None:
    """Leave a connection, keys and entries as an admin finds them."""
    project = version.task.project
    away = ConnectionFactory(
        **{"project": project, "slug": AWAY, "openai": True, "test_state": "failed"},
        **{"test_at": timezone.now(), "test_model": "large", "test_raw": "401: bad key"},
        test_words="The provider of away refused the key: enter a new secret.",
    )
    ModelPriceFactory(connection=away, model="large", source="https://models.example/prices")
    ApiKeyFactory(project=project, name="An old one", revoked=True)
    data = {"two_person_rule": True, "before": {"two_person_rule": False}, "notes": LONG}
    AuditEntryFactory(
        **{"project": project, "actor": "user:ann", "action": "kaizen.project.updated"},
        **{"data": data, "reason": "The audit of March asked for it.", "request_id": "a" * 32},
    )
