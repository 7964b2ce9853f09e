"""The demo model's embeddings: words and their beginnings, hashed. They know no meaning."""

import hashlib
import math
import re

DIMENSIONS = 128
_WORD = re.compile(r"[^\W_]+")
_STEM = 4


def word_vector(text: str) -> list[float]:
    """Return a vector of length 1 whose angle to another falls with the words they share."""
    counts = [0.0] * DIMENSIONS
    for word in _WORD.findall(text.casefold()):
        for feature, weight in ((word, 1.0), (f"{word[:_STEM]}~", 0.5)):
            digest = hashlib.sha256(feature.encode("utf-8", "replace")).digest()
            sign = 1.0 if digest[2] % 2 else -1.0
            counts[int.from_bytes(digest[:2], "big") % DIMENSIONS] += sign * weight
    length = math.hypot(*counts)
    return [count / length for count in counts] if length else counts
