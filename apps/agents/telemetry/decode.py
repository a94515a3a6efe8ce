"""Judges an OTLP export before it is kept: what can never be stored is refused here, and only that.

Memory stays within a few times the size of the body, however hostile it is. Knows no Django.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf.message import DecodeError, EncodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from apps.agents.telemetry import otlp_json, wire

TRACES, LOGS = "traces", "logs"
WHAT = {TRACES: "spans", LOGS: "log records"}
OTHERS = {TRACES: ("resourceLogs", "/v1/logs"), LOGS: ("resourceSpans", "/v1/traces")}

MAX_ITEMS = 10_000
MAX_ITEM_BYTES = 4 * 1024 * 1024
MAX_HEADER_BYTES = 64 * 1024
MAX_VALUES_OF_ITEM = 10_000
MAX_VALUES = 200_000
# An export smaller than this cannot hold many values.
SMALL_BYTES = 256 * 1024

SECOND = 1_000_000_000
OLDEST = 946_684_800 * SECOND  # the year 2000
AHEAD = 86_400 * SECOND


class BadExport(ValueError):
    """Nothing of the export can be taken; sending it again will not help."""


@dataclass(frozen=True, slots=True)
class Export:
    """What is kept of one request: `body` is its protobuf, `items` how many spans or records."""

    signal: str
    body: bytes
    items: int
    refused: int = 0
    message: str = ""


def read(signal: str, data: bytes, *, is_json: bool, now: int) -> Export:
    """Judge the body of a request for `signal`; `now` in nanoseconds. Raises BadExport."""
    body = _protobuf_of(signal, data) if is_json else data
    judge = _Judge(signal, now, thorough=len(body) > SMALL_BYTES)
    try:
        found = wire.sift(body, judge.item, judge.header)
    except wire.BadWire as error:
        raise BadExport(f"The body is not an OTLP export of {signal}: {error}.") from None
    if not found.kept and not found.refused:
        return Export(signal, b"", 0)
    if not found.kept:
        raise BadExport(_all_refused(signal, found, judge))
    try:
        # What is kept must be readable as a whole, too: nesting adds up.
        (ExportTraceServiceRequest if signal == TRACES else ExportLogsServiceRequest).FromString(found.body)
    except DecodeError:
        raise BadExport(f"The body is not an OTLP export of {signal}.") from None
    message = ""
    if found.refused:
        total = found.kept + found.refused
        message = f"{found.refused} of {total} {WHAT[signal]} were refused: {'; '.join(found.reasons)}."
    return Export(signal, found.body, found.kept, found.refused, message)


def _protobuf_of(signal: str, data: bytes) -> bytes:
    try:
        request, names = otlp_json.request_of(signal, data)
        body = request.SerializeToString()
    except otlp_json.BadJson as error:
        raise BadExport(f"The body is not OTLP/JSON: {error}.") from None
    except (UnicodeEncodeError, EncodeError, RecursionError):
        raise BadExport("The body is not OTLP/JSON: it holds what protobuf cannot.") from None
    foreign, path = OTHERS[signal]
    if foreign in names or "resourceMetrics" in names:
        other, path = (foreign, path) if foreign in names else ("resourceMetrics", "/v1/metrics")
        raise BadExport(f"{other} do not belong here: send them to {path}.")
    return body


def _all_refused(signal: str, found: wire.Sifted, judge: _Judge) -> str:
    if judge.foreign == found.refused:
        other = "a logs" if signal == TRACES else "a traces"
        lacks = "trace id and span id" if signal == TRACES else "time and body"
        return (
            f"None of the {found.refused} {WHAT[signal]} has a {lacks}: this looks like {other} export. "
            "Traces belong to /v1/traces, logs to /v1/logs, metrics to /v1/metrics."
        )
    return f"None of the {found.refused} {WHAT[signal]} can be taken: {'; '.join(found.reasons)}."


class _Judge:
    """Finds the reason against each part, or none. `foreign` counts items of another signal."""

    def __init__(self, signal: str, now: int, *, thorough: bool) -> None:
        self.foreign = 0
        self._signal = signal
        self._latest = now + AHEAD
        self._thorough = thorough
        self._items = 0
        self._values = 0

    def header(self, number: int, data: bytes) -> str:
        """Against a resource, a scope or a schema's address: it stands above all, so all go with it."""
        if len(data) > MAX_HEADER_BYTES:
            return f"a resource or scope has more than {MAX_HEADER_BYTES} bytes"
        try:
            if number == wire.SCHEMA_URL:
                data.decode()
            else:
                _parse_header(data)
        except (DecodeError, UnicodeDecodeError):
            return "a resource or scope cannot be read"
        return ""

    def item(self, data: bytes) -> str:
        self._items += 1
        if self._items > MAX_ITEMS:
            raise BadExport(
                f"One request holds at most {MAX_ITEMS} {WHAT[self._signal]}: send smaller batches."
            )
        if len(data) > MAX_ITEM_BYTES:
            return f"one has more than {MAX_ITEM_BYTES} bytes"
        try:
            if self._signal == TRACES:
                span = Span.FromString(data)
                return self._against_span(span) or self._against_values(_values_of_span(span))
            record = LogRecord.FromString(data)
            return self._against_record(record) or self._against_values(_values_of_record(record))
        except DecodeError:
            self.foreign += 1
            return "one is not a message of OTLP"

    def _against_span(self, span: Span) -> str:
        if not span.trace_id and not span.span_id:
            self.foreign += 1
            return "one has no trace id and no span id"
        if len(span.trace_id) != 16 or not any(span.trace_id):
            return "a trace id must be 16 bytes (32 hex digits), not all zero"
        if len(span.span_id) != 8 or not any(span.span_id):
            return "a span id must be 8 bytes (16 hex digits), not all zero"
        if len(span.parent_span_id) not in (0, 8):
            return "a parent span id must be 8 bytes (16 hex digits) or absent"
        return self._against_time(span.start_time_unix_nano, "start") or (
            self._against_time(span.end_time_unix_nano, "end") if span.end_time_unix_nano else ""
        )

    def _against_record(self, record: LogRecord) -> str:
        moment = record.time_unix_nano or record.observed_time_unix_nano
        if not moment and not record.HasField("body") and not record.attributes:
            self.foreign += 1
            return "one has no time, no body and no attributes"
        return self._against_time(moment, "time") if moment else ""

    def _against_time(self, moment: int, name: str) -> str:
        if moment < OLDEST:
            return f"a {name} lies before the year 2000"
        return f"a {name} lies more than a day ahead" if moment > self._latest else ""

    def _against_values(self, values: Iterable[int]) -> str:
        if not self._thorough:
            return ""
        count = 0
        for more in values:
            count += more
            if count > MAX_VALUES_OF_ITEM:
                return f"one has more than {MAX_VALUES_OF_ITEM} attributes and values"
        self._values += count
        if self._values > MAX_VALUES:
            raise BadExport(
                f"One request holds at most {MAX_VALUES} attributes and values: send smaller batches."
            )
        return ""


def _parse_header(data: bytes) -> None:
    try:  # both have the same number where they stand
        Resource.FromString(data)
    except DecodeError:
        InstrumentationScope.FromString(data)


def _values_of_span(span: Span) -> Iterable[int]:
    yield from _values_of(span.attributes)
    yield len(span.events) + len(span.links)
    for event in span.events:
        yield from _values_of(event.attributes)
    for link in span.links:
        yield from _values_of(link.attributes)


def _values_of_record(record: LogRecord) -> Iterable[int]:
    yield from _values_of(record.attributes)
    yield from _values_in(record.body)


def _values_of(attributes: Iterable[KeyValue]) -> Iterable[int]:
    yield len(attributes)  # type: ignore[arg-type]
    for attribute in attributes:
        yield from _values_in(attribute.value)


def _values_in(value: AnyValue) -> Iterable[int]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if one.HasField("array_value"):
            yield len(one.array_value.values)
            waiting.extend(one.array_value.values)
        elif one.HasField("kvlist_value"):
            yield len(one.kvlist_value.values)
            waiting.extend(pair.value for pair in one.kvlist_value.values)
