"""Makes what agents write fit a database: PostgreSQL takes neither NUL nor half a surrogate pair,
and a result that cannot be committed would be worked on again for ever. Plain Python."""

from __future__ import annotations

import math
from typing import Any


def storable_text(text: str) -> str:
    """The text with � for every NUL and every half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", "\ufffd")


def storable(value: Any) -> Any:
    """A JSON value whose texts are storable; a number that JSON does not know becomes null."""
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {storable_text(str(key)): storable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
