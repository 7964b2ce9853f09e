from decimal import Decimal

import pytest

from kaizen_engine.errors import PriceUnknown
from kaizen_engine.llm.pricing import (
    PriceBook,
    cost,
    request_upper_bound,
    tokens_upper_bound,
)
from kaizen_engine.llm.types import ChatRequest, Price


def test_prices_are_dollars_for_a_million_tokens() -> None:
    price = Price(Decimal("0.15"), Decimal("0.60"))
    assert cost(price, 1_000_000, 500_000) == Decimal("0.45")


def test_a_cost_is_rounded_up_to_a_billionth() -> None:
    assert cost(Price(Decimal("0.0001"), Decimal(0)), 1, 0) == Decimal("1e-9")


@pytest.mark.parametrize("prices", [{}, {"small": None}])
def test_an_unknown_price_is_an_error_and_never_zero(prices: dict[str, None]) -> None:
    with pytest.raises(PriceUnknown, match="small"):
        PriceBook(prices).price("small")


@pytest.mark.parametrize(
    "text", ["", "plain words", "größer", "日本語のテキスト", "🙂" * 9, "\ud800"]
)
def test_no_text_has_more_tokens_than_its_bound(text: str) -> None:
    bound = tokens_upper_bound([{"role": "user", "content": text}])
    assert bound >= len(text.encode("utf-8", "surrogatepass")) + 16


def test_a_picture_is_bounded_by_more_than_its_address() -> None:
    part = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    assert tokens_upper_bound([{"role": "user", "content": [part]}]) > 10_000


def test_parameters_such_as_tools_count_as_input() -> None:
    messages = ({"role": "user", "content": "x"},)
    plain = ChatRequest("a/b", messages, 10)
    tools = ChatRequest("a/b", messages, 10, params={"tools": ["y" * 500]})
    assert request_upper_bound(tools) > request_upper_bound(plain) + 500
