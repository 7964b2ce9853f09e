"""Whose rows a file holds: told by its first row, by the reader that knows it best."""

from collections.abc import Sequence
from typing import cast

from kaizen_engine.data.formats import (
    chat_messages,
    langfuse,
    langsmith,
    openai_evals,
    promptfoo,
)
from kaizen_engine.data.formats.reading import Cells, Reader

# In this order: `input` alone would fit several.
READERS = cast(Sequence[Reader], (promptfoo, langfuse, openai_evals, chat_messages, langsmith))


def reader_of(cells: Cells) -> Reader | None:
    """Return the reader for rows like this one, or None where the columns speak for themselves."""
    return next((reader for reader in READERS if reader.fits(cells)), None)
