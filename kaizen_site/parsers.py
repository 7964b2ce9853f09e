"""JSON from outside, read strictly: no NaN, no NUL, no bottomless nesting."""

from typing import IO, Any

import msgspec
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from projects_app.payload import PayloadRefused, check_payload


class StrictJSONParser(JSONParser):
    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None
    ) -> Any:
        try:
            value = msgspec.json.decode(stream.read())
            check_payload(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, PayloadRefused) as error:
            raise ParseError(f"The body is not acceptable JSON: {error}") from error
        return value
