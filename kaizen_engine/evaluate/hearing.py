"""Ask a judge about the very answers that people label, so that the two can be compared."""

from collections.abc import Callable, Container, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from kaizen_engine.evaluate.agreement import Winner
from kaizen_engine.evaluate.evaluator import Case, Door, Evaluated, Vote
from kaizen_engine.evaluate.judging import FIRST
from kaizen_engine.evaluate.spec import Spec, evaluator_from_spec
from kaizen_engine.llm.types import ChatRequest, ChatResponse
from kaizen_engine.states import LabelWord

BAD_SCORE = 0.4
TIE_SCORE = 0.5
# Past every vote and second try of the first time.
AGAIN_FROM = 100
_PLACES: Mapping[str, Winner] = {"first": "first", "second": "second", "tie": "tie"}


@dataclass(frozen=True)
class Heard:
    """What the judge said of one answer; `again` is empty where it was asked once."""

    word: LabelWord
    score: float
    reasons: Mapping[str, str]
    picks: tuple[Winner, ...]
    again: str = ""


@dataclass(frozen=True)
class Bench:
    """How a score is read: of a pair by who won, else good from halfway between bad and good."""

    spec: Spec
    is_pair: bool
    good_score: float

    def word(self, score: float) -> LabelWord:
        if self.is_pair and score == TIE_SCORE:
            return LabelWord.TIE
        halfway = TIE_SCORE if self.is_pair else (BAD_SCORE + self.good_score) / 2
        return LabelWord.GOOD if score >= halfway else LabelWord.BAD


def hear_judge(
    bench: Bench,
    cases: Mapping[int, Case],
    door: Door,
    *,
    again: Container[int],
    threads: int,
    on_heard: Callable[[int, Heard], None],
) -> None:
    """Ask about each case, about those in `again` twice; `on_heard` runs in this thread.

    Raises what the door raises, once the calls in flight have ended; what was heard is handed on.
    """
    first = evaluator_from_spec(bench.spec, door=door)
    second = evaluator_from_spec(bench.spec, door=_Again(door))

    def ask(key: int, case: Case) -> Heard:
        found = first.evaluate(case)
        repeated = bench.word(second.evaluate(case).score) if key in again else ""
        return _heard(bench, found, repeated)

    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        asked = {pool.submit(ask, key, case): key for key, case in cases.items()}
        try:
            for future in as_completed(asked):
                on_heard(asked[future], future.result())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class _Again:
    """The same door, where every question is asked anew."""

    door: Door

    def complete(
        self, request: ChatRequest, *, role: str, sample: int | None = None
    ) -> ChatResponse:
        return self.door.complete(request, role=role, sample=AGAIN_FROM + (sample or 0))


def _heard(bench: Bench, found: Evaluated, again: str) -> Heard:
    votes = [vote for part in found.votes.values() for vote in part]
    return Heard(bench.word(found.score), found.score, found.reasons, _picks(votes), again)


def _picks(votes: Sequence[Vote]) -> tuple[Winner, ...]:
    own = [vote.get("picked") for vote in votes if vote.get("by") == FIRST]
    return tuple(_PLACES[str(place)] for place in own if place in _PLACES)
