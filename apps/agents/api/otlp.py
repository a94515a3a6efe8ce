"""OTLP over HTTP: `/v1/traces`, `/v1/logs` and, taken and ignored, `/v1/metrics`; also below `/otlp`.

In front of Django, with its own limits. An export is judged and committed as it came, then answered;
the engine reads it. Statuses are those of the OTLP specification: senders repeat what got 429 or
503, and drop what got any other error.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import orjson
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from django.http.request import split_domain_port, validate_host
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from apps.accounts.principal import NoProjectError, Principal, UnknownProjectError, authenticate
from apps.agents.telemetry import decode, inbox, pokes
from apps.agents.telemetry.quotas import Quotas
from apps.agents.telemetry.wire import varint

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

METRICS = "metrics"
SIGNALS = {
    f"{prefix}/v1/{signal}{slash}": signal
    for prefix in ("", "/otlp")
    for signal in (decode.TRACES, decode.LOGS, METRICS)
    for slash in ("", "/")
}
PROTOBUF, JSON = "application/x-protobuf", "application/json"
GZIP_MAGIC = b"\x1f\x8b"
# google.rpc.Code by HTTP status.
CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 8, 415: 3, 429: 8, 503: 14}
BODY_SECONDS = 30.0
DRAIN_SECONDS = 10.0
DRAINED_BODIES = 4
BUSY_SECONDS = 1
BACKLOG_SECONDS = 5
DECODERS = 2
# Bodies that are held at the same time, in multiples of the largest one.
HELD_BODIES = 8


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one request, of one key, and of what waits to be read of one project."""

    max_bytes: int
    items_per_second: float
    bytes_per_second: float
    backlog_bytes: int


class Refused(Exception):
    """The answer is an error: `status`, a sentence, and for 429 and 503 when to come back."""

    def __init__(self, status: int, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after


class OtlpDoor:
    """ASGI. `headers` are those that every API response of the site carries."""

    def __init__(self, app: AsgiApp, limits: Limits, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        self.app = app
        self.limits = limits
        self.headers = headers
        self.quotas = Quotas(limits.items_per_second, limits.bytes_per_second)
        self.backlog = inbox.Backlog()
        self._held = 0
        # Threads of their own: hostile bodies must not keep the dashboards' reads waiting.
        self._threads = ThreadPoolExecutor(DECODERS, thread_name_prefix="otlp")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        signal = SIGNALS.get(scope["path"]) if scope["type"] == "http" else None
        if signal is None:
            await self.app(scope, receive, send)
            return
        given = dict(scope["headers"])
        kind = _media_type(given)
        host = given.get(b"host", (scope.get("server") or ("",))[0].encode()).decode("latin-1")
        body = _Body(receive, self.limits.max_bytes, self._hold)
        try:
            if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
                raise Refused(400, "This server is not known by that name; see ALLOWED_HOSTS.")
            answer = await self._take(signal, scope["method"], given, kind, body)
        except Refused as refused:
            # Read to the end: a sender whose connection breaks while it writes never sees the answer,
            # and sends again.
            await body.drain()
            await self._send(send, refused.status, kind, _status(kind, refused), refused, body.is_read)
        except Disconnected:
            return
        else:
            await self._send(send, 200, kind, answer, None, body.is_read)
        finally:
            self._held -= body.held

    def _hold(self, size: int) -> None:
        if self._held + size > self.limits.max_bytes * HELD_BODIES:
            raise Refused(503, "Too much telemetry arrives at once; try again shortly.", BUSY_SECONDS)
        self._held += size

    async def _take(
        self, signal: str, method: str, given: dict[bytes, bytes], kind: str, body: _Body
    ) -> bytes:
        if method != "POST":
            raise Refused(405, "Telemetry is sent with POST.")
        principal = await _sender(given)
        if kind not in (PROTOBUF, JSON):
            raise Refused(415, f"The Content-Type must be {PROTOBUF} or {JSON}.")
        encoding = given.get(b"content-encoding", b"").decode("latin-1").strip().lower()
        if encoding not in ("", "identity", "gzip"):
            raise Refused(415, "The Content-Encoding must be gzip or absent.")
        wait = self.quotas.wait(principal.identity)
        if wait:
            raise Refused(429, "This key sends more telemetry than its share; wait a little.", wait)
        data = await body.read(given)
        call = (self._keep, signal, data, encoding == "gzip", kind == JSON, principal)
        export = await asyncio.get_running_loop().run_in_executor(self._threads, _on_thread, *call)
        if export.items:
            pokes.here()
            pokes.everywhere()
        return _answer(signal, kind, export)

    def _keep(
        self, signal: str, data: bytes, is_gzip: bool, is_json: bool, principal: Principal
    ) -> decode.Export:
        """On a thread: unpack, judge, commit."""
        size = len(data)
        export = decode.Export(signal, b"", 0)
        try:
            if is_gzip and data:
                data = inflate(data, self.limits.max_bytes)
                size = max(size, len(data))
            if data and signal != METRICS:
                export = decode.read(signal, data, is_json=is_json, now=time.time_ns())
        except decode.BadExport as error:
            raise Refused(400, str(error)) from None
        finally:
            self.quotas.charge(principal.identity, items=export.items + export.refused, size=size)
        try:
            if export.items:
                if self.backlog.look(principal.project_id).is_over(self.limits.backlog_bytes):
                    raise Refused(503, "Telemetry waits to be stored; come back later.", BACKLOG_SECONDS)
                inbox.put(principal.project_id, principal.agent_id, export, key_id=principal.key_id)
        except DatabaseError as error:
            logger.warning("telemetry was not kept: %s", type(error).__name__)
            raise Refused(503, "The database refuses; try again shortly.", BACKLOG_SECONDS) from None
        return export

    async def _send(
        self, send: Send, status: int, kind: str, body: bytes, refused: Refused | None, is_read: bool
    ) -> None:
        headers = [
            *self.headers,
            (b"content-type", (PROTOBUF if kind == PROTOBUF else JSON).encode()),
            (b"content-length", b"%d" % len(body)),
        ]
        if refused is not None and refused.retry_after:
            headers.append((b"retry-after", b"%d" % max(1, math.ceil(refused.retry_after))))
        if status == 405:
            headers.append((b"allow", b"POST"))
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        if not is_read:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Disconnected(Exception):
    """The sender hung up before its request was whole."""


class _Body:
    """The request's body, at most `limit` bytes of it, within a bounded time.

    `hold(size)` is asked before so many bytes are kept; `held` is what it allowed.
    """

    def __init__(self, receive: Receive, limit: int, hold: Callable[[int], None]) -> None:
        self._receive = receive
        self._limit = limit
        self._hold = hold
        self._seen = 0
        self.held = 0
        self.is_read = False

    async def read(self, given: dict[bytes, bytes]) -> bytes:
        announced = given.get(b"content-length", b"0")
        if not announced.isdigit() or len(announced) > 18 or int(announced) > self._limit:
            raise self._too_large()
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while not self.is_read:
                    part = await self._next()
                    if self._seen > self._limit:
                        raise self._too_large()
                    self._hold(len(part))
                    self.held += len(part)
                    parts.append(part)
        except TimeoutError:
            raise Refused(408, f"The body did not arrive within {BODY_SECONDS:.0f} seconds.") from None
        return b"".join(parts)

    async def drain(self) -> None:
        """Let what is left of it pass, unless it is far too much or too slow."""
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while not self.is_read and self._seen <= self._limit * DRAINED_BODIES:
                    await self._next()
        except (TimeoutError, Disconnected):
            return

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part: bytes = message.get("body", b"")
        self._seen += len(part)
        self.is_read = not message.get("more_body", False)
        return part

    def _too_large(self) -> Refused:
        return Refused(413, f"The body is larger than {self._limit} bytes; send smaller batches.")


def inflate(data: bytes, limit: int) -> bytes:
    """Undo one gzip layer, stopping at `limit` bytes however much there would be. Raises Refused."""
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        plain = inflater.decompress(data, limit + 1)
    except zlib.error:
        raise Refused(400, "The body is not gzip although Content-Encoding says so.") from None
    if len(plain) > limit:
        raise Refused(413, f"The body unpacks to more than {limit} bytes; send smaller batches.")
    if not inflater.eof or inflater.unused_data:
        raise Refused(400, "The gzip body is cut off or followed by something else.")
    if plain.startswith(GZIP_MAGIC):
        raise Refused(400, "The body is gzip inside gzip, which is refused.")
    return plain


def _on_thread(call: Callable[..., decode.Export], *args: Any) -> decode.Export:
    close_old_connections()
    try:
        return call(*args)
    finally:
        close_old_connections()


async def _sender(given: dict[bytes, bytes]) -> Principal:
    header = given.get(b"authorization", b"").decode("latin-1")
    if not header:
        raise Refused(401, "Send the header Authorization: Bearer mc_… with a key that may send telemetry.")
    project = given.get(b"x-project", b"").decode("latin-1")
    try:
        principal = await authenticate(header, project or None)
    except UnknownProjectError:
        raise Refused(404, "The key belongs to another project.") from None
    except NoProjectError:
        raise Refused(403, str(NoProjectError.__doc__)) from None
    except DatabaseError:
        raise Refused(503, "The database refuses; try again shortly.", BACKLOG_SECONDS) from None
    if principal is None:
        raise Refused(401, "This key is not known here, was revoked, or has expired.")
    if not principal.can("ingest"):
        raise Refused(403, "Telemetry needs an API key with the scope ingest.")
    return principal


def _media_type(given: dict[bytes, bytes]) -> str:
    return given.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()


def _answer(signal: str, kind: str, export: decode.Export) -> bytes:
    """The response message; without its partial success when all was taken."""
    if not export.refused:
        return b"{}" if kind == JSON else b""
    if kind == JSON:
        name = "rejectedSpans" if signal == decode.TRACES else "rejectedLogRecords"
        return orjson.dumps({"partialSuccess": {name: str(export.refused), "errorMessage": export.message}})
    if signal == decode.TRACES:
        spans = ExportTraceServiceResponse()
        spans.partial_success.rejected_spans = export.refused
        spans.partial_success.error_message = export.message
        return spans.SerializeToString()
    logs = ExportLogsServiceResponse()
    logs.partial_success.rejected_log_records = export.refused
    logs.partial_success.error_message = export.message
    return logs.SerializeToString()


def _status(kind: str, refused: Refused) -> bytes:
    """google.rpc.Status in the request's encoding, JSON where that is none of ours."""
    code = CODES[refused.status]
    if kind != PROTOBUF:
        return orjson.dumps({"code": code, "message": refused.message})
    text = refused.message.encode()
    return b"\x08" + varint(code) + b"\x12" + varint(len(text)) + text
