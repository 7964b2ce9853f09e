"""A paid answer is stored with its charge before anybody sees it, and replayed for nothing."""

import threading
from decimal import Decimal

import pytest
from django.db import connection
from uuid_utils.compat import uuid7

from kaizen_engine.errors import JobAbort
from kaizen_engine.llm.meter import Spent
from kaizen_engine.llm.types import CallRecord as Call
from kaizen_engine.llm.types import ChatResponse, LostCall
from kaizen_engine.states import StopReason
from llm_app.journal import DatabaseJournal
from llm_app.models import CallRecord, LedgerEntry
from llm_app.writer import GroupCommitWriter, LostLease
from tests.factories.projects import ProjectFactory

DEAR = LostCall("student", "own/model", 500, 200, Decimal("0.01"))
CHEAP = LostCall("student", "own/model", 50, 20, Decimal("0.001"))
BOTH = pytest.mark.parametrize("live_database", ["sqlite", "postgres"], indirect=True)


def call(number: int = 0, *, text: str = "an answer", role: str = "student") -> Call:
    return Call(
        role=role,
        request_hash=f"{number:064d}",
        occurrence=0,
        model="own/model",
        response=ChatResponse(text, 100, 10, "stop", "model"),
        cost_usd=Decimal("0.000021"),
        latency_ms=12,
        tries=2,
        messages_hash="0" * 64,
    )


@pytest.fixture
def writer(live_database):
    with GroupCommitWriter() as writer:
        yield writer


@pytest.fixture
def open_journal(writer):
    subject, project = uuid7(), ProjectFactory()

    def opened(writer: GroupCommitWriter = writer, subject=subject) -> DatabaseJournal:
        return DatabaseJournal(
            subject=subject, project_id=project.pk, purpose="optimize", writer=writer
        )

    return opened


@BOTH
def test_a_recorded_answer_is_found_by_the_next_process(open_journal):
    open_journal().record(call())
    found = open_journal().get("student", f"{0:064d}", 0)
    assert found == call().response
    row = LedgerEntry.objects.get()
    assert (row.input_tokens, row.output_tokens, row.cost_usd) == (100, 10, Decimal("0.000021"))


def test_an_answer_is_found_by_role_request_and_occurrence_of_one_subject(open_journal):
    journal = open_journal()
    journal.record(call())
    assert journal.get("student", f"{0:064d}", 0) is not None
    assert journal.get("teacher", f"{0:064d}", 0) is None
    assert journal.get("student", f"{1:064d}", 0) is None
    assert journal.get("student", f"{0:064d}", 1) is None
    assert open_journal(subject=uuid7()).get("student", f"{0:064d}", 0) is None


@BOTH
@pytest.mark.parametrize(
    "text", ["", "plain", "a NUL \x00 inside", "half a pair \ud83d", "🙂 ünï", '{"a": "\\u0000"}']
)
def test_any_text_comes_back_as_it_was(open_journal, text):
    open_journal().record(call(text=text))
    assert open_journal().get("student", f"{0:064d}", 0).text == text


def test_the_same_call_paid_twice_is_one_record_and_two_charges(open_journal):
    for _ in range(2):
        open_journal().record(call())
    assert CallRecord.objects.count() == 1
    assert LedgerEntry.objects.count() == 2


def test_a_lost_try_is_charged_at_its_upper_bound(open_journal):
    journal = open_journal()
    journal.record(call())
    journal.lost(LostCall("student", "own/model", 500, 200, Decimal("0.01")))
    assert LedgerEntry.objects.get(is_upper_bound=True).cost_usd == Decimal("0.01")
    assert journal.spent() == Spent(Decimal("0.010021"), 810, 2)


def test_tries_that_never_brought_an_answer_count_in_the_next_process_too(open_journal):
    journal = open_journal()
    for _ in range(3):
        journal.lost(DEAR)
    journal.record(call())
    assert open_journal().spent().calls == 4


def test_calls_under_way_are_charged_to_a_process_that_dies_and_not_to_one_that_settles(
    open_journal,
):
    journal = open_journal()
    with journal.in_flight(CHEAP), journal.in_flight(DEAR), journal.in_flight(CHEAP):
        pass
    with journal.in_flight(DEAR):
        assert open_journal().spent() == Spent(Decimal("0.03"), 2100, 1)
    row = LedgerEntry.objects.get()
    assert (row.role, row.is_upper_bound) == ("in_flight", True)
    journal.settle()
    assert open_journal().spent() == Spent()


def test_settling_keeps_the_charge_of_a_call_that_is_still_under_way(open_journal):
    journal = open_journal()
    with journal.in_flight(DEAR):
        with journal.in_flight(DEAR):
            pass
        journal.settle()
        assert open_journal().spent() == Spent(Decimal("0.01"), 700, 1)
    journal.settle()
    assert not LedgerEntry.objects.exists()


def test_calls_that_are_covered_write_nothing(open_journal):
    journal = open_journal()
    writes = []

    def count(run, sql, *rest):
        writes.append(sql)
        return run(sql, *rest)

    with journal.in_flight(DEAR):
        pass
    journal.writer.call(lambda: connection.execute_wrappers.append(count))
    for most in (CHEAP, DEAR, CHEAP):
        with journal.in_flight(most):
            pass
    assert not [sql for sql in writes if "ledgerentry" in sql]


def test_nothing_was_spent_on_a_new_subject(open_journal):
    assert open_journal().spent() == Spent()


def test_answers_of_many_threads_are_all_stored(open_journal):
    journal = open_journal()
    threads = [threading.Thread(target=journal.record, args=(call(n),)) for n in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert CallRecord.objects.count() == LedgerEntry.objects.count() == 60


def test_a_process_that_lost_its_job_stores_what_it_paid_for_and_stops(open_journal):
    with GroupCommitWriter(guard=lambda: False) as writer:
        journal = open_journal(writer)
        with pytest.raises(LostLease):
            writer.call(lambda: None, guarded=True)
        with pytest.raises(JobAbort) as caught:
            journal.record(call())
    assert caught.value.reason is StopReason.WORKER_LOST
    assert CallRecord.objects.count() == 1
