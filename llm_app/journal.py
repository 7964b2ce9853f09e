"""The call journal in the database: a paid answer is committed before anybody sees it."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from uuid import UUID

from kaizen_engine.errors import JobAbort
from kaizen_engine.llm.meter import Spent
from kaizen_engine.llm.types import CallRecord as Call
from kaizen_engine.llm.types import ChatResponse, LostCall
from kaizen_engine.states import StopReason
from llm_app.in_flight import InFlight
from llm_app.models import CallRecord, LedgerEntry
from llm_app.selectors import spent_on
from llm_app.writer import GroupCommitWriter

Key = tuple[str, str, int]


class DatabaseJournal:
    """The answers of one subject, a job as a rule. Reads them all once, then answers from memory.

    Writes are unguarded: an answer that was paid for is a fact, whoever owns the job by now. Who
    has made calls has to `settle` at the end, else they count as lost with the process.
    """

    def __init__(
        self, *, subject: UUID, project_id: int, purpose: str, writer: GroupCommitWriter
    ) -> None:
        self.writer = writer
        self._subject = subject
        self._project_id = project_id
        self._purpose = purpose
        self._in_flight = InFlight(writer, project_id=project_id, purpose=purpose, subject=subject)
        self._answers: dict[Key, ChatResponse] = writer.call(lambda: _answers_of(subject))

    def get(self, role: str, request_hash: str, occurrence: int) -> ChatResponse | None:
        return self._answers.get((role, request_hash, occurrence))

    def record(self, call: Call) -> None:
        """Store answer and charge; raises JobAbort once another process owns the job."""
        self.writer.add(self._write, call)
        self._answers[call.role, call.request_hash, call.occurrence] = call.response
        if self.writer.lost.is_set():
            raise JobAbort(StopReason.WORKER_LOST, "another worker owns this job now")

    def lost(self, call: LostCall) -> None:
        """Charge the most that a try can have cost which brought no answer."""
        self.writer.call(lambda: self._entry_of_lost(call).save(force_insert=True))

    def in_flight(self, most: LostCall) -> AbstractContextManager[None]:
        return self._in_flight.call(most)

    def settle(self) -> None:
        """Give back what was charged ahead for calls that have ended."""
        self._in_flight.settle()

    def spent(self) -> Spent:
        return self.writer.call(lambda: spent_on(self._subject))

    def _write(self, calls: Sequence[Call]) -> None:
        """Two statements, however many calls there are."""
        records = [self._record(call) for call in calls]
        CallRecord.objects.bulk_create(records, ignore_conflicts=True)
        LedgerEntry.objects.bulk_create([self._entry(call) for call in calls])

    def _record(self, call: Call) -> CallRecord:
        return CallRecord(
            subject=self._subject,
            role=call.role,
            request_hash=call.request_hash,
            occurrence=call.occurrence,
            model=call.model,
            messages_hash=call.messages_hash,
            response=response_to_json(call.response),
            cost_usd=call.cost_usd,
            latency_ms=call.latency_ms,
            tries=call.tries,
        )

    def _entry(self, call: Call) -> LedgerEntry:
        return self._charge(call, call.response.input_tokens, call.response.output_tokens)

    def _entry_of_lost(self, call: LostCall) -> LedgerEntry:
        entry = self._charge(call, call.input_tokens, call.output_tokens)
        entry.is_upper_bound = True
        return entry

    def _charge(self, call: Call | LostCall, input_tokens: int, output_tokens: int) -> LedgerEntry:
        return LedgerEntry(
            project_id=self._project_id,
            purpose=self._purpose,
            subject=self._subject,
            role=call.role,
            model=call.model,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cost_usd=call.cost_usd,
        )


@contextmanager
def journal_open(*, subject: UUID, project_id: int, purpose: str) -> Iterator[DatabaseJournal]:
    """Keep the journal of a subject with a writer of its own; both end with the block, settled."""
    with GroupCommitWriter() as writer:
        journal = DatabaseJournal(
            subject=subject, project_id=project_id, purpose=purpose, writer=writer
        )
        try:
            yield journal
        finally:
            journal.settle()


def response_to_json(response: ChatResponse) -> dict[str, Any]:
    """Return what a JSON column can hold; a text it refuses (NUL, lone surrogate) is wrapped."""
    body: dict[str, Any] = {
        "text": response.text,
        "input_tokens": response.input_tokens,
        "output_tokens": response.output_tokens,
        "finish_reason": _plain(response.finish_reason),
        "model": _plain(response.model),
    }
    if not _is_storable(response.text):
        raw = response.text.encode("utf-8", "surrogatepass")
        body |= {"text": "", "text_base64": base64.b64encode(raw).decode("ascii")}
    return body


def response_from_json(body: Mapping[str, Any]) -> ChatResponse:
    text = body["text"]
    if "text_base64" in body:
        text = base64.b64decode(body["text_base64"]).decode("utf-8", "surrogatepass")
    return ChatResponse(
        text, body["input_tokens"], body["output_tokens"], body["finish_reason"], body["model"]
    )


def _plain(text: str) -> str:
    return text if _is_storable(text) else ascii(text)


def _is_storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def _answers_of(subject: UUID) -> dict[Key, ChatResponse]:
    rows = CallRecord.objects.filter(subject=subject).values_list(
        "role", "request_hash", "occurrence", "response"
    )
    return {
        (role, request_hash, occurrence): response_from_json(body)
        for role, request_hash, occurrence, body in rows.iterator()
    }
