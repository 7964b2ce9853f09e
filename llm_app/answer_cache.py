"""The evaluation cache: answers that a project has paid for, whichever job asked first.

An answer is found by the exact request. What it is worth is computed anew each time, so that a new
evaluator or a corrected label costs nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from uuid import UUID

from kaizen_engine.llm.types import CallRecord as Call
from kaizen_engine.llm.types import ChatResponse
from llm_app.journal import DatabaseJournal, response_from_json, response_to_json
from llm_app.models import CachedAnswer, Connection
from llm_app.writer import GroupCommitWriter

# SQLite allows 999 variables in a statement where it is old.
BATCH = 900

Key = tuple[str, int]


class CachingJournal(DatabaseJournal):
    """A job's journal that reads what the project has paid for, and adds what the job pays for.

    `hits` are the answers that came from the cache, each counted once.
    """

    def __init__(
        self, *, subject: UUID, project_id: int, purpose: str, writer: GroupCommitWriter
    ) -> None:
        super().__init__(subject=subject, project_id=project_id, purpose=purpose, writer=writer)
        self._connections: dict[str, int] = writer.call(lambda: _connections_of(project_id))
        self._known: dict[Key, ChatResponse] = {}
        self._asked: set[str] = set()
        self.hits: set[Key] = set()

    def preload(self, request_hashes: Iterable[str]) -> None:
        """Look many requests up at once; others are looked up as they come."""
        wanted = sorted(set(request_hashes) - self._asked)
        for batch in _batches(wanted):
            self._load(batch)

    def get(self, role: str, request_hash: str, occurrence: int) -> ChatResponse | None:
        own = super().get(role, request_hash, occurrence)
        if own is not None:
            return own
        if request_hash not in self._asked:
            self._load([request_hash])
        found = self._known.get((request_hash, occurrence))
        if found is not None:
            self.hits.add((request_hash, occurrence))
        return found

    def _load(self, request_hashes: Sequence[str]) -> None:
        ids = list(self._connections.values())
        self._known |= self.writer.call(lambda: _answers(ids, request_hashes))
        self._asked.update(request_hashes)

    def _write(self, calls: Sequence[Call]) -> None:
        super()._write(calls)
        rows = [self._cached(call) for call in calls]
        CachedAnswer.objects.bulk_create(rows, ignore_conflicts=True)

    def _cached(self, call: Call) -> CachedAnswer:
        return CachedAnswer(
            connection_id=self._connections[call.model.partition("/")[0]],
            request_hash=call.request_hash,
            sample=call.occurrence,
            response=response_to_json(call.response),
            cost_usd=call.cost_usd,
        )


def cached_keys(connection: Connection, request_hashes: Collection[str]) -> set[Key]:
    """Return which of these requests have an answer, sample by sample."""
    return {
        key
        for batch in _batches(sorted(request_hashes))
        for key in CachedAnswer.objects.filter(
            connection=connection, request_hash__in=batch
        ).values_list("request_hash", "sample")
    }


def _connections_of(project_id: int) -> dict[str, int]:
    return dict(Connection.objects.filter(project_id=project_id).values_list("slug", "pk"))


def _answers(
    connection_ids: Sequence[int], request_hashes: Sequence[str]
) -> dict[Key, ChatResponse]:
    rows = CachedAnswer.objects.filter(
        connection_id__in=connection_ids, request_hash__in=request_hashes
    ).values_list("request_hash", "sample", "response")
    return {(found, sample): response_from_json(body) for found, sample, body in rows}


def _batches(hashes: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(hashes)
    while batch := list(islice(rest, BATCH)):
        yield batch
