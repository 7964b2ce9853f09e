"""JSON from outside, read strictly: no NaN, no NUL, no bottomless nesting, no endless body."""

from typing import IO, Any

import msgspec
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

from projects_app.payload import PayloadRefused, check_payload

MAX_BODY_BYTES = 1024 * 1024


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"


class StrictJSONParser(JSONParser):
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None
    ) -> Any:
        # Django limits `request.body` only, and DRF hands over the stream behind it.
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"The body is larger than {MAX_BODY_BYTES} bytes.")
        try:
            value = msgspec.json.decode(body)
            check_payload(value)
        except RecursionError as error:
            raise ParseError("The body is not acceptable JSON: it nests too deep") from error
        except (msgspec.DecodeError, UnicodeDecodeError, PayloadRefused) as error:
            raise ParseError(f"The body is not acceptable JSON: {error}") from error
        return value
