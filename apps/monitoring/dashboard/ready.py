"""Answers the dashboard's four GETs from memory, before Django's stack is entered.

Only the good case is handled here. Whatever is unusual (no or bad credentials, a wrong limit,
another method) goes on to Django's views, which give the same bytes and all the errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.db import DatabaseError
from django.http.request import split_domain_port, validate_host

from apps.accounts.principal import NoProjectError, Principal, UnknownProjectError, authenticate
from apps.events.feed import Feed
from apps.monitoring import live
from apps.monitoring.dashboard.state import DEFAULT_LIMIT, Answer, Dashboard, PartName

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PREFIX = "/api/v1/monitoring/dashboard/"
PARTS: dict[str, PartName] = {
    f"{PREFIX}stats/": "stats",
    f"{PREFIX}agents/": "agents",
    f"{PREFIX}workflows/": "workflows",
    f"{PREFIX}snapshot/": "snapshot",
}
MAX_LIMIT = 100
COMPRESS_HERE_BYTES = 64 * 1024


class ReadyDashboard:
    """ASGI. `headers` are those that every API response of the site carries."""

    def __init__(self, app: AsgiApp, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        self.app = app
        self.headers: Headers = [*headers, (b"vary", b"Authorization, X-Project, Accept-Encoding")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        part = PARTS.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "GET" else None
        if part is None or not await self._answer(part, scope, send):
            await self.app(scope, receive, send)

    async def _answer(self, part: PartName, scope: Scope, send: Send) -> bool:
        given = dict(scope["headers"])
        limit = parse_limit(scope["query_string"]) if part == "workflows" else DEFAULT_LIMIT
        if limit is None or not _accepts_json(given.get(b"accept", b"")) or not _is_our_host(given):
            return False
        try:
            principal = await _caller(given)
            if principal is None or not principal.can("read"):
                return False
            feed = await _feed(principal)
        except (UnknownProjectError, NoProjectError, DatabaseError):
            return False
        if part == "snapshot":
            feed.flush()  # so that no later event is merged with one that is in this snapshot
        dashboard = feed.view
        assert isinstance(dashboard, Dashboard)
        answer = dashboard.answer(part, limit)
        await self._send(answer, dashboard, given, send)
        return True

    async def _send(
        self, answer: Answer, dashboard: Dashboard, given: dict[bytes, bytes], send: Send
    ) -> None:
        headers: Headers = [
            *self.headers,
            (b"etag", answer.etag.encode()),
            (b"x-journal-epoch", str(dashboard.epoch).encode()),
            (b"x-journal-seq", b"%d" % dashboard.seq),
        ]
        if matches(given.get(b"if-none-match", b"").decode("latin-1"), answer.etag):
            await _respond(send, 304, headers, b"")
            return
        body = answer.body
        if answer.worth_compressing and b"gzip" in given.get(b"accept-encoding", b""):
            body = await _compressed(answer)
            headers.append((b"content-encoding", b"gzip"))
        headers.append((b"content-type", b"application/json"))
        await _respond(send, 200, headers, body)


def parse_limit(query: bytes) -> int | None:
    """`limit` of the query string: 1 to 100, 10 when it is absent, None when it is anything else."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    values = [value for name, value in pairs if name == "limit"]
    if not values:
        return DEFAULT_LIMIT
    text = values[-1]
    if (
        not (text.isascii() and text.isdigit())
        or len(text) > len(str(MAX_LIMIT))
        or not 1 <= int(text) <= MAX_LIMIT
    ):
        return None
    return int(text)


def matches(if_none_match: str, etag: str) -> bool:
    """The weak comparison of RFC 9110."""
    wanted = etag.removeprefix("W/")
    given = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return "*" in given or wanted in given


def _is_our_host(given: dict[bytes, bytes]) -> bool:
    name, _ = split_domain_port(given.get(b"host", b"").decode("latin-1"))
    return validate_host(name, settings.ALLOWED_HOSTS)


def _accepts_json(accept: bytes) -> bool:
    return not accept or any(kind in accept for kind in (b"*/*", b"application/json", b"application/*"))


async def _caller(given: dict[bytes, bytes]) -> Principal | None:
    header = given.get(b"authorization")
    if header is None:
        return None
    project = given.get(b"x-project", b"").decode("latin-1")
    return await authenticate(header.decode("latin-1"), project or None)


async def _feed(principal: Principal) -> Feed:
    hub = await live.start()
    return hub.ready_feed(principal.project_id) or await hub.feed(principal.project_id)


async def _compressed(answer: Answer) -> bytes:
    if answer.is_compressed or len(answer.body) <= COMPRESS_HERE_BYTES:
        return answer.gzipped()
    return await asyncio.to_thread(answer.gzipped)


async def _respond(send: Send, status: int, headers: Headers, body: bytes) -> None:
    if status != 304:
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
