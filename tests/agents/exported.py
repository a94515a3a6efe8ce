"""The recorded and written exports of other programs, as facts."""

from __future__ import annotations

from pathlib import Path

from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from apps.agents.telemetry.facts import SpanFacts
from apps.agents.telemetry.log_mapping import spans_of_logs
from apps.agents.telemetry.mapping import spans_of

FOLDER = Path(__file__).parent / "exports"


def traces(name: str) -> ExportTraceServiceRequest:
    return ExportTraceServiceRequest.FromString((FOLDER / f"{name}.pb").read_bytes())


def logs(name: str) -> ExportLogsServiceRequest:
    return Parse((FOLDER / f"{name}.json").read_text(), ExportLogsServiceRequest())


def spans(name: str) -> dict[str, SpanFacts]:
    """The facts of a recording by the spans' names; of several of one name, the last."""
    return {span.name: span for span in spans_of(traces(name))}


def told(name: str) -> list[SpanFacts]:
    return spans_of_logs(logs(name))
