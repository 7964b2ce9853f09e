"""Secrets are struck out before a line is written, whichever way they come."""

import io
import logging
from logging.config import DictConfigurator

import pytest

from kaizen_site.logs import logging_config, strike

SECRET = {
    "our own key": "kz_live_abcd1234_" + "Ab-_" * 11,
    "a key of another environment": "kz_test_abcd1234_" + "x" * 43,
    "a vendor's key": "sk-proj-" + "a1" * 20,
}


def written(message: str, *args: object) -> str:
    return strike(message % args if args else message)


@pytest.mark.parametrize("kind", SECRET)
@pytest.mark.parametrize("sentence", ["%s", "the key %s was used", "key=%s;", '{"key": "%s"}'])
def test_a_key_is_struck_out_anywhere(kind, sentence):
    for text in (written(sentence, SECRET[kind]), written(sentence.replace("%s", SECRET[kind]))):
        assert SECRET[kind] not in text
        assert "[redacted]" in text


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("Authorization: Bearer abcdefgh.ijkl~mn", "abcdefgh.ijkl~mn"),
        ("authorization: bearer ABCDEFGHIJ", "ABCDEFGHIJ"),
        ("X-API-Key: some-old-format", "some-old-format"),
        ("x-api-key: some-old-format", "some-old-format"),
        ("GET /hook?token=abc123 HTTP/1.1", "abc123"),
        ("GET /hook?a=1&token=abc123&b=2 HTTP/1.1", "abc123"),
    ],
)
def test_headers_and_token_parameters_are_struck_out(line, secret):
    assert secret not in written(line)


@pytest.mark.parametrize(
    "line", ["a bearer of news", "kz_live", "task-sk-1 done", "tokens=100", "the prefix abcd1234"]
)
def test_ordinary_words_stay(line):
    assert written(line) == line


def test_a_traceback_is_struck_out_too():
    stream = io.StringIO()
    config = logging_config("INFO")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(DictConfigurator(config).configure_formatter(config["formatters"]["line"]))
    logger = logging.Logger("kaizen")
    logger.addHandler(handler)
    try:
        int(SECRET["our own key"])
    except ValueError:
        logger.exception("a call failed")
    assert "a call failed" in stream.getvalue()
    assert "ValueError" in stream.getvalue()
    assert SECRET["our own key"] not in stream.getvalue()
