"""Feedback as it comes over the wire, decoded and checked before anything else looks at it."""

import hashlib
import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from rest_framework.exceptions import ParseError

from feedback_app.exceptions import TooLarge
from projects_app.exceptions import InvalidInput, ServiceError
from projects_app.payload import PayloadRefused, check_payload

MAX_BODY_BYTES = 1024 * 1024
MAX_BATCH_BYTES = 10 * 1024 * 1024
MAX_BATCH_ITEMS = 500
MAX_FIELD_BYTES = 256 * 1024
# Stands where the content of an event was overwritten: any repeat of it is the same event.
REDACTED_HASH = "0" * 64
FREE_FIELDS = (
    "task",
    "event_id",
    "inputs",
    "output",
    "corrected_output",
    "comment",
    "metrics",
    "metadata",
)
PLACE = re.compile(r"^(?P<what>.*) - at `(?:key in )?\$(?P<path>.*)`$", re.DOTALL)
UNNAMED = re.compile(r"field `(?P<name>[^`]+)`")


class FeedbackItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One judged output. `output` may be null where no answer was given, as in an import."""

    task: Annotated[str, Meta(min_length=1, max_length=80)]
    inputs: dict[str, Any]
    output: Any
    event_id: Annotated[str, Meta(min_length=1, max_length=64)]
    score: Annotated[float, Meta(ge=0, le=1)] | None = None
    thumb: bool | None = None
    comment: str | None = None
    corrected_output: Any = None
    metrics: dict[str, float] | None = None
    metadata: dict[str, Any] | None = None
    origin: Literal["random", "user", "import", "generated"] | None = None
    prompt_hash: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")] | None = None

    @property
    def content_hash(self) -> str:
        """Tell a repeated event from another one under the same id."""
        return hashlib.sha256(_CONTENT.encode(self)).hexdigest()


@dataclass(frozen=True)
class RefusedItem:
    """An item of a batch that cannot be feedback; its neighbours are stored all the same."""

    event_id: str
    error: ServiceError


class _EventOnly(msgspec.Struct):
    """What names an item that is wrong elsewhere."""

    event_id: str = ""


_CONTENT = msgspec.json.Encoder(order="sorted")
_ITEM = msgspec.json.Decoder(FeedbackItem)
_ITEMS = msgspec.json.Decoder(list[FeedbackItem])
_RAW_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


def decode_item(body: bytes) -> FeedbackItem:
    """Raise ParseError, InvalidInput or TooLarge for a body that is no single feedback."""
    _check_size(body, MAX_BODY_BYTES)
    try:
        return _checked(_ITEM.decode(body))
    except msgspec.ValidationError as error:
        raise _invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from error


def decode_batch(body: bytes) -> list[FeedbackItem | RefusedItem]:
    """Return the items in their order; only a body that is no list of items at all is refused."""
    _check_size(body, MAX_BATCH_BYTES)
    try:
        return _decoded_batch(body)
    except msgspec.ValidationError as error:
        raise _invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from error


def _decoded_batch(body: bytes) -> list[FeedbackItem | RefusedItem]:
    """Decode all at once, which is fast; item by item only when one of them is wrong."""
    try:
        items = _ITEMS.decode(body)
    except msgspec.ValidationError:
        raws = _RAW_ITEMS.decode(body)
        _check_count(len(raws))
        return [_decoded_or_refused(raw) for raw in raws]
    _check_count(len(items))
    return [_checked_or_refused(item) for item in items]


def _decoded_or_refused(raw: msgspec.Raw) -> FeedbackItem | RefusedItem:
    try:
        return _checked_or_refused(_ITEM.decode(raw))
    except msgspec.ValidationError as error:
        return RefusedItem(_event_id_of(raw), _invalid(error))


def _checked_or_refused(item: FeedbackItem) -> FeedbackItem | RefusedItem:
    try:
        return _checked(item)
    except InvalidInput as error:
        return RefusedItem(item.event_id, error)


def _checked(item: FeedbackItem) -> FeedbackItem:
    """Refuse what no database stores and what is too large to be an example."""
    for name in FREE_FIELDS:
        value = getattr(item, name)
        try:
            check_payload(value)
            size = len(msgspec.json.encode(value))
        except PayloadRefused as error:
            raise _refusal(name, str(error), error.code) from error
        if size > MAX_FIELD_BYTES:
            raise _refusal(name, f"is larger than {MAX_FIELD_BYTES // 1024} KiB", "field_too_large")
    return item


def _check_size(body: bytes, limit: int) -> None:
    if len(body) > limit:
        raise TooLarge(f"The body has {len(body)} bytes; this address takes {limit}.")


def _check_count(count: int) -> None:
    if count > MAX_BATCH_ITEMS:
        raise TooLarge(f"The batch has {count} items; at most {MAX_BATCH_ITEMS} go in one.")


def _event_id_of(raw: msgspec.Raw) -> str:
    try:
        return msgspec.json.decode(raw, type=_EventOnly).event_id
    except msgspec.ValidationError:
        return ""


def _malformed(error: Exception) -> ParseError:
    reason = "it nests too deep" if isinstance(error, RecursionError) else str(error)
    return ParseError(f"The body is not acceptable JSON: {reason}")


def _invalid(error: msgspec.ValidationError) -> InvalidInput:
    """Turn `Expected … - at `$.score`` into an error under the name of the field."""
    text = str(error)
    found = PLACE.match(text)
    what, path = (found["what"], found["path"].lstrip(".")) if found else (text, "")
    named = UNNAMED.search(what)
    field = ".".join(part for part in (path, named["name"] if named else "") if part)
    return _refusal(field or "body", what, "invalid")


def _refusal(field: str, message: str, code: str) -> InvalidInput:
    return InvalidInput(f"{field}: {message}", code=code, errors={field: message})
