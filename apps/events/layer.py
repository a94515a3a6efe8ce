"""The doorbell: tells every web process that a journal has new lines, and carries live ticks.

Nothing here is the truth. A message may be lost, doubled or late; the hubs read the journal
whenever the numbers say so. Publishing therefore never waits, never raises into its caller and
drops what it cannot deliver.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from apps.events.journal import StoredEvent

logger = logging.getLogger(__name__)

GROUP = "feed"
LAYER_ERRORS = (OSError, TimeoutError, RedisError, ChannelFull)
MAX_WAITING = 10_000
MAX_BATCH = 200
SEND_SECONDS = 2.0
REST_SECONDS = 1.0
# Beyond this the message is only a doorbell and the hubs read the journal.
MAX_EVENTS_BYTES = 256 * 1024


def publish(project_id: UUID, first: int, last: int, events: Sequence[StoredEvent]) -> None:
    """Tell the hubs that `first … last` of the project's journal are committed."""
    message: dict[str, Any] = {"kind": "events", "project": str(project_id), "first": first, "last": last}
    encoded = orjson.dumps([_wire(event) for event in events])
    if len(encoded) <= MAX_EVENTS_BYTES:
        message["events"] = encoded
    _publisher.send(message)


def push(project_id: UUID, message: dict[str, Any]) -> None:
    """Send a tick: telemetry that is not journalled. Hubs keep the latest per type and first
    `…_id`, and join the `lines` of those that have any."""
    _publisher.send({"kind": "tick", "project": str(project_id), "tick": orjson.dumps(message)})


def push_all(project_id: UUID, messages: Sequence[dict[str, Any]]) -> None:
    """Send many ticks as one message."""
    _publisher.send({"kind": "ticks", "project": str(project_id), "ticks": orjson.dumps(messages)})


def ring(topic: str) -> None:
    """Tell the listeners of every web process that something about `topic` is worth a look."""
    _publisher.send({"kind": "ring", "topic": topic})


def on_ring(listener: Callable[[str], None]) -> None:
    """Have `listener(topic)` called, on the server's loop, for every ring that arrives."""
    _listeners.append(listener)


def rung(topic: str) -> None:
    """The hub heard a ring."""
    for listener in _listeners:
        listener(topic)


def own(loop: asyncio.AbstractEventLoop, here: Callable[[dict[str, Any]], None]) -> None:
    """Have this server's loop do the sending, instead of a thread of our own.

    `here(message)` is called on the loop for every message of this process, before it travels:
    whoever got a 2xx from this process sees the change in the next answer of this process.
    """
    _publisher.own(loop, here)


def disown(loop: asyncio.AbstractEventLoop) -> None:
    _publisher.disown(loop)


def channels() -> Any:
    """The configured channel layer; its stubs do not know groups and flush."""
    return get_channel_layer()


def _wire(event: StoredEvent) -> list[Any]:
    return [event.seq, event.kind, event.entity, event.entity_id, event.payload, event.at]


class Publisher:
    """Collects messages from any thread and sends them from the one loop that owns the layer.

    A loop per call, as `async_to_sync(group_send)` has it, costs a TCP connection and 2.25 ms
    (measured 2026-11). So one loop lives as long as the process: the server's where there is one,
    else that of a daemon thread, started by the first message and again after a fork.

    At the process's end the thread sends what waits and ends before the interpreter does: a
    management command's changes are on screens at once, and no thread is torn down within a
    library's native code, which aborts the process ("FATAL: exception not rethrown").
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[dict[str, Any]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._own: tuple[threading.Thread, asyncio.AbstractEventLoop] | None = None
        self._here: Callable[[dict[str, Any]], None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = False
        self._rest_until = 0.0

    def own(self, loop: asyncio.AbstractEventLoop, here: Callable[[dict[str, Any]], None]) -> None:
        with self._lock:
            self._loop = loop
            self._here = here
            self._sending = False

    def disown(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            if self._loop is loop:
                self._loop = self._here = None
                self._sending = False
                self._waiting.clear()

    def send(self, message: dict[str, Any]) -> None:
        self._tell_here(message)
        with self._lock:
            if len(self._waiting) >= MAX_WAITING or time.monotonic() < self._rest_until:
                return
            self._waiting.append(message)
            if self._sending:
                return
            self._sending = True
            loop = self._loop or self._start_thread()
        try:
            loop.call_soon_threadsafe(self._start_sending)
        except RuntimeError:  # the loop was closed under us; the next message finds another
            self.disown(loop)

    def _tell_here(self, message: dict[str, Any]) -> None:
        with self._lock:
            loop, here = self._loop, self._here
        if loop is not None and here is not None and not loop.is_closed():
            loop.call_soon_threadsafe(here, message)

    def _start_thread(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._run, args=[loop], name="events-publisher", daemon=True)
        thread.start()
        self._own = thread, loop
        self._loop = loop
        return loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_forever()
            loop.run_until_complete(self._send_the_rest())
        finally:
            with suppress(*LAYER_ERRORS):  # closing says good-bye to Redis, which may be gone
                loop.close()

    async def _send_the_rest(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=SEND_SECONDS)

    def end(self) -> None:
        """Have a thread of our own send what waits, for `SEND_SECONDS` at most, and end it."""
        with self._lock:
            own, self._own = self._own, None
            if own and self._loop is own[1]:
                self._loop = None
        if own:
            thread, loop = own
            loop.call_soon_threadsafe(loop.stop)
            thread.join(2 * SEND_SECONDS)

    def _start_sending(self) -> None:
        task = asyncio.get_running_loop().create_task(self._send_waiting())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_waiting(self) -> None:
        while batch := self._take():
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    await channels().group_send(GROUP, {"type": "feed", "messages": batch})
            except LAYER_ERRORS as error:
                self._rest(error)

    def _take(self) -> list[dict[str, Any]]:
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
            if not batch:
                self._sending = False
            return batch

    def _rest(self, error: Exception) -> None:
        """Drop what waits and stay silent for a while: a layer that is down is not helped by more."""
        with self._lock:
            self._waiting.clear()
            self._rest_until = time.monotonic() + REST_SECONDS
        logger.warning("channel layer unreachable, live messages dropped: %s", type(error).__name__)


_listeners: list[Callable[[str], None]] = []
_publisher = Publisher()
atexit.register(_publisher.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_publisher._begin)
