"""The bounded queue in front of one socket.

A socket that cannot keep up fills its own queue and is closed with 4408; it then resumes from
the journal. It never slows another down and never takes more than its share of memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

Send = Callable[[str], Awaitable[None]]
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

    def offer(self, message: str, events: int) -> None:
        """Queue a message that holds so many events; over the limit, the socket is given up."""
        if self._closing:
            return
        self._queue.append((message, events))
        self._events += events
        self._bytes += len(message)
        if self._events > self._max_events or self._bytes > MAX_BYTES:
            self.end(CLOSE_SLOW, "too slow: resume from the last seq")
        self._more.set()

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
                await self._more.wait()
                self._more.clear()
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
