"""Every gate, failing, through every door: nothing goes live but by an approver's override."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from uuid_utils.compat import uuid7

from kaizen_engine.states import GateBasis
from llm_app.models import Connection
from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from projects_app.models import User
from prompts_app.gates import Gate
from prompts_app.models import GateOutcome, GateResult, PromptVersion, Tag, VersionEvidence
from prompts_app.prompt_files import file_of
from prompts_app.services.gates import evidence_objections, gate_record
from prompts_app.services.pulls import pull_follow
from prompts_app.services.review import version_approve
from prompts_app.services.tags import version_promote
from tasks_app.models import Task
from tests.engine.git.repositories import Checkout
from tests.factories.feedback import ExampleFactory
from tests.factories.optimization import JobFactory
from tests.factories.prompts import PromptVersionFactory

pytestmark = pytest.mark.django_db

Break = Callable[[PromptVersion], PromptVersion]


def evidence(verdict: str = "confirmed", **changes: Any) -> Break:
    def add(live: PromptVersion) -> PromptVersion:
        version = proven(live)
        VersionEvidence.objects.create(
            version=version, verdict=verdict, summary=version.evidence | changes, job=uuid7()
        )
        return version

    return add


def recorded(gate: Gate) -> Break:
    def record(live: PromptVersion) -> PromptVersion:
        version = proven(live)
        gate_record(version=version, name=gate, outcome=GateOutcome.FAILED, reason="it failed")
        return version

    return record


def rows(**example: Any) -> Break:
    def add(live: PromptVersion) -> PromptVersion:
        ExampleFactory(task=live.task, **example)
        return proven(live)

    return add


def setting(**changes: Any) -> Break:
    def change(live: PromptVersion) -> PromptVersion:
        Task.objects.filter(pk=live.task_id).update(**changes)
        return proven(live)

    return change


def text(**changes: str) -> Break:
    return lambda live: proven(live, **changes)


def proven(live: PromptVersion, **changes: Any) -> PromptVersion:
    """Return a version that evidence confirms, with this text."""
    artifact = live.artifact | {"system": "Name the label."} | changes
    return PromptVersionFactory(
        task=Task.objects.get(pk=live.task_id), proven=live, parents=[live], artifact=artifact
    )


def demo(live: PromptVersion) -> PromptVersion:
    version = evidence(student_kind="demo")(live)
    Connection.objects.filter(pk=live.task.student_connection_id).update(kind="openai")
    return version


def copied(live: PromptVersion) -> PromptVersion:
    words = "one two three four five six seven eight nine"
    ExampleFactory(task=live.task, inputs={"text": words})
    return proven(live, system=f"Name the label, as in: {words}.")


BREAKS: dict[Gate, Break] = {
    Gate.EVIDENCE: evidence("worse"),
    Gate.EVIDENCE_HASH: evidence(artifact_hash="0" * 64),
    Gate.FRESHNESS: evidence(student="elsewhere/other"),
    Gate.REAL_MODEL: demo,
    Gate.JUDGE: recorded(Gate.JUDGE),
    Gate.PROTECTED: rows(is_protected=True),
    Gate.RED_TEAM: rows(split="red_team"),
    Gate.SEGMENTS: recorded(Gate.SEGMENTS),
    Gate.LOCKED: setting(locked_text=["Label the text"]),
    Gate.VARIABLES: text(user_template="The text"),
    Gate.LENGTH: text(system="Name it. " * 1000),
    Gate.COPIED: copied,
    Gate.COST: setting(max_cost_ratio=1.5),
    Gate.LATENCY: setting(max_latency_ratio=1.5),
}


@pytest.fixture(params=list(Gate), ids=str)
def broken(request: pytest.FixtureRequest, live: PromptVersion) -> PromptVersion:
    """A version that one gate refuses."""
    version = BREAKS[request.param](live)
    version = PromptVersion.objects.select_related("task__project").get(pk=version.pk)
    failing = [one.gate for one in evidence_objections(version, live)]
    assert failing == [request.param.value], "this gate, and no other"
    return version


def live_number(version: PromptVersion) -> int:
    return Tag.objects.get(task=version.task, name="production").version.number


def decide(client: Client, user: User, version: PromptVersion, verb: str, reason: str) -> int:
    client.force_login(user)
    name = "admin:prompts_app_promptversion_decide"
    answer = client.post(reverse(name, args=[version.pk, verb]), {"reason": reason})
    return answer.status_code


def test_every_gate_has_a_case() -> None:
    assert set(BREAKS) == set(Gate)


def test_without_a_failing_gate_the_same_version_goes_live(
    live: PromptVersion, approver_actor: Actor
) -> None:
    version_approve(actor=approver_actor, version=proven(live))
    assert live_number(live) == 2


def test_the_services_the_api_a_job_and_the_admin_all_refuse(
    broken: PromptVersion, approver: User, approver_actor: Actor, client: Client, api_client: Any
) -> None:
    task = broken.task
    with pytest.raises(Conflict):
        version_approve(actor=approver_actor, version=broken)
    with pytest.raises(Conflict):
        version_promote(actor=approver_actor, task=task, version=broken, basis=GateBasis.EVIDENCE)
    body = {"version": str(broken.public_id), "tag": "production", "reason": "now"}
    answer = api_client.post(f"/api/v1/prompts/{task.public_id}/promote", body)
    assert answer.status_code == 409
    assert [gate["message"] for gate in answer.json()["gates"]]
    job = JobFactory(
        seed_version=task.versions.get(number=1), result_version=broken, succeeded=True
    )
    url = f"/api/v1/optimization/jobs/{job.public_id}/promote"
    assert api_client.post(url, {"reason": "now"}).status_code == 409
    decide(client, approver, broken, "approve", "now")
    page = client.get(reverse("admin:prompts_app_promptversion_change", args=[broken.pk]))
    assert "Not ready to approve" in page.content.decode()
    assert live_number(broken) == 1


def test_a_merge_is_held_and_a_command_serves_nothing(
    broken: PromptVersion, live: PromptVersion, repository: Any, alice: Checkout, tmp_path: Any
) -> None:
    pull = pull_follow(version=broken)
    assert pull is not None
    alice.git("fetch", "--quiet")
    alice.git("merge", "--quiet", "--no-ff", "-m", "Merge", f"origin/{pull.head}")
    alice.git("push", "--quiet", "origin", "main")
    merged = pull_follow(version=broken)
    assert merged is not None
    assert (merged.state, bool(merged.held)) == ("merged", True)
    path = tmp_path / "x.prompt.yml"
    path.write_bytes(file_of(broken))
    options = {"project": "support", "task": broken.task.slug, "user": "approver"}
    call_command("import_prompt", str(path), **options)
    assert live_number(broken) == 1


def test_an_approver_overrides_with_a_reason_that_stays(
    broken: PromptVersion, editor: User, approver: User, client: Client
) -> None:
    assert decide(client, editor, broken, "override", "I want it.") == 403
    decide(client, approver, broken, "override", " ")
    assert live_number(broken) == 1
    decide(client, approver, broken, "override", "Legal needs it today.")
    assert live_number(broken) == broken.number
    row = GateResult.objects.get(version=broken, name="promotion")
    assert (row.basis, row.reason, len(row.figure["overridden"])) == (
        "override",
        "Legal needs it today.",
        1,
    )
    page = client.get(reverse("admin:prompts_app_promptversion_change", args=[broken.pk]))
    assert "Legal needs it today." in page.content.decode()
    assert "Passed over:" in page.content.decode()


def test_the_api_names_every_gate_with_its_reason(broken: PromptVersion, api_client: Any) -> None:
    task = broken.task
    address = f"/api/v1/prompts/{task.public_id}/versions/{broken.public_id}"
    found = api_client.get(address).json()
    assert [gate["name"] for gate in found["gates"]] == [gate.value for gate in Gate]
    assert found["may_go_live"] is False
    failing = [gate for gate in found["gates"] if gate["outcome"] == "fail"]
    assert len(failing) == 1
    assert failing[0]["reason"]
    assert failing[0]["title"]
