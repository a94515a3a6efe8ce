"""Exports for tests of the OTLP door, and a way to send them without a server in between."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

PROTOBUF, JSON = "application/x-protobuf", "application/json"
SECOND = 1_000_000_000


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        return self.headers["content-type"]

    def json(self) -> Any:
        return json.loads(self.body)

    def reason(self) -> Status:
        """The body of an error in protobuf."""
        return Status.FromString(self.body)


def a_span(**given: Any) -> Span:
    now = time.time_ns()
    usual: dict[str, Any] = {
        "trace_id": os.urandom(16),
        "span_id": os.urandom(8),
        "name": "chat a-model",
        "start_time_unix_nano": now - SECOND,
        "end_time_unix_nano": now,
    }
    return Span(**usual | given)


def traces(*spans: Span, service: str = "billing") -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.add(key="service.name").value.string_value = service
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = "tests"
    scope_spans.spans.extend(spans)
    return request


def logs(*bodies: str) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add()
    resource_logs.resource.attributes.add(key="service.name").value.string_value = "coder"
    records = resource_logs.scope_logs.add().log_records
    for body in bodies:
        record = records.add(time_unix_nano=time.time_ns(), severity_number=9, severity_text="INFO")
        record.body.string_value = body
        record.attributes.add(key="event.name").value.string_value = body
    return request


def as_json(request: Any) -> dict[str, Any]:
    """The request as OTLP/JSON has it: ids in hex, enums as numbers."""
    document: dict[str, Any] = MessageToDict(request, use_integers_for_enums=True)
    _hex(document)
    return document


def _hex(value: Any) -> None:
    if isinstance(value, list):
        for one in value:
            _hex(one)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in ("traceId", "spanId", "parentSpanId"):
                value[name] = base64.b64decode(inner).hex()
            else:
                _hex(inner)


async def send(
    app: Any,
    path: str,
    body: bytes | list[bytes],
    key: str = "",
    kind: str = PROTOBUF,
    method: str = "POST",
    **headers: str,
) -> Answer:
    """One request straight to an ASGI application; a list of bodies arrives chunk by chunk."""
    chunks = [body] if isinstance(body, bytes) else body
    given = {"host": "localhost", "content-type": kind}
    if key:
        given["authorization"] = f"Bearer {key}"
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    sent: list[Any] = []
    asked = 0

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked >= len(chunks):
            await asyncio.Event().wait()  # Django listens for the end of the connection
        asked += 1
        return {"type": "http.request", "body": chunks[asked - 1], "more_body": asked < len(chunks)}

    async def collect(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
        "client": ("127.0.0.1", 5),
        "server": ("127.0.0.1", 8000),
    }
    await app(scope, receive, collect)
    head = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], head, b"".join(one.get("body", b"") for one in sent[1:]))
