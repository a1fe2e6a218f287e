"""One text for one JSON value, so that equal content has equal bytes and equal hashes."""

from __future__ import annotations

import hashlib
import json

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: object) -> str:
    """Returns the JSON text with sorted keys and no spaces.

    Raises:
        ValueError: for infinity and NaN, which JSON does not have.
        TypeError: for what is no JSON value.
    """
    return _ENCODER.encode(value)


def digest(text: str) -> str:
    """Returns the SHA-256 of the text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
