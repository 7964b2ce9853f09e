"""A judge behind a real server and the real gateway, that says what a test lets it say."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kaizen_engine.clock import SystemClock
from kaizen_engine.evaluate.evaluator import Case, Evaluated
from kaizen_engine.evaluate.spec import evaluator_from_spec
from kaizen_engine.llm.gateway import Gateway
from kaizen_engine.llm.meter import Budget
from kaizen_engine.llm.pricing import PriceBook
from kaizen_engine.llm.types import ChatRequest
from kaizen_engine.optimize.dspy_native import NativeProvider
from tests.engine.llm.doubles import PRICE, Stage
from tests.servers.scripted_openai import ScriptedServer, Step

RUBRIC = "Friendly, and to the point."
PAIRWISE = {"kind": "pairwise", "model": "acme/small", "rubric": RUBRIC}
LEVELS = {"kind": "rubric", "model": "acme/small", "rubric": RUBRIC}

Say = Callable[[Mapping[str, str]], Any]


@dataclass
class Courtroom:
    """`blocks` has every call's data by name, as the server received it."""

    server: ScriptedServer
    gateway: Gateway
    blocks: list[dict[str, str]] = field(default_factory=list)

    def score(self, spec: Mapping[str, Any], case: Case) -> Evaluated:
        return evaluator_from_spec(spec, door=self.gateway).evaluate(case)

    @property
    def wire(self) -> list[str]:
        return [json.dumps(one.body, ensure_ascii=False) for one in self.server.received]


@contextmanager
def courtroom(say: Say) -> Iterator[Courtroom]:
    """`say` gets the data of a call by name and returns the fields of the answer, or raw text."""
    seen: list[dict[str, str]] = []

    def policy(number: int, request: ChatRequest) -> Step:
        blocks = blocks_of(str(request.messages[-1]["content"]))
        seen.append(blocks)
        said = say(blocks)
        return Step(text=said if isinstance(said, str) else json.dumps(said))

    with ScriptedServer(policy) as server:
        provider = NativeProvider(server.base_url, "secret")
        prices = PriceBook({"small": PRICE, "other": PRICE})
        stage = Stage(provider, SystemClock(), Budget(), prices=prices)
        try:
            yield Courtroom(server, stage.gateway(), seen)
        finally:
            provider.close()


def blocks_of(message: str) -> dict[str, str]:
    """Read the data of a message by its marker alone, as a careful reader would."""
    marker = message.split("\n", 1)[0].removesuffix(".").rpartition(" ")[2]
    pattern = rf"^<<<([^<>\n]+) {marker}>>>\n(.*?)\n<<<end of \1 {marker}>>>$"
    return dict(re.findall(pattern, message, re.DOTALL | re.MULTILINE))


def case(
    answer: str = "We refund you within two weeks.",
    expected: str = "The refund comes in 14 days.",
    number: int = 1,
    **more: Any,
) -> Case:
    labelled = {"reply": expected} if expected else {}
    return Case(str(number), {"question": f"When? ({number})"}, labelled, {"reply": answer}, **more)
