import json
from dataclasses import replace
from hashlib import sha256

import pytest

from kaizen_engine.llm.types import ChatRequest

REQUEST = ChatRequest("acme/small", ({"role": "user", "content": "grüß"},), 10)


def test_the_messages_hash_is_that_of_their_canonical_json() -> None:
    canonical = '[{"content":"grüß","role":"user"}]'
    assert json.loads(canonical) == list(REQUEST.messages)
    assert REQUEST.messages_hash == sha256(canonical.encode()).hexdigest()


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "acme/large"},
        {"messages": ({"role": "user", "content": "gruss"},)},
        {"max_tokens": 11},
        {"temperature": 0.5},
        {"params": {"top_p": 0.5}},
    ],
)
def test_everything_that_can_change_an_answer_changes_the_hash(changes: dict[str, object]) -> None:
    assert replace(REQUEST, **changes).hash != REQUEST.hash  # type: ignore[arg-type]


def test_the_order_of_keys_does_not_change_the_hash() -> None:
    swapped = ({"content": "grüß", "role": "user"},)
    assert replace(REQUEST, messages=swapped, temperature=0).hash == REQUEST.hash


def test_a_request_without_room_for_an_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="max_tokens"):
        replace(REQUEST, max_tokens=0)
