"""The long poll for work, in front of Django: a caller who waits holds no thread and no connection.

Inside Django's synchronous middleware even an asynchronous view keeps one thread per request.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import nullcontext
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from django.db import DatabaseError

from apps.accounts.principal import NoProjectError, Principal, UnknownProjectError, authenticate
from apps.accounts.watch import watch
from apps.agents import wakeups
from apps.agents.api.pull import LOOK_SECONDS, MOST_WAIT_SECONDS

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

CLAIMS = re.compile(r"/api/v1/agents/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/claims/")


class LongPoll:
    """ASGI. Asks Django without waiting, again at every ring, until there is work or time is up."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        agent_id = _agent(scope)
        wait = _wait(scope) if agent_id else 0.0
        if agent_id is None or not wait:
            await self.app(scope, receive, send)
            return
        body = await _body(receive)
        if body is None:
            return
        principal = await _caller(scope)
        if principal is None:
            wait = 0.0  # Django says what is wrong with its credentials
        gone = asyncio.ensure_future(receive())
        try:
            with watch.lost(principal) if principal else nullcontext(gone) as lost:
                for message in await self._answer(agent_id, scope, body, wait, gone, lost):
                    await send(message)
        finally:
            gone.cancel()

    async def _answer(
        self,
        agent_id: UUID,
        scope: MutableMapping[str, Any],
        body: bytes,
        wait: float,
        gone: asyncio.Future[Message],
        lost: asyncio.Future[Any],
    ) -> list[Message]:
        """The messages of the last look; none when the caller has hung up. When the credentials are
        lost meanwhile, the next look is the last: it says so."""
        deadline = time.monotonic() + wait
        with wakeups.waiting(agent_id) as rung:
            while not gone.done():
                rung.clear()
                answer = await self._look(scope, body)
                rest = deadline - time.monotonic()
                if answer[0]["status"] != 204 or rest <= 0:
                    return answer
                ring = asyncio.ensure_future(rung.wait())
                ends: set[asyncio.Future[Any]] = {ring, gone, lost}
                await asyncio.wait(ends, timeout=min(rest, LOOK_SECONDS), return_when=asyncio.FIRST_COMPLETED)
                ring.cancel()
        return []

    async def _look(self, scope: MutableMapping[str, Any], body: bytes) -> list[Message]:
        sent: list[Message] = []
        asked = False

        async def receive() -> Message:
            nonlocal asked
            if asked:  # Django listens for the end of the connection, which is ours to notice
                await asyncio.Event().wait()
            asked = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app({**scope, "query_string": b"wait=0"}, receive, send)
        return sent


async def _caller(scope: MutableMapping[str, Any]) -> Principal | None:
    """Who waits; None when its credentials are not good or cannot be checked now."""
    given = {name: value.decode("latin-1") for name, value in scope["headers"]}
    try:
        return await authenticate(given.get(b"authorization", ""), given.get(b"x-project") or None)
    except (UnknownProjectError, NoProjectError, DatabaseError):
        return None


def _agent(scope: MutableMapping[str, Any]) -> UUID | None:
    if scope["type"] != "http" or scope["method"] != "POST":
        return None
    found = CLAIMS.fullmatch(scope["path"])
    return UUID(found[1]) if found else None


def _wait(scope: MutableMapping[str, Any]) -> float:
    """Seconds to wait; 0 for what Django is to answer at once, a senseless value included."""
    text = parse_qs(scope["query_string"].decode("latin-1")).get("wait", ["0"])[-1]
    sensible = text.isascii() and text.isdigit() and len(text) <= 2 and int(text) <= MOST_WAIT_SECONDS
    return float(text) if sensible else 0.0


async def _body(receive: Receive) -> bytes | None:
    """The whole body, which is bounded further out; None when the caller hangs up meanwhile."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
