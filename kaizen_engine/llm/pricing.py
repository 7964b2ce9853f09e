"""What a call costs, and the most that it can cost. An unknown price is an error, never zero."""

import json
from collections.abc import Mapping, Sequence
from decimal import ROUND_UP, Decimal

from kaizen_engine.errors import PriceUnknown
from kaizen_engine.llm.types import ChatRequest, ChatResponse, Message, Price

TOKENS_PER_MESSAGE = 16
TOKENS_PER_REQUEST = 64
# Vendors bill pictures and sound by size, not by the length of their address; the dearest
# published picture (eight high-detail tiles of a small model) is just below this.
TOKENS_PER_MEDIA_PART = 50_000
_NANO_USD = Decimal("1e-9")
_MILLION = Decimal(1_000_000)


class PriceBook:
    """The prices of one connection by bare model name; a missing or None price is unknown."""

    def __init__(self, prices: Mapping[str, Price | None]) -> None:
        self._prices = dict(prices)

    def price(self, model: str) -> Price:
        """Return the price of `model`; raises PriceUnknown."""
        found = self._prices.get(model)
        if found is None:
            message = f"no price is known for the model {model!r}; enter one before using it"
            raise PriceUnknown(message)
        return found


def cost(price: Price, input_tokens: int, output_tokens: int) -> Decimal:
    """Return US dollars, rounded up to a billionth so that a stored sum is never too low."""
    micro_usd = price.input_usd_per_mtok * input_tokens + price.output_usd_per_mtok * output_tokens
    return (micro_usd / _MILLION).quantize(_NANO_USD, rounding=ROUND_UP)


def response_cost(price: Price, response: ChatResponse) -> Decimal:
    return cost(price, response.input_tokens, response.output_tokens)


def tokens_upper_bound(messages: Sequence[Message]) -> int:
    """Return a number of input tokens that no tokenizer exceeds: UTF-8 bytes and overhead.

    Byte-level tokenizers never make more tokens than bytes; the overhead covers role markers.
    """
    written = json.dumps(list(messages), ensure_ascii=False).encode("utf-8", "surrogatepass")
    media = sum(_media_parts(message) for message in messages)
    overhead = TOKENS_PER_REQUEST + TOKENS_PER_MESSAGE * len(messages)
    return len(written) + overhead + TOKENS_PER_MEDIA_PART * media


def request_upper_bound(request: ChatRequest) -> int:
    """Return the input bound of a whole request, parameters such as tools or schemas included."""
    bound = tokens_upper_bound(request.messages)
    if request.params:
        bound += len(json.dumps(dict(request.params), ensure_ascii=False).encode())
    return bound


def _media_parts(message: Message) -> int:
    content = message.get("content")
    if not isinstance(content, list | tuple):
        return 0
    return sum(1 for part in content if part.get("type") != "text")
