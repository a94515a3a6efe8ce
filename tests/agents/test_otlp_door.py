"""The OTLP door: what is taken and kept, what is refused, and how senders are told."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
import uuid
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from apps.accounts.models import ApiKey, Project, Role
from apps.accounts.services import default_project
from apps.agents.api.otlp import Limits, OtlpDoor
from apps.agents.models.telemetry import TelemetryBatch
from apps.agents.telemetry import pokes
from config.asgi import application
from config.middleware import API_HEADERS
from tests.accounts.people import make_key, make_project, make_user, sign_in
from tests.agents.otlp import JSON, PROTOBUF, SECOND, Answer, a_span, as_json, logs, send, traces
from tests.rig.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

MIB = 1024 * 1024
RETRYABLE = (429, 502, 503, 504)


@sync_to_async
def key(*scopes: str, project: Project | None = None, **fields: Any) -> str:
    return make_key(*scopes or ("ingest",), project=project, **fields).text


@sync_to_async
def kept() -> list[TelemetryBatch]:
    return list(TelemetryBatch.objects.all())


async def ask(path: str, body: Any, key: str = "", **more: Any) -> Answer:
    if not isinstance(body, (bytes, list)):
        body = body.SerializeToString()
    return await send(application, path, body, key, **more)


def door(**limits: float) -> OtlpDoor:
    """One with limits of its own and nothing behind it."""
    usual = {"max_bytes": MIB, "items_per_second": 0, "bytes_per_second": 0, "backlog_bytes": 64 * MIB}
    return OtlpDoor(application, Limits(**usual | limits), API_HEADERS)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/v1/traces", "/otlp/v1/traces", "/v1/traces/"])
async def test_an_export_is_committed_as_it_came_before_it_is_answered(path: str) -> None:
    export = traces(a_span(), a_span())
    answer = await ask(path, export, await key())
    assert (answer.status, answer.kind, answer.body) == (200, PROTOBUF, b"")
    (batch,) = await kept()
    assert (batch.signal, batch.items, batch.attempts, batch.agent_id) == ("traces", 2, 0, None)
    assert ExportTraceServiceRequest.FromString(bytes(batch.body)) == export
    assert batch.project_id == (await sync_to_async(default_project)()).pk


async def test_logs_are_kept_too() -> None:
    export = logs("claude_code.user_prompt", "claude_code.api_request")
    answer = await ask("/v1/logs", export, await key())
    assert (answer.status, answer.body) == (200, b"")
    (batch,) = await kept()
    assert (batch.signal, batch.items) == ("logs", 2)
    assert ExportLogsServiceRequest.FromString(bytes(batch.body)) == export


async def test_json_is_kept_as_the_protobuf_it_stands_for() -> None:
    span = a_span(parent_span_id=b"12345678", kind=3, flags=257)
    span.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message="it broke"))
    for name, value in {"t": "x", "i": -5, "d": 0.5, "b": False}.items():
        field = {"t": "string_value", "i": "int_value", "d": "double_value", "b": "bool_value"}[name]
        setattr(span.attributes.add(key=name).value, field, value)
    listed = span.attributes.add(key="l").value.array_value.values
    listed.add(string_value="one")
    listed.add().kvlist_value.values.add(key="k").value.bytes_value = b"\x00\xff"
    span.attributes.add(key="empty")
    span.events.add(time_unix_nano=span.end_time_unix_nano, name="exception").attributes.add(key="n")
    span.links.add(trace_id=b"t" * 16, span_id=b"s" * 8)
    export = traces(span)
    document = as_json(export)
    answer = await ask("/v1/traces", json.dumps(document).encode(), await key(), kind=JSON)
    assert (answer.status, answer.kind, answer.json()) == (200, JSON, {})
    (batch,) = await kept()
    assert ExportTraceServiceRequest.FromString(bytes(batch.body)) == export


async def test_json_may_be_generous() -> None:
    """Numbers as texts, ids in capitals, null for nothing, fields of a later version."""
    now = time.time_ns()
    span = {
        "traceId": "ABCDEF" + "0" * 26,
        "spanId": "ABCDEF" + "0" * 10,
        "parentSpanId": "",
        "name": "chat",
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": now,
        "attributes": [{"key": "n", "value": {"intValue": "7"}}, {"key": "m", "value": {"intValue": 8}}],
        "status": None,
        "links": None,
        "inventedLater": {"deep": [1, 2, {"x": None}]},
    }
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}], "alsoNew": 1}], "more": True}
    answer = await ask(
        "/v1/traces", json.dumps(body).encode(), await key(), kind="application/json; charset=utf-8"
    )
    assert answer.status == 200, answer.body
    (batch,) = await kept()
    read = ExportTraceServiceRequest.FromString(bytes(batch.body))
    (stored,) = read.resource_spans[0].scope_spans[0].spans
    assert stored.trace_id.hex() == "abcdef" + "0" * 26
    assert (stored.start_time_unix_nano, stored.end_time_unix_nano) == (now, now)
    assert [one.value.int_value for one in stored.attributes] == [7, 8]


async def test_logs_in_json_are_kept() -> None:
    export = logs("codex.user_prompt")
    answer = await ask("/v1/logs", json.dumps(as_json(export)).encode(), await key(), kind=JSON)
    assert answer.status == 200, answer.body
    (batch,) = await kept()
    assert ExportLogsServiceRequest.FromString(bytes(batch.body)) == export


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
async def test_gzip_is_unpacked(kind: str) -> None:
    export = traces(a_span())
    plain = export.SerializeToString() if kind == PROTOBUF else json.dumps(as_json(export)).encode()
    answer = await ask("/v1/traces", gzip.compress(plain), await key(), kind=kind, content_encoding="gzip")
    assert answer.status == 200, answer.body
    (batch,) = await kept()
    assert ExportTraceServiceRequest.FromString(bytes(batch.body)) == export


async def test_a_body_may_come_in_pieces() -> None:
    whole = traces(a_span()).SerializeToString()
    pieces = [whole[:7], b"", whole[7:50], whole[50:]]
    assert (await ask("/v1/traces", pieces, await key())).status == 200
    assert len(await kept()) == 1


async def test_an_empty_export_is_fine_and_keeps_nothing() -> None:
    text = await key()
    empty: list[tuple[bytes, str]] = [
        (b"", PROTOBUF),
        (b"{}", JSON),
        (b"", JSON),
        (b'{"resourceSpans": []}', JSON),
        (ExportTraceServiceRequest(resource_spans=[{}]).SerializeToString(), PROTOBUF),  # type: ignore[list-item]
    ]
    for body, kind in empty:
        answer = await ask("/v1/traces", body, text, kind=kind)
        assert (answer.status, answer.kind) == (200, kind), body
    assert await kept() == []


async def test_metrics_are_taken_and_ignored() -> None:
    answer = await ask("/v1/metrics", b"\x0a\x03abc", await key())
    assert (answer.status, answer.body) == (200, b"")
    assert (await ask("/v1/metrics", b'{"resourceMetrics": []}', await key(), kind=JSON)).json() == {}
    assert (await ask("/v1/metrics", b"")).status == 401
    assert await kept() == []


LATER = (1 << 64) - 1
BAD_SPANS: dict[str, dict[str, Any]] = {
    "short trace id": {"trace_id": b"short"},
    "zero trace id": {"trace_id": bytes(16)},
    "long span id": {"span_id": b"123456789"},
    "zero span id": {"span_id": bytes(8)},
    "no span id": {"span_id": b""},
    "odd parent": {"parent_span_id": b"123"},
    "no start": {"start_time_unix_nano": 0},
    "start at the end of the world": {"start_time_unix_nano": LATER},
    "end at the end of the world": {"end_time_unix_nano": LATER},
    "start in 1970": {"start_time_unix_nano": 5 * SECOND},
}


async def test_a_bad_span_is_refused_and_the_rest_is_taken() -> None:
    text = await key()
    for number, (name, fields) in enumerate(BAD_SPANS.items(), start=1):
        good, bad, other = a_span(), a_span(**fields), a_span()
        answer = await ask("/v1/traces", traces(good, bad, other), text)
        assert answer.status == 200, name
        partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
        assert partial.rejected_spans == 1, name
        assert partial.error_message.startswith("1 of 3 spans were refused: "), name
        batches = await kept()
        assert len(batches) == number, name
        assert ExportTraceServiceRequest.FromString(bytes(batches[-1].body)) == traces(good, other), name
        assert batches[-1].items == 2, name


async def test_a_span_that_is_no_message_is_refused_by_itself() -> None:
    good = a_span()
    export = traces(good, a_span(name="broken-name")).SerializeToString()
    answer = await ask("/v1/traces", export.replace(b"broken-name", b"broken-\xff\xfe\xfd\xfc"), await key())
    assert ExportTraceServiceResponse.FromString(answer.body).partial_success.rejected_spans == 1
    (batch,) = await kept()
    assert ExportTraceServiceRequest.FromString(bytes(batch.body)) == traces(good)


async def test_partial_success_is_told_in_json_too() -> None:
    document = as_json(traces(a_span(), a_span()))
    document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"] = "not hex, not hex, not hex, not h"
    answer = await ask("/v1/traces", json.dumps(document).encode(), await key(), kind=JSON)
    assert answer.status == 200
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"
    assert "trace id" in answer.json()["partialSuccess"]["errorMessage"]


async def test_a_bad_log_record_is_refused_and_the_rest_is_taken() -> None:
    export = logs("one", "two")
    export.resource_logs[0].scope_logs[0].log_records[1].time_unix_nano = LATER
    answer = await ask("/v1/logs", export, await key())
    partial = ExportLogsServiceResponse.FromString(answer.body).partial_success
    assert partial.rejected_log_records == 1
    assert "more than a day ahead" in partial.error_message
    assert [batch.items for batch in await kept()] == [1]


async def test_logs_at_the_door_for_traces_are_told_where_to_go() -> None:
    text = await key()
    answer = await ask("/v1/traces", logs("one", "two"), text)
    assert answer.status == 400
    assert answer.kind == PROTOBUF
    assert answer.reason().code == 3
    assert "/v1/logs" in answer.reason().message
    answer = await ask("/v1/traces", json.dumps(as_json(logs("one"))).encode(), text, kind=JSON)
    assert answer.status == 400
    assert "/v1/logs" in answer.json()["message"]
    answer = await ask("/v1/logs", json.dumps(as_json(traces(a_span()))).encode(), text, kind=JSON)
    assert answer.status == 400
    assert "/v1/traces" in answer.json()["message"]
    answer = await ask("/v1/logs", traces(a_span(name="\x01\x02", end_time_unix_nano=0)), text)
    assert answer.status == 400, answer.body
    assert await kept() == []


async def test_what_cannot_be_read_is_a_final_error_in_the_senders_encoding() -> None:
    text = await key()
    unreadable = [
        (b"\xff\xff\xff", PROTOBUF),
        (b"hello", PROTOBUF),
        (b"{", JSON),
        (b"[]", JSON),
        (b"7", JSON),
    ]
    for body, kind in unreadable:
        answer = await ask("/v1/traces", body, text, kind=kind)
        assert (answer.status, answer.kind) == (400, kind), body
        message = answer.reason().message if kind == PROTOBUF else answer.json()["message"]
        assert message.startswith("The body is not")
        assert "retry-after" not in answer.headers


async def test_a_key_is_needed_and_the_error_is_final() -> None:
    body = traces(a_span())
    answer = await ask("/v1/traces", body)
    assert (answer.status, answer.reason().code) == (401, 16)
    assert answer.headers["www-authenticate"] == "Bearer"
    for wrong in ("mc_nothing", "", "eyJ.eyJ.x", "mc_" + "0" * 8 + "_" + "0" * 49):
        assert (await ask("/v1/traces", body, wrong)).status == 401
    text = await key()
    await ApiKey.objects.aupdate(revoked_at=timezone.now())
    assert (await ask("/v1/traces", body, text)).status == 401
    assert await kept() == []


async def test_other_scopes_do_not_send_telemetry() -> None:
    for scopes in (["read"], ["run"], ["agent"], ["read", "run", "agent"]):
        answer = await ask("/v1/traces", traces(a_span()), await key(*scopes))
        assert (answer.status, answer.reason().code) == (403, 7)
    assert await kept() == []


async def test_people_do_not_send_telemetry() -> None:
    session = await sync_to_async(lambda: sign_in(make_user(Role.ADMIN)))()
    assert (await ask("/v1/traces", traces(a_span()), session["access"])).status == 403


async def test_a_key_sends_into_its_own_project_only() -> None:
    mine, foreign = await sync_to_async(make_project)(), await sync_to_async(make_project)()
    text = await key(project=mine)
    assert (await ask("/v1/traces", traces(a_span()), text)).status == 200
    assert (await ask("/v1/traces", traces(a_span()), text, x_project=mine.slug)).status == 200
    assert (await ask("/v1/traces", traces(a_span()), text, x_project=foreign.slug)).status == 404
    assert {batch.project_id for batch in await kept()} == {mine.pk}


async def test_a_key_of_one_agent_says_so() -> None:
    agent_id = uuid.uuid4()
    assert (await ask("/v1/traces", traces(a_span()), await key(agent_id=agent_id))).status == 200
    assert [batch.agent_id for batch in await kept()] == [agent_id]


async def test_other_types_are_refused() -> None:
    text = await key()
    for kind in ("text/plain", "", "application/grpc", "application/x-www-form-urlencoded"):
        answer = await ask("/v1/traces", b"x", text, kind=kind)
        assert (answer.status, answer.kind) == (415, JSON)
        assert "application/x-protobuf" in answer.json()["message"]


async def test_other_encodings_are_refused() -> None:
    text = await key()
    for encoding in ("br", "zstd", "gzip, gzip", "deflate"):
        assert (await ask("/v1/traces", b"x", text, content_encoding=encoding)).status == 415


async def test_other_methods_are_refused() -> None:
    for method in ("GET", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE"):
        answer = await ask("/v1/traces", b"", method=method)
        assert (answer.status, answer.headers["allow"]) == (405, "POST")


async def test_other_paths_are_not_ours() -> None:
    answer = await ask("/v1/profiles", b"", await key(), method="GET")
    assert answer.kind.startswith("text/html")


async def test_the_limit_counts_after_unpacking() -> None:
    tight, text = door(max_bytes=4096), await key()
    large = traces(a_span(name="x" * 5000)).SerializeToString()
    assert (await send(tight, "/v1/traces", large, text)).status == 413
    assert (await send(tight, "/v1/traces", large, text, content_length="5000")).status == 413
    packed = gzip.compress(large)
    assert len(packed) < 4096
    answer = await send(tight, "/v1/traces", packed, text, content_encoding="gzip")
    assert answer.status == 413
    assert "unpacks to more than 4096 bytes" in answer.reason().message
    assert (await send(tight, "/v1/traces", [b"x" * 1000] * 50, text)).status == 413
    assert await kept() == []


async def test_more_than_djangos_limit_is_taken() -> None:
    """The rest of the API takes 5 MiB; telemetry 8."""
    export = traces(*(a_span(name="x" * 190) for _ in range(10))).SerializeToString()
    span = a_span()
    span.attributes.add(key="big").value.string_value = "x" * (3 * MIB)
    export = traces(span, a_span(name="y" * 100)).SerializeToString() + traces(span).SerializeToString()
    assert len(export) > 6 * MIB
    answer = await ask("/v1/traces", export, await key(), content_length=str(len(export)))
    assert (answer.status, answer.body) == (200, b"")
    assert [batch.items for batch in await kept()] == [3]


async def test_a_key_over_its_share_is_told_when_to_come_back() -> None:
    slow, text = door(items_per_second=1), await key()
    flood = traces(*(a_span() for _ in range(60))).SerializeToString()
    assert (await send(slow, "/v1/traces", flood, text)).status == 200
    answer = await send(slow, "/v1/traces", flood, text)
    assert (answer.status, answer.reason().code) == (429, 8)
    assert 40 <= int(answer.headers["retry-after"]) <= 51
    assert (await send(slow, "/v1/traces", flood, await key())).status == 200, "another key has its own share"
    assert [batch.items for batch in await kept()] == [60, 60]


async def test_bytes_are_shared_out_too() -> None:
    slow, text = door(bytes_per_second=100), await key()
    large = traces(a_span(name="x" * 3000)).SerializeToString()
    packed = gzip.compress(large)
    assert (await send(slow, "/v1/traces", packed, text, content_encoding="gzip")).status == 200
    answer = await send(slow, "/v1/traces", packed, text, content_encoding="gzip")
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_full_inbox_asks_to_come_back_later() -> None:
    full, text = door(backlog_bytes=10), await key()
    first = await send(full, "/v1/traces", traces(a_span()).SerializeToString(), text)
    assert first.status == 200
    full.backlog._looked_at = float("-inf")
    answer = await send(full, "/v1/traces", traces(a_span()).SerializeToString(), text)
    assert (answer.status, answer.reason().code) == (503, 14)
    assert int(answer.headers["retry-after"]) >= 1
    assert len(await kept()) == 1
    other = await key(project=await sync_to_async(make_project)())
    elsewhere = await send(full, "/v1/traces", traces(a_span()).SerializeToString(), other)
    assert elsewhere.status == 200, "the inbox of one project fills up for that one alone"


@pytest.mark.parametrize("path", ["/v1/traces", "/otlp/v1/logs", "/v1/metrics"])
async def test_a_host_that_is_not_ours_is_refused_as_everywhere(path: str) -> None:
    answer = await ask(path, b"", await key(), host="evil.example")
    assert (answer.status, answer.reason().code) == (400, 3)
    assert "ALLOWED_HOSTS" in answer.reason().message
    assert (await ask(path, b"", await key(), host="localhost:8000")).status == 200


async def test_bodies_that_arrive_at_once_are_bounded_together() -> None:
    small, text = door(max_bytes=1000), await key()
    gate = asyncio.Event()

    async def slowly(body: bytes) -> int:
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            if not slowly_sent:
                slowly_sent.append(1)
                return {"type": "http.request", "body": body, "more_body": True}
            await gate.wait()
            return {"type": "http.request", "body": b"", "more_body": False}

        slowly_sent: list[int] = []

        async def collect(message: Any) -> None:
            sent.append(message)

        headers = [(b"authorization", f"Bearer {text}".encode()), (b"content-type", PROTOBUF.encode())]
        headers.append((b"host", b"localhost"))
        scope = {"type": "http", "method": "POST", "path": "/v1/metrics", "headers": headers}
        await small(scope, receive, collect)
        return int(sent[0]["status"])

    waiting = [asyncio.create_task(slowly(b"x" * 900)) for _ in range(20)]
    await asyncio.to_thread(until, lambda: small._held >= 7200, 30, "the room to be full")
    gate.set()
    statuses = await asyncio.gather(*waiting)
    assert sorted(set(statuses)) == [200, 503]
    assert statuses.count(200) >= 8
    assert small._held == 0


async def test_what_arrives_is_told_to_who_reads() -> None:
    told: list[int] = []
    pokes.on_poke(listener := lambda: told.append(1))
    try:
        await ask("/v1/traces", traces(a_span()), await key())
        await ask("/v1/traces", b"", await key())
    finally:
        pokes.off_poke(listener)
    assert told == [1]


async def test_answers_carry_the_headers_of_the_api() -> None:
    for answer in (await ask("/v1/traces", b""), await ask("/v1/traces", b"", await key())):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_no_final_error_looks_retryable() -> None:
    text = await key()
    wrong: list[tuple[Any, dict[str, Any]]] = [
        (b"\xff", {}),
        (b"x" * (9 * MIB), {}),
        (b"x", {"kind": "text/plain"}),
        (b"x", {"content_encoding": "gzip"}),
        (gzip.compress(gzip.compress(b"x")), {"content_encoding": "gzip"}),
        (b"x", {"content_length": "nonsense"}),
        (b"", {"method": "GET"}),
    ]
    for body, more in wrong:
        answer = await ask("/v1/traces", body, text, **more)
        assert 400 <= answer.status < 500
        assert answer.status not in RETRYABLE
        assert "retry-after" not in answer.headers
