"""Trying a connection: one small call through the gateway, by a worker, and what came of it.

1. Asking for a test is a conditional UPDATE: a second click finds the first one's under way.
2. Taking it is another: of two workers one calls.
3. The outcome is kept with the connection in words, until its address or secret changes.
"""

import uuid
from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from kaizen_engine.clock import SystemClock
from kaizen_engine.errors import JobAbort, KaizenError
from kaizen_engine.llm.gateway import Tuning
from kaizen_engine.llm.meter import Budget, Meter, Spent
from kaizen_engine.llm.pricing import response_cost
from kaizen_engine.llm.types import ChatRequest, ChatResponse
from llm_app.gateways import check_priced, gateway_for
from llm_app.journal import journal_open
from llm_app.models import Connection, ConnectionWord
from llm_app.selectors import prices_of
from llm_app.trouble import Hearing, Trouble, trouble_of
from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from projects_app.models import Role
from projects_app.services.audit import audit_record

ROLE = PURPOSE = "test"
TEST_S = 40
LOST = timedelta(seconds=120)
DEAREST_USD = Decimal("0.05")
QUESTION = {"role": "user", "content": "Answer with the one word: ready"}
UNDER_WAY = (ConnectionWord.WAITING.value, ConnectionWord.ASKING.value)
RUN = "llm_app.worker.try_connection"


@transaction.atomic
def connection_test_ask(*, actor: Actor, connection: Connection, model: str) -> Connection:
    """Have a worker make the call. Raises PriceUnknown, and Conflict while one is under way."""
    actor.require(role=Role.ADMIN, project_id=connection.project_id)
    check_priced(connection, model)
    now = timezone.now()
    free = Connection.objects.exclude(test_state__in=UNDER_WAY, test_at__gt=now - LOST)
    moved = free.filter(pk=connection.pk).update(
        test_state=ConnectionWord.WAITING.value,
        test_at=now,
        test_model=model,
        test_words="",
        test_raw="",
    )
    if not moved:
        raise Conflict("a test of this connection is under way", code="stale")
    audit_record(actor=actor, action="kaizen.connection.tested", subject=connection, model=model)
    transaction.on_commit(lambda: _wake(connection.pk), robust=True)
    connection.refresh_from_db()
    return connection


def is_tested_now(connection: Connection) -> bool:
    """Say whether an answer may still come; a test that no worker took is over after a while."""
    if connection.test_at is None or connection.test_state not in UNDER_WAY:
        return False
    return timezone.now() - connection.test_at < LOST


def connection_test_run(connection_id: int) -> str:
    """Make the call that was asked for, if nobody else does."""
    waiting = Connection.objects.filter(pk=connection_id, test_state=ConnectionWord.WAITING.value)
    if not waiting.update(test_state=ConnectionWord.ASKING.value):
        return "not to be taken"
    connection = Connection.objects.select_related("project").get(pk=connection_id)
    state, found = _tried(connection)
    asking = Connection.objects.filter(
        pk=connection_id,
        test_state=ConnectionWord.ASKING.value,
        test_at=connection.test_at,
    )
    asking.update(test_state=state.value, test_words=found.words[:500], test_raw=found.raw)
    return state.value


def _tried(connection: Connection) -> tuple[ConnectionWord, Trouble]:
    model = f"{connection.slug}/{connection.test_model}"
    hearing = Hearing()
    try:
        response, latency_ms = _call(connection, model, hearing)
    except (JobAbort, KaizenError) as stopped:
        return ConnectionWord.FAILED, trouble_of(stopped, model, hearing.last)
    cost = response_cost(prices_of(connection)[connection.test_model], response)
    said = " ".join(response.text.split())[:80]
    words = (
        f"{connection.test_model} answered “{said}” in {latency_ms:,} ms for ${cost.normalize():f}."
    )
    return ConnectionWord.WORKS, Trouble(words)


def _call(connection: Connection, model: str, hearing: Hearing) -> tuple[ChatResponse, int]:
    clock = SystemClock()
    deadline = timezone.now() + timedelta(seconds=TEST_S)
    with journal_open(
        subject=uuid.uuid4(), project_id=connection.project_id, purpose=PURPOSE
    ) as journal:
        gateway = gateway_for(
            connection.project,
            [model],
            meter=Meter(Budget(usd=DEAREST_USD, deadline=deadline), Spent(), clock),
            journal=journal,
            # A person waits for the first word of the provider, not for its third.
            tuning=Tuning(patience_s=0),
            hearing=hearing,
        )
        began = clock.monotonic()
        request = ChatRequest(model, (QUESTION,), max_tokens=16)
        response = gateway.complete(request, role=ROLE)
    return response, round((clock.monotonic() - began) * 1000)


def _wake(connection_id: int) -> None:
    from django_q.tasks import async_task

    async_task(RUN, connection_id, q_options={"group": "connection tests"})
