"""OTLP/JSON turned into the protobuf messages it stands for. Knows no Django.

It differs from protobuf's own JSON: ids are hex, and enums are numbers. As there, 64-bit integers
come as texts or numbers, null is nothing, and unknown fields are ignored.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, TypeVar

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

MAX_DEPTH = 80
MAX_CONTAINERS = 250_000
MAX_VALUES = 500_000
BAD_ID = b"?"  # of the wrong length, so that the span is refused by itself

NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
T = TypeVar("T")


class BadJson(ValueError):
    """The text is not OTLP/JSON; the message says what is wrong with it."""


def request_of(
    signal: str, data: bytes
) -> tuple[ExportTraceServiceRequest | ExportLogsServiceRequest, frozenset[str]]:
    """The request message (of traces, else of logs) and the names at the top of the document."""
    document = _object(_loads(data), "the body")
    names = frozenset(document)
    if signal == "traces":
        spans = _each(document, "resourceSpans", _resource_spans)
        return ExportTraceServiceRequest(resource_spans=spans), names
    logs = _each(document, "resourceLogs", _resource_logs)
    return ExportLogsServiceRequest(resource_logs=logs), names


def _loads(data: bytes) -> Any:
    # With escapes gone a quote is a quote, and what lies between every other two is no text.
    flat = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    if flat.count(b'"') > 2 * MAX_VALUES:
        raise BadJson(f"it has more than {MAX_VALUES} texts; send smaller batches")
    bare = b"".join(flat.split(b'"')[::2])
    if bare.count(b"[") + bare.count(b"{") > MAX_CONTAINERS:
        raise BadJson(f"it has more than {MAX_CONTAINERS} arrays and objects; send smaller batches")
    if bare.count(b",") > MAX_VALUES:
        raise BadJson(f"it has more than {MAX_VALUES} values; send smaller batches")
    depth = 0
    for byte in bare.translate(None, NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        if depth > MAX_DEPTH:
            raise BadJson(f"it is nested more than {MAX_DEPTH} levels deep")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadJson(f"{error.msg} (line {error.lineno})") from None


def _resource_spans(one: dict[str, Any]) -> ResourceSpans:
    return ResourceSpans(
        resource=_resource(one),
        scope_spans=_each(one, "scopeSpans", _scope_spans),
        schema_url=_text(one, "schemaUrl"),
    )


def _resource_logs(one: dict[str, Any]) -> ResourceLogs:
    return ResourceLogs(
        resource=_resource(one),
        scope_logs=_each(one, "scopeLogs", _scope_logs),
        schema_url=_text(one, "schemaUrl"),
    )


def _scope_spans(one: dict[str, Any]) -> ScopeSpans:
    spans = _each(one, "spans", _span)
    return ScopeSpans(scope=_scope(one), spans=spans, schema_url=_text(one, "schemaUrl"))


def _scope_logs(one: dict[str, Any]) -> ScopeLogs:
    records = _each(one, "logRecords", _log_record)
    return ScopeLogs(scope=_scope(one), log_records=records, schema_url=_text(one, "schemaUrl"))


def _resource(one: dict[str, Any]) -> Resource | None:
    given = one.get("resource")
    return None if given is None else Resource(attributes=_attributes(_object(given, "resource")))


def _scope(one: dict[str, Any]) -> InstrumentationScope | None:
    if one.get("scope") is None:
        return None
    given = _object(one["scope"], "scope")
    attributes = _attributes(given)
    name, version = _text(given, "name"), _text(given, "version")
    return InstrumentationScope(name=name, version=version, attributes=attributes)


def _span(one: dict[str, Any]) -> Span:
    status = one.get("status")
    return Span(
        trace_id=_id(one, "traceId"),
        span_id=_id(one, "spanId"),
        parent_span_id=_id(one, "parentSpanId"),
        trace_state=_text(one, "traceState"),
        flags=_whole(one, "flags", 32),
        name=_text(one, "name"),
        kind=_enum(one, "kind", "SPAN_KIND_", Span.SpanKind.Value),  # type: ignore[arg-type]
        start_time_unix_nano=_whole(one, "startTimeUnixNano", 64),
        end_time_unix_nano=_whole(one, "endTimeUnixNano", 64),
        attributes=_attributes(one),
        events=_each(one, "events", _event),
        links=_each(one, "links", _link),
        status=None if status is None else _status(_object(status, "status")),
    )


def _event(one: dict[str, Any]) -> Span.Event:
    moment = _whole(one, "timeUnixNano", 64)
    return Span.Event(time_unix_nano=moment, name=_text(one, "name"), attributes=_attributes(one))


def _link(one: dict[str, Any]) -> Span.Link:
    attributes = _attributes(one)
    return Span.Link(trace_id=_id(one, "traceId"), span_id=_id(one, "spanId"), attributes=attributes)


def _status(one: dict[str, Any]) -> Status:
    code = _enum(one, "code", "STATUS_CODE_", Status.StatusCode.Value)
    return Status(code=code, message=_text(one, "message"))  # type: ignore[arg-type]


def _log_record(one: dict[str, Any]) -> LogRecord:
    body = one.get("body")
    return LogRecord(
        time_unix_nano=_whole(one, "timeUnixNano", 64),
        observed_time_unix_nano=_whole(one, "observedTimeUnixNano", 64),
        severity_number=_whole(one, "severityNumber", 31),  # type: ignore[arg-type]
        severity_text=_text(one, "severityText"),
        body=None if body is None else _value(_object(body, "body")),
        attributes=_attributes(one),
        flags=_whole(one, "flags", 32),
        trace_id=_id(one, "traceId"),
        span_id=_id(one, "spanId"),
        event_name=_text(one, "eventName"),
    )


def _attributes(one: dict[str, Any]) -> list[KeyValue]:
    return _each(one, "attributes", _key_value)


def _key_value(one: dict[str, Any]) -> KeyValue:
    value = one.get("value")
    if value is None:
        return KeyValue(key=_text(one, "key"))
    return KeyValue(key=_text(one, "key"), value=_value(_object(value, "value")))


def _value(one: dict[str, Any]) -> AnyValue:
    """The first of the known ones that is there."""
    result = AnyValue()
    if one.get("stringValue") is not None:
        result.string_value = _text(one, "stringValue")
    elif one.get("intValue") is not None:
        result.int_value = _whole(one, "intValue", 63, signed=True)
    elif one.get("boolValue") is not None:
        result.bool_value = bool(one["boolValue"])
    elif one.get("doubleValue") is not None:
        result.double_value = _double(one["doubleValue"])
    elif one.get("arrayValue") is not None:
        values = _each(_object(one["arrayValue"], "arrayValue"), "values", _value)
        result.array_value.SetInParent()
        result.array_value.values.extend(values)
    elif one.get("kvlistValue") is not None:
        pairs = _each(_object(one["kvlistValue"], "kvlistValue"), "values", _key_value)
        result.kvlist_value.SetInParent()
        result.kvlist_value.values.extend(pairs)
    elif one.get("bytesValue") is not None:
        result.bytes_value = _base64(_text(one, "bytesValue"))
    return result


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadJson(f"{name} must be an object")
    return value


def _each(one: dict[str, Any], name: str, build: Callable[[dict[str, Any]], T]) -> list[T]:
    values = one.get(name)
    if values is None:
        return []
    if not isinstance(values, list):
        raise BadJson(f"{name} must be an array")
    return [build(_object(value, f"each of {name}")) for value in values]


def _text(one: dict[str, Any], name: str) -> str:
    value = one.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadJson(f"{name} must be a text")
    return value


def _id(one: dict[str, Any], name: str) -> bytes:
    text = _text(one, name)
    try:
        return bytes.fromhex(text) if text.isalnum() or not text else BAD_ID
    except ValueError:
        return BAD_ID


def _whole(one: dict[str, Any], name: str, bits: int, *, signed: bool = False) -> int:
    value = one.get(name)
    if value is None:
        return 0
    try:
        number = int(value) if isinstance(value, (int, str)) or float(value).is_integer() else None
    except (ValueError, TypeError, OverflowError):
        number = None
    least = -(1 << bits) if signed else 0
    if number is None or isinstance(value, bool) or not least <= number < 1 << bits:
        raise BadJson(f"{name} must be a whole number of {bits + signed} bits")
    return number


def _enum(one: dict[str, Any], name: str, prefix: str, by_name: Callable[[str], int]) -> int:
    value = one.get(name)
    if isinstance(value, str) and value.startswith(prefix):  # not allowed, and sent all the same
        try:
            return by_name(value)
        except ValueError:
            return 0
    return _whole(one, name, 31)


def _double(value: Any) -> float:
    try:
        return float(value)
    except (ValueError, TypeError, OverflowError):
        raise BadJson("doubleValue must be a number") from None


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadJson("bytesValue must be base64") from None
