"""The one door, built from a project's connections over the shared stores."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings as live_settings
from uuid_utils.compat import uuid7

from kaizen_engine.clock import Clock, FrozenClock, SystemClock
from kaizen_engine.errors import JobAbort, PriceUnknown
from kaizen_engine.llm.meter import Budget, Meter, Spent
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.states import StopReason
from llm_app.gateways import breaker_key, gateway_for
from llm_app.journal import DatabaseJournal
from llm_app.models import BreakerState, CallRecord, LedgerEntry
from llm_app.services.connections import connection_secret_set
from llm_app.stores import DatabaseBreaker
from llm_app.writer import GroupCommitWriter
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput, NotHere
from projects_app.targets import TargetRefused
from tests.factories.llm import ConnectionFactory, ModelPriceFactory
from tests.factories.projects import ProjectFactory
from tests.servers.scripted_openai import ScriptedServer, Step, down, script
from tests.servers.scripted_vendors import VendorServer

NO_CAPS, SYSTEM = Budget(), SystemClock()
MESSAGES = ({"role": "system", "content": "Answer."}, {"role": "user", "content": "Hello"})


@pytest.fixture
def project(live_database):
    return ProjectFactory()


@pytest.fixture
def server():
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def connection(project, server, settings):
    pair = f"127.0.0.1:{server.server_port}"
    settings.CONFIG = replace(
        live_settings.CONFIG, allow_private_targets=(pair,), call_timeout_s=5.0
    )
    connection = ConnectionFactory(
        project=project, slug="own", kind="openai", base_url=server.base_url
    )
    ModelPriceFactory(connection=connection, model="small")
    return connection


@pytest.fixture
def job(project):
    """Return a maker of gateways for one job, as each of its attempts would build it."""
    subject, attempts = uuid7(), []
    with GroupCommitWriter() as writer:

        def gateway(*models: str, budget: Budget = NO_CAPS, clock: Clock = SYSTEM):
            for former in attempts:
                former.settle()
            journal = DatabaseJournal(
                subject=subject, project_id=project.pk, purpose="optimize", writer=writer
            )
            attempts.append(journal)
            meter = Meter(budget, journal.spent(), clock)
            names = models or ("own/small",)
            return gateway_for(project, names, meter=meter, journal=journal, clock=clock)

        yield gateway


def ask(gateway, number: int = 0, model: str = "own/small") -> str:
    messages = (*MESSAGES, {"role": "user", "content": str(number)})
    return gateway.complete(ChatRequest(model, messages, max_tokens=50), role="student").text


def test_an_answer_is_paid_once_for_all_attempts_of_a_job(job, connection, server):
    first = ask(job())
    assert ask(job()) == first
    assert server.calls == 1
    assert CallRecord.objects.count() == LedgerEntry.objects.count() == 1
    assert job().meter.spent.usd == LedgerEntry.objects.get().cost_usd > 0


def test_the_connections_secret_reaches_the_provider_and_nothing_else(job, connection, server):
    actor = Actor.system(connection.project_id)
    connection_secret_set(actor=actor, connection=connection, secret="sk-abcdefghijklmnop")
    ask(job())
    assert server.received[0].authorization == "Bearer sk-abcdefghijklmnop"
    assert "sk-abcdefghijklmnop" not in repr(job().__dict__)


def test_an_outage_opens_the_projects_own_circuit(job, connection, server, settings):
    settings.CONFIG = replace(settings.CONFIG, breaker_failures=1)
    server.policy = down()
    with pytest.raises(JobAbort) as caught:
        ask(job(budget=Budget(usd=Decimal(1))))
    assert caught.value.reason is StopReason.PROVIDER_DOWN
    assert BreakerState.objects.get().key == breaker_key(connection)
    calls = server.calls
    with pytest.raises(JobAbort):
        ask(job(), number=1)
    assert server.calls == calls, "an open circuit makes no call"
    other = ConnectionFactory(slug="own")
    assert breaker_key(other) != breaker_key(connection)


def test_a_try_that_may_be_billed_is_charged_even_without_an_answer(job, connection, server):
    server.policy = script(Step(is_truncated=True))
    ask(job())
    assert job().meter.spent.usd == sum(row.cost_usd for row in LedgerEntry.objects.all())
    assert LedgerEntry.objects.filter(is_upper_bound=True).count() == 1


def test_the_demo_model_answers_inside_the_process(job, project):
    demo = ConnectionFactory(project=project, slug="demo")
    ModelPriceFactory(connection=demo, model="demo")
    assert ask(job("demo/demo"), model="demo/demo")


def test_a_model_without_a_price_says_where_to_enter_it(job, connection):
    with pytest.raises(PriceUnknown, match="own/large.*Model prices"):
        job("own/small", "own/large")


def test_another_projects_connection_is_not_there(job, connection):
    ModelPriceFactory(connection=ConnectionFactory(slug="theirs"), model="small")
    with pytest.raises(NotHere):
        job("theirs/small")


def test_a_name_without_a_model_is_refused(job, connection):
    with pytest.raises(InvalidInput):
        job("own")


def test_an_address_that_is_no_longer_allowed_is_not_called(job, connection, server, settings):
    settings.CONFIG = replace(settings.CONFIG, allow_private_targets=())
    with pytest.raises(TargetRefused):
        job()
    assert server.calls == 0


def test_the_limit_of_the_connection_is_kept(job, connection, server):
    connection.requests_per_minute = 20
    connection.save()
    clock = FrozenClock()
    soon = Budget(deadline=clock.now() + timedelta(seconds=5))
    one, other = job(budget=soon, clock=clock), job(budget=soon, clock=clock)
    for number, gateway in enumerate((one, other)):
        ask(gateway, number)
    with pytest.raises(JobAbort) as caught:
        ask(one, 2)
    assert caught.value.reason is StopReason.TIMEOUT
    assert server.calls == 2, "both gateways count in the same window"


def test_gateways_share_one_breaker_row(project):
    with GroupCommitWriter() as writer:
        clock = SystemClock()
        for _ in range(2):
            DatabaseBreaker(writer, threshold=3, reset_s=1, clock=clock).failure("k")
    assert BreakerState.objects.get().failures == 2


def test_nothing_was_spent_before_the_first_call(job, connection):
    assert job().meter.spent == Spent()


@pytest.mark.parametrize("kind", ["anthropic", "gemini"])
def test_every_vendor_is_called_in_its_own_words_with_the_connections_secret(
    job, project, settings, kind
):
    with VendorServer(kind, "sk-abcdefghijklmnop") as vendor:
        pair = f"127.0.0.1:{vendor.server_port}"
        settings.CONFIG = replace(live_settings.CONFIG, allow_private_targets=(pair,))
        connection = ConnectionFactory(
            project=project, slug="own", kind=kind, base_url=vendor.base_url
        )
        ModelPriceFactory(connection=connection, model="small")
        actor = Actor.system(project.pk)
        connection_secret_set(actor=actor, connection=connection, secret=vendor.key)
        assert ask(job())
    assert len(vendor.received) == CallRecord.objects.count() == 1
