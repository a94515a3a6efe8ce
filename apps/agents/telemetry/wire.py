"""The outer layers of an OTLP export, walked as protobuf without building a message.

A few bytes of hostile protobuf unpack to many times their size, so nothing is handed to the parser
before it was counted, and then one span or log record at a time. Plain Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# The same numbers in exports of spans, log records and metrics.
REQUEST_RESOURCES = 1
RESOURCE, RESOURCE_SCOPES = 1, 2
SCOPE, SCOPE_ITEMS = 1, 2
SCHEMA_URL = 3
MAX_PARTS = 40_000


class BadWire(ValueError):
    """The bytes are not such a message, or have too many parts."""


@dataclass(slots=True)
class Sifted:
    """What is left of an export once every item in it was judged."""

    body: bytes
    kept: int = 0
    refused: int = 0
    reasons: list[str] = field(default_factory=list)


def sift(
    body: bytes, is_item_bad: Callable[[bytes], str], is_header_bad: Callable[[int, bytes], str]
) -> Sifted:
    """The export without the items that `is_item_bad` has a reason against, the rest byte for byte.

    `is_header_bad(RESOURCE or SCOPE, bytes)` judges what stands above the items. Raises BadWire.
    """
    walk = _Walk(is_item_bad, is_header_bad)
    kept = walk.request(body)
    found = walk.sifted
    found.body = body if not found.refused else kept
    return found


class _Walk:
    def __init__(
        self, is_item_bad: Callable[[bytes], str], is_header_bad: Callable[[int, bytes], str]
    ) -> None:
        self._is_item_bad = is_item_bad
        self._is_header_bad = is_header_bad
        self._parts = 0
        self.sifted = Sifted(b"")

    def request(self, data: bytes) -> bytes:
        return self._level(data, REQUEST_RESOURCES, self._resource)

    def _resource(self, data: bytes) -> bytes:
        return self._level(data, RESOURCE_SCOPES, self._scope, header=RESOURCE)

    def _scope(self, data: bytes) -> bytes:
        return self._level(data, SCOPE_ITEMS, self._item, header=SCOPE)

    def _item(self, data: bytes) -> bytes | None:
        reason = self._is_item_bad(data)
        if not reason:
            self.sifted.kept += 1
            return data
        self.sifted.refused += 1
        if len(self.sifted.reasons) < 3 and reason not in self.sifted.reasons:
            self.sifted.reasons.append(reason)
        return None

    def _level(
        self, data: bytes, inner: int, descend: Callable[[bytes], bytes | None], header: int = 0
    ) -> bytes:
        kept: list[bytes] = []
        for number, kind, start, value, end in fields(data):
            self._parts += 1
            if self._parts > MAX_PARTS:
                raise BadWire(f"it has more than {MAX_PARTS} parts; send smaller batches")
            if kind != BYTES or (number != inner and number != header and number != SCHEMA_URL):
                kept.append(data[start:end])  # unknown to us: kept, and ignored by the parser
                continue
            part = data[value:end]
            if number == inner:
                below = descend(part)
                if below is not None:
                    kept.append(data[start:end] if below is part else _field(inner, below))
            else:
                reason = self._is_header_bad(number, part)
                if reason:
                    raise BadWire(reason)
                kept.append(data[start:end])
        # The same object when nothing was taken out, so that nothing is copied.
        return data if not self.sifted.refused else b"".join(kept)


def fields(data: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    """(number, wire type, where the field starts, where its value starts, where both end)."""
    at, size = 0, len(data)
    while at < size:
        start = at
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise BadWire("a field has no number")
        value = at
        if kind == BYTES:
            length, value = _varint(data, at)
            at = value + length
        elif kind == VARINT:
            _, at = _varint(data, at)
        elif kind == FIXED64:
            at += 8
        elif kind == FIXED32:
            at += 4
        else:
            raise BadWire(f"a field has the wire type {kind}")
        if at > size:
            raise BadWire("it is cut off")
        yield number, kind, start, value, at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        try:
            byte = data[at]
        except IndexError:
            raise BadWire("it is cut off") from None
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise BadWire("a number in it has no end")


def _field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | BYTES) + varint(len(value)) + value


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
