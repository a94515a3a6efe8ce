"""Spans of OpenTelemetry for tests, with attributes of any kind, and what is read of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from apps.agents.telemetry.facts import SpanFacts
from apps.agents.telemetry.mapping import spans_of

TRACE, SPAN, PARENT = bytes(range(16)), bytes(range(1, 9)), bytes(range(2, 10))
BEGAN = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
NANOSECONDS = 1_795_176_000_250_000_000
CHAT = {"gen_ai.operation.name": "chat"}
INVOKE = {"gen_ai.operation.name": "invoke_agent"}
TOOL = {"gen_ai.operation.name": "execute_tool"}
SERVICE = {"service.name": "shop", "service.namespace": "team"}


def value_of(value: Any) -> AnyValue:
    if isinstance(value, AnyValue):
        return value
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    found = AnyValue()
    if isinstance(value, list):
        found.array_value.values.extend(value_of(item) for item in value)
        found.array_value.SetInParent()
    elif isinstance(value, dict):
        found.kvlist_value.values.extend(pairs(value))
        found.kvlist_value.SetInParent()
    else:
        found.string_value = value
    return found


def pairs(values: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value_of(value)) for key, value in values.items()]


def exported_span(
    attributes: Mapping[str, Any] | None = None,
    resource: Mapping[str, Any] | None = None,
    scope: str = "",
    **given: Any,
) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.extend(pairs(SERVICE if resource is None else resource))
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = scope
    usual: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": SPAN,
        "parent_span_id": PARENT,
        "name": "a span",
        "start_time_unix_nano": NANOSECONDS,
        "end_time_unix_nano": NANOSECONDS + 1_500_000_000,
    }
    span = Span(**usual | given)
    span.attributes.extend(pairs(attributes or {}))
    scope_spans.spans.append(span)
    return request


def read(
    attributes: Mapping[str, Any] | None = None,
    resource: Mapping[str, Any] | None = None,
    scope: str = "",
    **given: Any,
) -> SpanFacts:
    (facts,) = spans_of(exported_span(attributes, resource, scope, **given))
    return facts


def exception(**values: str) -> Span.Event:
    event = Span.Event(name="exception", time_unix_nano=NANOSECONDS)
    event.attributes.extend(pairs({f"exception.{key}": value for key, value in values.items()}))
    return event
