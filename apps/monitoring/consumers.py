"""The dashboard socket: the plain protocol and the resumable one, over the process's one hub.

A refusal before accept reaches a browser as a bare 1006, so sockets are accepted and then closed
with a code that says why. Only a foreign or missing origin is refused outright (HTTP 403).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from django.db import DatabaseError

from apps.accounts.principal import NoProjectError, Principal, UnknownProjectError, in_project
from apps.events import frames
from apps.events.feed import Feed
from apps.events.outbox import CLOSE_SLOW, Outbox
from apps.monitoring import greeting, live
from apps.monitoring.greeting import Hello, Refused
from apps.monitoring.sockets import sockets

logger = logging.getLogger(__name__)

HELLO_SECONDS = 5.0
# How long a peer that stopped reading may take to read the reason.
CLOSE_SECONDS = 10.0
UNAUTHENTICATED = 4401
FORBIDDEN = 4403
PROTOCOL = 4409
RATE = 4429
TRY_LATER = 1013
CONNECTED = {"type": "connection", "message": "Connected to dashboard"}
PONG = frames.encode({"type": "pong"})


class DashboardConsumer(AsyncConsumer):
    # No channel of the layer per socket: the hub has one for the whole process.
    channel_layer_alias = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.principal: Principal | None = None
        self.feed: Feed | None = None
        self.outbox: Outbox | None = None
        self.rate = greeting.Rate()
        self.closed = False
        self.base_send: Any = None
        self.waiting: asyncio.TimerHandle | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()

    async def dispatch(self, message: Mapping[str, Any]) -> None:
        """Without the stock dispatcher's database housekeeping, which costs a thread hop a frame."""
        match message["type"]:
            case "websocket.connect":
                await self._guarded(self._connect())
            case "websocket.receive":
                await self._guarded(self._receive(message.get("text")))
            case "websocket.disconnect":
                self._leave()
                raise StopConsumer

    async def _guarded(self, step: Any) -> None:
        try:
            await step
        except OSError:  # the peer went away while something was sent to it
            self._leave()
        except Refused as refused:
            await self._close(PROTOCOL, str(refused))
        except (DatabaseError, TimeoutError) as error:
            logger.warning("dashboard socket: %s", type(error).__name__)
            await self._close(TRY_LATER, "the database does not answer")

    # Coming in

    async def _connect(self) -> None:
        headers = greeting.headers_of(self.scope)
        offered = list(self.scope.get("subprotocols") or [])
        if not greeting.may_connect(headers):
            logger.warning("dashboard socket refused: origin %.200r", headers.get("origin"))
            self.closed = True
            await self.base_send({"type": "websocket.close"})
            return
        chosen = greeting.SUBPROTOCOL if greeting.SUBPROTOCOL in offered else None
        await self.base_send({"type": "websocket.accept", "subprotocol": chosen})
        named = "authorization" in headers or any(o.startswith(greeting.TICKET_PREFIX) for o in offered)
        if named:
            if await self._enter(await greeting.caller_of(headers, offered)):
                await self._start_plain()
        else:
            self.waiting = asyncio.get_running_loop().call_later(HELLO_SECONDS, self._hello_is_late)

    def _hello_is_late(self) -> None:
        if self.principal is None:
            self._spawn(self._close(UNAUTHENTICATED, "no credentials within five seconds"))

    async def _receive(self, text: str | None) -> None:
        if self.closed:
            return
        if not self.rate.take():
            await self._close(RATE, "too many frames")
            return
        frame = greeting.parse(text)
        match frame["type"]:
            case "hello":
                await self._hello(greeting.parse_hello(frame))
            case "authenticate" if self.principal is None:
                ticket = greeting.text_of(frame, "ticket")
                if await self._enter(await greeting.caller_of_ticket(ticket)):
                    await self._start_plain()
            case "ping" if self.outbox is not None:
                self.outbox.offer(PONG, 0)
            case _ if self.principal is None:
                await self._close(UNAUTHENTICATED, "the first frame must be hello or authenticate")

    async def _enter(self, principal: Principal | None) -> bool:
        """Become this caller, or close."""
        if self.waiting is not None:
            self.waiting.cancel()
        if principal is None:
            await self._close(UNAUTHENTICATED, "credentials are missing, wrong or used up")
        elif not self.closed and sockets.enter(principal, self):
            self.principal = principal
            return True
        else:
            await self._close(RATE, "too many sockets are open")
        return False

    async def _start_plain(self) -> None:
        assert self.principal is not None
        hub = await live.start()
        feed = await hub.feed(self.principal.project_id)
        outbox = self._outbox(resumable=False)
        outbox.offer(frames.encode(CONNECTED), 0)
        self._attached(feed, outbox)
        feed.attach(outbox)
        self._spawn(outbox.run())

    async def _hello(self, hello: Hello) -> None:
        if self.principal is None:
            await self._enter(await greeting.caller_of_ticket(hello.ticket))
        elif hello.ticket is not None:
            raise Refused("hello: this socket has its credentials already")
        await self._resume(hello)

    async def _resume(self, hello: Hello) -> None:
        if self.principal is None or self.closed:
            return
        try:
            in_wanted = in_project(self.principal, hello.project)
        except (UnknownProjectError, NoProjectError):
            await self._close(FORBIDDEN, "not a member of this project")
            return
        self._move_to(in_wanted)
        await self._start_resumable(hello)

    def _move_to(self, principal: Principal) -> None:
        if self.principal is not None and principal != self.principal:
            sockets.leave(self.principal, self)
            sockets.enter(principal, self)
            self.principal = principal

    async def _start_resumable(self, hello: Hello) -> None:
        assert self.principal is not None
        self._detach()
        hub = await live.start()
        outbox = self._outbox(resumable=True)
        feed, first = await hub.resume(self.principal.project_id, outbox, epoch=hello.epoch, seq=hello.seq)
        self._attached(feed, outbox)
        try:
            for message in first:
                await outbox.send_now(message)
        except TimeoutError:
            outbox.end(CLOSE_SLOW, "too slow: resume from the last seq")
        self._spawn(outbox.run())

    # Going out

    def _outbox(self, *, resumable: bool) -> Outbox:
        return Outbox(self._send, self._close, resumable=resumable)

    def _attached(self, feed: Feed, outbox: Outbox) -> None:
        self.feed, self.outbox = feed, outbox

    async def _send(self, text: str) -> None:
        if not self.closed:
            await self.base_send({"type": "websocket.send", "text": text})

    def revoke(self) -> None:
        if self.outbox is not None:
            self.outbox.end(UNAUTHENTICATED, "credentials are no longer valid")
        else:
            self._spawn(self._close(UNAUTHENTICATED, "credentials are no longer valid"))

    async def _close(self, code: int, reason: str) -> None:
        if self.closed:
            return
        self.closed = True
        self._leave()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.base_send({"type": "websocket.close", "code": code, "reason": reason})
        except TimeoutError:
            self._abort()

    def _abort(self) -> None:
        """A peer that reads nothing does not read a close frame either: drop the connection.

        ASGI has no word for it, so this asks the server's own transport where there is one.
        """
        transport = getattr(getattr(self.base_send, "__self__", None), "transport", None)
        if transport is not None:
            transport.abort()

    def _leave(self) -> None:
        self.closed = True
        if self.waiting is not None:
            self.waiting.cancel()
        self._detach()
        if self.principal is not None:
            sockets.leave(self.principal, self)

    def _detach(self) -> None:
        if self.feed is not None and self.outbox is not None:
            self.feed.detach(self.outbox)
            self.feed = None
        current = asyncio.current_task()
        for task in list(self.tasks):
            if task is not current:
                task.cancel()
        self.outbox = None

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._quietly(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _quietly(self, work: Any) -> None:
        """A socket that went away while something was being sent is no error."""
        try:
            await work
        except OSError:
            self._leave()
