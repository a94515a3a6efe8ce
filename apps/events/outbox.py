"""The bounded queue in front of one socket.

A socket that cannot keep up fills its own queue and is closed with 4408; it then resumes from
the journal. It never slows another down and never takes more than its share of memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

Send = Callable[[str], Coroutine[Any, Any, None]]
Close = Callable[[int, str], Awaitable[None]]

CLOSE_SLOW = 4408
MAX_EVENTS = 1_000
MAX_BYTES = 1024 * 1024
SEND_SECONDS = 10.0
# Ticks are worth sending only to a socket that takes what it is given.
MAX_MESSAGES_BEFORE_TICKS = 4


class Outbox:
    """Takes messages from the feed at once and sends them, in order, as fast as the socket takes them."""

    def __init__(self, send: Send, close: Close, *, resumable: bool, max_events: int = MAX_EVENTS) -> None:
        self.resumable = resumable
        self._max_events = max_events
        self._send = send
        self._close = close
        self._queue: deque[tuple[str, int]] = deque()
        self._events = 0
        self._bytes = 0
        self._more = asyncio.Event()
        self._closing: tuple[int, str] | None = None
        self._idle = False
        self._begun: _Begun | None = None
        self._failure: OSError | None = None

    def offer(self, message: str, events: int) -> None:
        """Queue a message that holds so many events; over the limit, the socket is given up."""
        if self._closing or (self._idle and self._sent_at_once(message, events)):
            return
        self._queue.append((message, events))
        self._events += events
        self._bytes += len(message)
        if self._events > self._max_events or self._bytes > MAX_BYTES:
            self.end(CLOSE_SLOW, "too slow: resume from the last seq")
        self._more.set()

    def _sent_at_once(self, message: str, events: int) -> bool:
        """Send from here when nothing waits: a socket that takes its bytes at once needs no task
        to be woken, which is most of a frame's cost (35 against 15 µs, measured 2026-11)."""
        sending = self._send(message)
        try:
            waits_for = sending.send(None)
        except StopIteration:
            return True
        except OSError as failure:
            self._failure = failure
        else:
            self._begun = _Begun(sending, waits_for, events, len(message))
            self._events += events
            self._bytes += len(message)
        self._idle = False
        self._more.set()
        return True

    def offer_ticks(self, message: str) -> None:
        if len(self._queue) <= MAX_MESSAGES_BEFORE_TICKS:
            self.offer(message, 0)

    def end(self, code: int, reason: str) -> None:
        """Drop what waits and close the socket with this code."""
        if not self._closing:
            self._closing = (code, reason)
            self._queue.clear()
            self._more.set()

    async def send_now(self, message: str) -> None:
        """Send past the queue, for what comes before the queue is run."""
        async with asyncio.timeout(SEND_SECONDS):
            await self._send(message)

    async def run(self) -> None:
        """Empty the queue until the socket is closed; ends by closing it."""
        try:
            while not self._closing:
                self._idle = not self._more.is_set()
                await self._more.wait()
                self._idle = False
                self._more.clear()
                await self._finish_begun()
                while self._queue:
                    message, events = self._queue.popleft()
                    await self.send_now(message)
                    self._events -= events
                    self._bytes -= len(message)
        except TimeoutError:
            self._closing = (CLOSE_SLOW, "too slow: resume from the last seq")
            self._queue.clear()
        if self._closing:
            await self._close(*self._closing)

    async def _finish_begun(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._begun is not None:
            begun, self._begun = self._begun, None
            async with asyncio.timeout(SEND_SECONDS):
                await begun
            self._events -= begun.events
            self._bytes -= begun.bytes


class _Begun:
    """A coroutine that was begun outside a task and came to wait: awaiting this goes on with it."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], waits_for: Any, events: int, size: int) -> None:
        self.events = events
        self.bytes = size
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        waits_for = self._waits_for
        try:
            while True:
                try:
                    answer = yield waits_for
                except BaseException as error:
                    waits_for = self._coroutine.throw(error)
                else:
                    waits_for = self._coroutine.send(answer)
        except StopIteration:
            return
