"""The awaiting client on the real server as an application uses it: in one loop, at once."""

import asyncio

import pytest

from feedback_app.models import Feedback
from kaizen_sdk import AsyncCTClient, PermissionDenied
from kaizen_sdk.testing import FrozenClock
from projects_app.models import Project, Scope
from tests.contract.conftest import APPLICATION, Wire
from tests.factories.projects import ApiKeyFactory, key_text
from tests.kaizen_site.route_table import World


def awaiting(project: Project, wire: Wire, *scopes: Scope) -> AsyncCTClient:
    wanted = [scope.value for scope in scopes or APPLICATION]
    key = key_text(ApiKeyFactory(project=project, scopes=wanted))
    return AsyncCTClient("http://testserver", key, transport=wire, clock=FrozenClock())


def test_many_requests_of_an_application_share_one_client(world: World, wire: Wire) -> None:
    client = awaiting(world.project, wire)

    async def handle(number: int) -> str:
        prompt = await client.get_prompt(world.task.slug)
        messages = prompt.messages({"text": str(number)})
        assert messages
        client.log_feedback(
            world.task.slug, {"text": str(number)}, "billing", prompt_hash=prompt.hash
        )
        return prompt.hash

    async def application() -> set[str]:
        async with client:
            return set(await asyncio.gather(*(handle(number) for number in range(50))))

    hashes = asyncio.run(application())
    rows = Feedback.objects.filter(task=world.task)
    assert {row.prompt_hash for row in rows} == hashes
    assert {row.inputs["text"] for row in rows} == {str(number) for number in range(50)}
    assert len(wire.awaited) == 1


def test_a_job_is_started_and_followed_beside_other_calls(world: World, wire: Wire) -> None:
    client = awaiting(world.project, wire)

    async def application() -> None:
        async with client:
            job = await client.start_optimization(str(world.ready.public_id), budget_usd=50)
            same, prompt = await asyncio.gather(
                client.job(job.id), client.get_prompt(world.task.slug)
            )
            assert (same.id, same.status, prompt.is_stale) == (job.id, "queued", False)

    asyncio.run(application())


def test_a_refusal_is_raised_where_the_call_is_awaited(world: World, wire: Wire) -> None:
    client = awaiting(world.project, wire, Scope.FEEDBACK_WRITE)

    async def application() -> None:
        async with client:
            call = client.start_optimization(str(world.ready.public_id))
            with pytest.raises(PermissionDenied):
                await call

    asyncio.run(application())
