"""Rows 17 and 18 at the OTLP door: whatever is sent, no 5xx, little memory, and a reason."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.agents.models.telemetry import Span, TelemetryBatch
from apps.agents.telemetry import decode, reading
from apps.agents.telemetry.wire import BYTES, FIXED64, varint
from config.asgi import application
from tests.accounts.people import make_key
from tests.agents.otlp import JSON, Answer, a_span, as_json, logs, send, traces

MIB = 1024 * 1024
ALLOWED = {200, 400, 413, 415}

pytestmark = pytest.mark.django_db(transaction=True)


def field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | BYTES) + varint(len(value)) + value


def around(*spans: bytes) -> bytes:
    """A request around the bytes of spans."""
    return field(1, field(2, b"".join(field(2, span) for span in spans)))


def whole(more: bytes = b"") -> bytes:
    """The bytes of a span that is good, and `more`."""
    start = varint(7 << 3 | FIXED64) + time.time_ns().to_bytes(8, "little")
    return field(1, os.urandom(16)) + field(2, os.urandom(8)) + start + more


def nested_values(depth: int) -> bytes:
    value = b""
    for _ in range(depth):
        value = field(5, field(1, value))
    return value


def bomb(size: int, byte: bytes = b"\0") -> bytes:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as file:
        for _ in range(size):
            file.write(byte * MIB)
    return packed.getvalue()


def json_spans(*spans: str) -> bytes:
    return b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + ",".join(spans).encode() + b"]}]}]}"


ATTRIBUTE = '{"key":"a","value":{"intValue":1}}'
ZIP = {"content_encoding": "gzip"}
AS_JSON = {"kind": JSON}
HOSTILE: dict[str, tuple[Callable[[], bytes], dict[str, str], set[int]]] = {
    "a gzip bomb": (lambda: bomb(200), ZIP, {413}),
    "a gzip bomb of empty resources": (lambda: bomb(7, b"\x0a\x00"), ZIP, {400, 413}),
    "gzip in gzip": (lambda: gzip.compress(bomb(200)), ZIP, {400}),
    "a cut gzip": (lambda: gzip.compress(b"x" * 1000)[:-9], ZIP, {400}),
    "not gzip": (lambda: b"x", ZIP, {400}),
    "larger than allowed": (lambda: b"x" * (8 * MIB + 1), {}, {413}),
    "10^6 empty attributes": (lambda: around(whole(b"\x4a\x00" * 1_000_000)), {}, {400}),
    "10^6 attributes": (lambda: around(whole(field(9, b"\x0a\x01a") * 1_000_000)), {}, {400}),
    "10^6 values in a list": (
        lambda: around(whole(field(9, field(2, field(5, b"\x0a\x00" * 10**6))))),
        {},
        {400},
    ),
    "many spans of many values": (
        lambda: around(*(whole(field(9, field(2, field(5, b"\x0a\x00" * 4000)))) for _ in range(900))),
        {},
        {400},
    ),
    "10^6 empty spans": (lambda: field(1, field(2, b"\x12\x00" * 10**6)), {}, {400}),
    "10^6 empty resources": (lambda: b"\x0a\x00" * 10**6, {}, {400}),
    "10^6 empty events": (lambda: around(whole(b"\x5a\x00" * 10**6)), {}, {400}),
    "10^6 links": (lambda: around(whole(b"\x6a\x00" * 10**6)), {}, {400}),
    "10^6 unknown numbers": (lambda: b"\x78\x01" * 10**6, {}, {400}),
    "a large resource": (lambda: field(1, field(1, field(1, b"\x0a\x01a") * 50_000)), {}, {400}),
    "deep values": (lambda: around(whole(field(9, field(2, nested_values(5000))))), {}, {400}),
    "values as deep as a span can be": (
        lambda: around(whole(field(9, field(2, nested_values(47))))),
        {},
        ALLOWED,
    ),
    "groups": (lambda: b"\x0b\x0c" * 1000, {}, {400}),
    "field zero": (lambda: b"\x02\x00", {}, {400}),
    "a length beyond the end": (lambda: b"\x0a\xff\xff\xff\xff\x0f", {}, {400}),
    "a number without end": (lambda: b"\x0a" + b"\xff" * 100, {}, {400}),
    "wrong wire types": (lambda: field(1, b"\x10\x01\x1d\x00\x00\x00\x00"), {}, {200}),
    "a span of wrong wire types": (lambda: around(b"\x08\x01\x10\x02\x38\x05"), {}, {400}),
    "deep JSON": (lambda: b"[" * 100_000, AS_JSON, {400}),
    "deep JSON values": (
        lambda: json_spans('{"attributes":[{"value":' + '{"arrayValue":{"values":[' * 5000),
        AS_JSON,
        {400},
    ),
    "10^6 JSON attributes": (
        lambda: json_spans('{"attributes":[' + ",".join(['{"key":"a"}'] * 600_000) + "]}"),
        AS_JSON,
        {400},
    ),
    "as many JSON values as are let in": (
        lambda: json_spans('{"attributes":[' + ",".join([ATTRIBUTE] * 120_000) + "]}"),
        AS_JSON,
        {400},
    ),
    "many JSON numbers": (lambda: b"[" + b"1," * 10**6 + b"1]", AS_JSON, {400}),
    "JSON of other types": (lambda: b'{"resourceSpans":{"a":1}}', AS_JSON, {400}),
    "JSON texts for objects": (lambda: b'{"resourceSpans":["x"]}', AS_JSON, {400}),
    "JSON numbers for texts": (lambda: json_spans('{"name": 5}'), AS_JSON, {400}),
    "JSON times that are none": (lambda: json_spans('{"startTimeUnixNano": "soon"}'), AS_JSON, {400}),
    "JSON times of a thousand digits": (
        lambda: json_spans('{"startTimeUnixNano": "' + "9" * 10_000 + '"}'),
        AS_JSON,
        {400},
    ),
    "JSON infinity": (lambda: json_spans('{"startTimeUnixNano": 1e999}'), AS_JSON, {400}),
    "JSON with half a surrogate pair": (lambda: json_spans('{"name": "\\ud800"}'), AS_JSON, {400}),
    "JSON that is not UTF-8": (lambda: b'{"resourceSpans":"\xff"}', AS_JSON, {400}),
    "protobuf as JSON": (lambda: traces(a_span()).SerializeToString(), AS_JSON, {400}),
    "JSON as protobuf": (lambda: json.dumps(as_json(traces(a_span()))).encode(), {}, {400}),
}


def ask(body: bytes, key: str, path: str = "/v1/traces", **more: str) -> Answer:
    answer: Answer = async_to_sync(send)(application, path, body, key, **more)
    return answer


def test_sec_17_hostile_exports_are_refused_with_a_reason() -> None:
    key = make_key("ingest").text
    for name, (make, more, statuses) in HOSTILE.items():
        for path in ("/v1/traces", "/v1/logs"):
            answer = ask(make(), key, path, **more)
            allowed = statuses if path == "/v1/traces" else ALLOWED
            assert answer.status in allowed, (name, path, answer.status, answer.body[:300])
            if answer.status != 200:
                message = answer.json()["message"] if answer.kind == JSON else answer.reason().message
                assert len(message) > 20, name
                assert len(message) < 1000, name
    # Nothing that was let in breaks who reads it.
    reading.read_all()
    assert not TelemetryBatch.objects.exists()


def test_sec_17_judging_takes_little_memory_and_time() -> None:
    """In a process of its own per export: a peak is a process's."""
    code = (
        "import os, resource, sys, time\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'\n"
        "from apps.agents.telemetry import decode\n"
        "kind, data = sys.argv[1], sys.stdin.buffer.read()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "begun = time.process_time()\n"
        "try:\n"
        "    decode.read('traces', data, is_json=kind == 'json', now=time.time_ns())\n"
        "except decode.BadExport:\n"
        "    pass\n"
        "used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "print(used // 1024, time.process_time() - begun)\n"
    )
    for name, (make, more, _) in HOSTILE.items():
        body = make()
        if more is ZIP or len(body) > settings.MC.otlp_max_bytes or len(body) < MIB:
            continue
        command = [sys.executable, "-c", code, "json" if more is AS_JSON else "protobuf"]
        done = subprocess.run(command, input=body, capture_output=True, cwd=settings.BASE_DIR, check=True)
        megabytes, seconds = done.stdout.split()
        assert int(megabytes) < 200, (name, megabytes)
        assert float(seconds) < 5, (name, seconds)


def test_sec_17_nul_and_other_odd_texts_are_kept_in_a_form_that_can_be() -> None:
    key = make_key("ingest").text
    odd = a_span(name="chat\0a\x1b[31m\u202e")
    odd.attributes.add(key="k\0ey").value.string_value = "va\0lue"
    odd.attributes.add(key="gen_ai.agent.name").value.string_value = "a\0gent"
    odd.attributes.add(key="bytes").value.bytes_value = b"\0\xff"
    odd.attributes.add(key="nan").value.double_value = float("nan")
    odd.events.add(name="e\0", time_unix_nano=2**64 - 1).attributes.add(key="\0")
    assert ask(traces(odd, service="ser\0vice").SerializeToString(), key).status == 200
    document = as_json(traces(a_span(name="x")))
    document["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"] = "n\0l"
    assert ask(json.dumps(document).encode(), key, kind=JSON).status == 200
    assert ask(logs("bo\0dy").SerializeToString(), key, "/v1/logs").status == 200
    reading.read_all()
    assert not TelemetryBatch.objects.exists(), "nothing broke"
    names = list(Span.objects.exclude(source="log").values_list("name", flat=True))
    assert len(names) >= 2
    assert not any("\0" in name for name in names)


def test_sec_17_numbers_beyond_every_column_are_taken_without_breaking_anything() -> None:
    key = make_key("ingest").text
    spans = []
    for value in (2**63 - 1, -(2**63), -1):
        span = a_span(name="chat m")
        span.attributes.add(key="gen_ai.operation.name").value.string_value = "chat"
        for name in ("input_tokens", "output_tokens", "cache_read.input_tokens", "cost.amount"):
            span.attributes.add(key=f"gen_ai.usage.{name}").value.int_value = value
        span.attributes.add(key="operation.cost").value.double_value = 1e308 * (1 if value > 0 else -1)
        spans.append(span)
    assert ask(traces(*spans).SerializeToString(), key).status == 200
    reading.read_all()
    assert not TelemetryBatch.objects.exists()
    assert Span.objects.filter(name="chat m").count() == 3


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=8) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["resourceSpans", "resourceLogs", "resource", "scopeSpans", "scopeLogs", "scope", "spans",
         "logRecords", "traceId", "spanId", "name", "kind", "attributes", "key", "value", "stringValue",
         "intValue",
         "doubleValue", "boolValue", "arrayValue", "kvlistValue", "bytesValue", "values", "status", "code",
         "events", "links", "startTimeUnixNano", "timeUnixNano", "body", "severityNumber", "flags"]
    ), inner, max_size=4),
    max_leaves=25,
)  # fmt: skip


def judged(signal: str, data: bytes, is_json: bool) -> decode.Export | None:
    """What is made of it; whatever is kept must be readable by those who read the inbox."""
    try:
        export = decode.read(signal, data, is_json=is_json, now=time.time_ns())
    except decode.BadExport as error:
        return None if str(error) else pytest.fail("no reason")
    if export.items:
        reading.facts_in(signal, export.body)
    return export


@given(data=st.binary(max_size=400), signal=st.sampled_from(["traces", "logs"]), is_json=st.booleans())
@hypothesis_settings(max_examples=300, deadline=None)
def test_sec_17_no_bytes_are_a_server_error(data: bytes, signal: str, is_json: bool) -> None:
    judged(signal, data, is_json)


@given(value=VALUES, signal=st.sampled_from(["traces", "logs"]))
@hypothesis_settings(max_examples=300, deadline=None)
def test_sec_17_no_json_is_a_server_error(value: Any, signal: str) -> None:
    judged(signal, json.dumps(value).encode("utf-8", "replace"), is_json=True)


@given(
    cuts=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=6),
    signal=st.sampled_from(["traces", "logs"]),
)
@hypothesis_settings(max_examples=300, deadline=None)
def test_sec_17_no_damaged_export_is_a_server_error(cuts: list[tuple[int, int]], signal: str) -> None:
    data = bytearray(
        (traces(a_span(), a_span()) if signal == "traces" else logs("a", "b")).SerializeToString()
    )
    for place, byte in cuts:
        data[place % len(data)] = byte
    judged(signal, bytes(data), is_json=False)
