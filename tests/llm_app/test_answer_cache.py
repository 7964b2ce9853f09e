"""What a project has paid for once is read by its later evaluations, and by nobody else's."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from kaizen_engine.llm.types import CallRecord as Call
from kaizen_engine.llm.types import ChatResponse
from llm_app.answer_cache import CachingJournal, cached_keys
from llm_app.models import CachedAnswer, CallRecord, Connection, LedgerEntry
from llm_app.services.connections import connection_update
from llm_app.writer import GroupCommitWriter
from projects_app.actors import Actor
from tests.factories.llm import ConnectionFactory

HASH = f"{1:064d}"


def call(*, occurrence: int = 0, text: str = "an answer", role: str = "student") -> Call:
    return Call(
        role=role,
        request_hash=HASH,
        occurrence=occurrence,
        model="own/model",
        response=ChatResponse(text, 100, 10, "stop", "model"),
        cost_usd=Decimal("0.000021"),
        latency_ms=12,
        tries=1,
        messages_hash="0" * 64,
    )


@pytest.fixture
def writer(live_database):
    with GroupCommitWriter() as writer:
        yield writer


@pytest.fixture
def connection(writer: GroupCommitWriter) -> Connection:
    return ConnectionFactory(slug="own", openai=True)


@pytest.fixture
def open_journal(writer: GroupCommitWriter, connection: Connection) -> Any:
    def opened(project=connection.project, subject: Any = None) -> CachingJournal:
        return CachingJournal(
            subject=subject or uuid7(), project_id=project.pk, purpose="evaluate", writer=writer
        )

    return opened


@pytest.mark.parametrize("live_database", ["sqlite", "postgres"], indirect=True)
def test_another_job_reads_what_one_has_paid_for(open_journal):
    open_journal().record(call())
    other = open_journal()
    assert other.get("student", HASH, 0) == call().response
    assert other.hits == {(HASH, 0)}
    assert LedgerEntry.objects.count() == CallRecord.objects.count() == 1


def test_many_requests_are_looked_up_at_once(open_journal):
    open_journal().record(call())
    other = open_journal()
    other.preload([HASH, f"{2:064d}"])
    CachedAnswer.objects.all().delete()
    assert other.get("student", HASH, 0) is not None
    assert other.get("student", f"{2:064d}", 0) is None


def test_a_job_that_reads_its_own_journal_counts_no_hit(open_journal):
    subject = uuid7()
    open_journal(subject=subject).record(call())
    again = open_journal(subject=subject)
    assert again.get("student", HASH, 0) is not None
    assert not again.hits


def test_each_sample_has_its_own_answer(open_journal):
    journal = open_journal()
    for number in range(3):
        journal.record(call(occurrence=number, text=f"way {number}"))
    other = open_journal()
    assert [other.get("student", HASH, number).text for number in range(3)] == [
        "way 0",
        "way 1",
        "way 2",
    ]
    assert other.get("student", HASH, 3) is None


def test_another_project_reads_nothing_of_it(open_journal):
    open_journal().record(call())
    stranger = ConnectionFactory(slug="own")
    assert open_journal(project=stranger.project).get("student", HASH, 0) is None
    assert cached_keys(stranger, [HASH]) == set()


def test_what_is_paid_twice_at_once_is_kept_once(open_journal, connection):
    first, second = open_journal(), open_journal()
    first.record(call())
    second.record(call(text="another answer"))
    assert CachedAnswer.objects.get().response["text"] == "an answer"
    assert cached_keys(connection, [HASH, "unknown"]) == {(HASH, 0)}


def test_another_address_is_another_model_behind_the_same_name(open_journal, connection, settings):
    targets = ("127.0.0.1:9", "127.0.0.1:10")
    settings.CONFIG = replace(settings.CONFIG, allow_private_targets=targets)
    open_journal().record(call())
    actor = Actor.system(connection.project_id)
    connection_update(actor=actor, connection=connection, requests_per_minute=5)
    assert CachedAnswer.objects.exists()
    connection_update(actor=actor, connection=connection, base_url="http://127.0.0.1:10/v1")
    assert not CachedAnswer.objects.exists()
