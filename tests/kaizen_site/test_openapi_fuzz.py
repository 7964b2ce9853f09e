"""Schemathesis reads the OpenAPI document and tries what it allows, and what it does not."""

import os
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from kaizen_site.errors import PROBLEM_JSON
from kaizen_site.wsgi import application
from projects_app.models import Project
from tests.kaizen_site.route_table import World, build_world

EXAMPLES = int(os.environ.get("KAIZEN_FUZZ_EXAMPLES", "30"))
CHECKS = [
    schemathesis.checks.not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
api = schemathesis.openapi.from_wsgi("/openapi.json", application)
api.config.generation.update(modes=list(schemathesis.GenerationMode))


@pytest.fixture
def world(project: Project) -> World:
    return build_world(project)


@api.exclude(path="/health").parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_answers_keep_what_the_document_promises(
    case: schemathesis.Case, world: World, all_scopes_key: str
) -> None:
    """Each example goes to the address it made up, and to one that exists."""
    send(case, all_scopes_key)
    real = {
        "slug": world.task.slug,
        "task": world.task.slug,
        "prompt_id": str(world.ready.public_id),
        "job_id": str(world.running.public_id),
        "version_id": str(world.proven.public_id),
        "key_id": str(world.key.public_id),
        "dataset_id": str(world.dataset.public_id),
        "inputs": {"text": "where is my parcel"},
        "output": {"label": "shipping"},
        "corrected_output": {"label": "shipping"},
    }
    case.path_parameters = {name: real[name] for name in case.path_parameters}
    if isinstance(case.body, dict):
        case.body |= {name: real[name] for name in case.body.keys() & real.keys()}
    send(case, all_scopes_key)


def send(case: schemathesis.Case, key: str) -> None:
    answer: Response = case.call(headers={"X-API-Key": key})
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code >= 400:
        problem: dict[str, Any] = answer.json()
        assert answer.headers["content-type"] == [PROBLEM_JSON]
        assert problem["code"]
