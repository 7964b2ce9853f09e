"""Vectors as the text of an answer, so that the journal keeps them like any other."""

import base64
import binascii
import math
import struct
from collections.abc import Sequence


def vector_text(vector: Sequence[float]) -> str:
    """Return the vector as base64 of little-endian floats of 4 bytes."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")


def vector_of(text: str) -> tuple[float, ...]:
    """Read `vector_text` back; raises ValueError."""
    try:
        packed = base64.b64decode(text, validate=True)
        return struct.unpack(f"<{len(packed) // 4}f", packed)
    except (binascii.Error, struct.error) as error:
        raise ValueError("this is no vector") from error


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the cosine of the angle between two vectors, 0 where one has no length.

    Raises ValueError for vectors of different models.
    """
    if len(one) != len(other):
        message = f"vectors of {len(one)} and {len(other)} dimensions cannot be compared"
        raise ValueError(message)
    length = math.hypot(*one) * math.hypot(*other)
    return sum(a * b for a, b in zip(one, other, strict=True)) / length if length else 0.0
