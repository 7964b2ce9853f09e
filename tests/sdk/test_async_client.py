"""What is the awaiting client's own: tasks, cancellation, event loops."""

import asyncio
import threading
from contextlib import asynccontextmanager

import httpx
import pytest

from kaizen_sdk import AsyncCTClient, ClientClosed, Job, SystemClock
from kaizen_sdk.testing import FrozenClock
from tests.sdk.scripted import Gate, ScriptedServer, prompt_answer, stored

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def connected(server, transport=None, **options):
    options.setdefault("clock", FrozenClock())
    transport = transport or server.transport
    async with AsyncCTClient("http://kaizen.test", "k", transport=transport, **options) as client:
        yield client


class SlowServer(httpx.MockTransport):
    """Answers what is awaited when it is told to."""

    def __init__(self):
        self.server = ScriptedServer()
        self.requests = []
        self.reached, self.opened = threading.Event(), threading.Event()
        super().__init__(self.server)

    async def handle_async_request(self, request):
        self.requests.append(request)
        self.reached.set()
        while not self.opened.is_set():
            await asyncio.sleep(0.001)
        return prompt_answer(1)

    async def reach(self):
        while not self.reached.is_set():
            await asyncio.sleep(0.001)


async def test_every_verb_works_inside_one_context():
    server = ScriptedServer()
    async with connected(server) as client:
        prompt = await client.get_prompt("triage")
        client.log_feedback("triage", {}, "x", prompt_hash=prompt.hash)
        assert await client.flush()
        server.answers = [httpx.Response(202, json={"job_id": "j-1"})]
        assert await client.start_optimization("p-1") == Job(id="j-1")
        server.answers = [httpx.Response(200, json={"status": "running"})]
        assert (await client.job("j-1")).status == "running"
        assert client.stats().delivered == 1
    assert [event["output"] for event in server.events] == ["x"]
    with pytest.raises(ClientClosed):
        await client.job("j-1")


async def test_a_cached_prompt_is_returned_without_the_loop():
    async with connected(ScriptedServer()) as client:
        first = await client.get_prompt("triage")
        call = client.get_prompt("triage")
        with pytest.raises(StopIteration) as returned:
            call.send(None)
        assert returned.value.value is first


async def test_logging_does_not_wait_for_a_server_that_hangs():
    gate = Gate(stored)
    async with connected(ScriptedServer(gate)) as client:
        for _ in range(300):
            client.log_feedback("triage", {}, "x")
        assert not await client.flush(0.01)
        gate.opened.set()
        assert await client.flush()


async def test_the_loop_goes_on_while_a_flush_waits():
    gate = Gate(stored)
    async with connected(ScriptedServer(gate)) as client:
        client.log_feedback("triage", {}, "x")
        flush = asyncio.create_task(client.flush())
        await asyncio.sleep(0)
        assert not flush.done()
        gate.opened.set()
        assert await flush


async def test_tasks_that_miss_together_ask_once():
    slow = SlowServer()
    async with connected(None, slow) as client:
        calls = [asyncio.create_task(client.get_prompt("triage")) for _ in range(50)]
        await slow.reach()
        slow.opened.set()
        assert {prompt.number for prompt in await asyncio.gather(*calls)} == {1}
    assert len(slow.requests) == 1


async def test_different_prompts_are_asked_for_at_the_same_time():
    slow = SlowServer()
    async with connected(None, slow) as client:
        calls = [asyncio.create_task(client.get_prompt(f"task-{n}")) for n in range(5)]
        while len(slow.requests) < 5:
            await asyncio.sleep(0.001)
        slow.opened.set()
        await asyncio.gather(*calls)


async def test_cancelling_a_waiter_leaves_the_request_to_the_others():
    slow = SlowServer()
    async with connected(None, slow) as client:
        calls = [asyncio.create_task(client.get_prompt("triage")) for _ in range(3)]
        await slow.reach()
        await asyncio.sleep(0)
        calls[1].cancel()
        slow.opened.set()
        done = await asyncio.gather(*calls, return_exceptions=True)
    assert [getattr(prompt, "number", None) for prompt in done] == [1, None, 1]
    assert isinstance(done[1], asyncio.CancelledError)
    assert len(slow.requests) == 1


async def test_when_the_one_who_asks_is_cancelled_a_waiter_asks_instead():
    slow = SlowServer()
    async with connected(None, slow) as client:
        calls = [asyncio.create_task(client.get_prompt("triage")) for _ in range(3)]
        await slow.reach()
        await asyncio.sleep(0)
        calls[0].cancel()
        while len(slow.requests) < 2:
            await asyncio.sleep(0.001)
        slow.opened.set()
        done = await asyncio.gather(*calls, return_exceptions=True)
        assert client._prompts.flights.all() == []
    assert isinstance(done[0], asyncio.CancelledError)
    assert [prompt.number for prompt in done[1:]] == [1, 1]
    assert len(slow.requests) == 2


async def test_a_timeout_around_a_call_leaves_the_client_working():
    slow = SlowServer()
    async with connected(None, slow) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await client.get_prompt("triage")
        slow.opened.set()
        assert (await client.get_prompt("triage")).number == 1


def test_one_client_serves_several_event_loops_at_once():
    slow = SlowServer()
    client = AsyncCTClient("http://kaizen.test", "k", transport=slow, clock=FrozenClock())
    numbers = []

    def work():
        numbers.append(asyncio.run(client.get_prompt("triage")).number)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert slow.reached.wait(5)
    slow.opened.set()
    for thread in threads:
        thread.join(5)
    assert numbers == [1] * 4
    assert len(slow.requests) == 1
    asyncio.run(client.aclose())


def test_real_connections_outlive_the_event_loop_that_made_them(http_server):
    client = AsyncCTClient(http_server.url, "k", clock=SystemClock())
    for number in (1, 2, 3):
        assert asyncio.run(client.job(f"j-{number}")).id == f"j-{number}"
        client.log_feedback("triage", {}, number)
        assert asyncio.run(client.flush())
    asyncio.run(client.aclose())
    assert [event["output"] for event in http_server.events] == [1, 2, 3]
