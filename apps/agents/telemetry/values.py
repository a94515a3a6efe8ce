"""Attribute values of OpenTelemetry as JSON values that are bounded, storable and without secrets.

A span may carry anything; what is kept of it is limited here, once, in numbers, length and depth.
Plain Python.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from apps.agents.redaction import REDACTED, is_secret_name, redact
from apps.agents.storable import storable_text
from apps.agents.telemetry.prices import MOST, PLACES

MAX_ATTRIBUTES = 128  # beside those that the mapping looks for
MAX_TEXT = 16_384  # characters of one value
MAX_ALL_TEXT = 262_144  # characters of all attributes of one span
MAX_KEY = 200
MAX_DEPTH = 6
MAX_ITEMS = 256  # of one array or map, whatever is nested in it
LOOKED_AT = 2_048  # attributes; what comes behind is not read
SHORT, MOST_KNOWN = 64, 500  # characters of a text that is cleaned once for its export, and such texts
CUT = "…"
_MARGIN = 256  # a secret that the cut would halve is still seen whole
_SHORTEST_SECRET = 8
_MOST_WHOLE = 2**63 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOISE = frozenset({"logfire.json_schema"})

Values = dict[str, Any]


class Cleaned:
    """Short texts of one export as `clean` leaves them: most stand in every other span of it.

    For one export only, because the secrets that no text may hold are told anew while we run.
    """

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def text(self, text: str, limit: int) -> str:
        """As `clean`."""
        found = self._known.get(text) if limit >= SHORT else None
        if found is None:
            found = clean(text, limit)
            # What is shorter than any limit was not cut by this one.
            if len(text) < SHORT and len(found) < SHORT <= limit and len(self._known) < MOST_KNOWN:
                self._known[text] = found
        return found


def attributes(pairs: Iterable[KeyValue], wanted: frozenset[str], cleaned: Cleaned | None = None) -> Values:
    """The pairs as a dictionary. `wanted` are kept even where there are too many."""
    found: Values = {}
    left, budget = MAX_ATTRIBUTES, MAX_ALL_TEXT
    for index, pair in enumerate(pairs):
        if index == LOOKED_AT:
            break
        key, value = pair.key, pair.value
        if key not in wanted:
            if left == 0 or key in _NOISE:
                continue
            left -= 1
            key = _key(key)
        if value.HasField("string_value"):
            text = value.string_value
            if len(text) >= _SHORTEST_SECRET:
                if is_secret_key(key):
                    text = REDACTED
                else:
                    text = (cleaned.text if cleaned else clean)(text, min(MAX_TEXT, budget))
                budget -= len(text)
            elif "\0" in text:
                text = storable_text(text)
            found[key] = text
        elif value.HasField("int_value"):
            found[key] = value.int_value
        elif value.HasField("bool_value"):
            found[key] = value.bool_value
        elif value.HasField("double_value"):
            number = value.double_value
            found[key] = number if math.isfinite(number) else None
        elif is_secret_key(key):
            found[key] = REDACTED
        else:
            nested = _Nested(min(MAX_TEXT, budget))
            found[key] = nested.value(value, MAX_DEPTH)
            budget = max(budget - nested.taken, 0)
    return found


class _Nested:
    """Reads one array or map within its limits."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.taken = 0
        self.items = MAX_ITEMS

    def value(self, value: AnyValue, depth: int) -> Any:
        which = value.WhichOneof("value")
        if which == "string_value":
            return self._text(value.string_value)
        if which == "double_value":
            return value.double_value if math.isfinite(value.double_value) else None
        if which in ("int_value", "bool_value"):
            return getattr(value, which)
        if which == "bytes_value":
            return self._text(b64encode(value.bytes_value[:MAX_TEXT]).decode())
        if which == "array_value":
            return self._array(value, depth)
        if which == "kvlist_value":
            return self._map(value, depth)
        return None

    def _array(self, value: AnyValue, depth: int) -> Any:
        if depth == 0:
            return CUT
        found = []
        for item in value.array_value.values:
            if self.items == 0:
                found.append(CUT)
                break
            self.items -= 1
            found.append(self.value(item, depth - 1))
        return found

    def _map(self, value: AnyValue, depth: int) -> Any:
        if depth == 0:
            return CUT
        found: Values = {}
        for pair in value.kvlist_value.values:
            if self.items == 0:
                found[CUT] = CUT
                break
            self.items -= 1
            key = _key(pair.key)
            self.taken += len(key)
            found[key] = REDACTED if is_secret_key(key) else self.value(pair.value, depth - 1)
        return found

    def _text(self, text: str) -> str:
        text = clean(text, max(self.budget - self.taken, 0))
        self.taken += len(text)
        return text


@lru_cache(maxsize=4096)
def is_secret_key(key: str) -> bool:
    return is_secret_name(key)


def _key(key: str) -> str:
    if len(key) > MAX_KEY:
        key = key[:MAX_KEY]
    return storable_text(key) if "\0" in key else key


def clean(text: str, limit: int) -> str:
    """The text without secrets and without what cannot be stored, at most so many characters."""
    if len(text) > limit + _MARGIN:
        text = text[: limit + _MARGIN]
    if not text.isascii() or "\0" in text:
        text = storable_text(text)
    text = redact(text)
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + CUT


def first(values: Mapping[str, Any], keys: Iterable[str]) -> Any:
    """The value of the first key that has one; an empty text is none."""
    for key in keys:
        value = values.get(key)
        if value is not None and value != "":
            return value
    return None


def first_text(values: Mapping[str, Any], keys: Iterable[str], limit: int) -> str:
    """As `first`, as a text of at most `limit` characters; arrays and maps are none."""
    for key in keys:
        value = values.get(key)
        if value is not None and (text := as_text(value)):
            return text if len(text) <= limit else text[: limit - 1] + CUT
    return ""


def as_text(value: Any) -> str:
    """A text or a number as text; anything else is empty."""
    if type(value) is str:
        return value.strip() if value[:1].isspace() or value[-1:].isspace() else value
    return str(value) if type(value) in (int, float) else ""


def as_content(value: Any) -> str:
    """What a tool was given or gave: a text as it is, anything else as JSON."""
    if value is None or type(value) is str:
        return value or ""
    return clean(orjson.dumps(value).decode(), MAX_TEXT)


def first_whole(values: Mapping[str, Any], keys: Iterable[str]) -> int | None:
    """The first that is a number of something: whole, not negative, not beyond a column."""
    for key in keys:
        value = values.get(key)
        if value is not None and (number := as_whole(value)) is not None:
            return number
    return None


def as_whole(value: Any) -> int | None:
    is_digits = type(value) is str and len(value) <= 19 and value.isascii() and value.isdigit()
    if is_digits or (type(value) is float and value.is_integer()):
        value = int(value)
    return value if type(value) is int and 0 <= value <= _MOST_WHOLE else None


def as_usd(value: Any) -> Decimal | None:
    """An amount to eight places; None for what is no amount or more than a column holds."""
    if type(value) not in (str, int, float) or len(text := str(value)) > 60:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount.quantize(PLACES) if amount.is_finite() and 0 <= amount <= MOST else None


def as_uuid(value: Any) -> UUID | None:
    if type(value) is str and len(value) in (32, 36):
        try:
            return UUID(value)
        except ValueError:
            return None
    return None


def moment(nanoseconds: int) -> datetime:
    """A time of OpenTelemetry, to the microsecond. Never beyond year 2554, so never an error."""
    return _EPOCH + timedelta(microseconds=nanoseconds // 1000)


def hex_id(value: bytes, length: int) -> str:
    """An id as lower-case hex; empty if it is of another length or all zeros."""
    return value.hex() if len(value) == length and any(value) else ""
