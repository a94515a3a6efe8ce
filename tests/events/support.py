"""A hub on a loop of its own thread, as in a web process, for tests that write from theirs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

import orjson

from apps.events import layer
from apps.events.feed import Feed
from apps.events.hub import Hub
from apps.events.outbox import Outbox

T = TypeVar("T")

SECONDS = 10.0


class HubThread:
    """`with running_hub(Hub(...)) as live: live.run(live.hub.feed(project_id))`."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(SECONDS)

    def until(self, holds: Callable[[], bool], what: str = "the condition") -> None:
        """Wait, on the hub's loop, until it holds."""

        async def wait() -> None:
            async with asyncio.timeout(SECONDS):
                while not holds():  # noqa: ASYNC110  (any condition, nobody announces it)
                    await asyncio.sleep(0.002)

        try:
            self.run(wait())
        except TimeoutError:
            raise AssertionError(f"{what} did not come about within {SECONDS:g} s") from None

    def drained(self) -> None:
        """Return when everything published so far has been handed to the layer and heard."""
        self.until(lambda: not layer._publisher._sending and not layer._publisher._waiting)
        self.run(_echoed(self.hub))

    def go_deaf(self) -> None:
        """From now on every doorbell is lost, those of this process too."""
        self.drained()
        layer.own(self.loop, lambda message: None)
        self.run(layer.channels().group_discard(layer.GROUP, self.hub._channel))

    def hear(self) -> None:
        """The end of `go_deaf`; what was rung meanwhile stays lost."""
        self.drained()
        self.run(layer.channels().group_add(layer.GROUP, self.hub._channel))
        layer.own(self.loop, self.hub._take)

    def feed(self, project_id: UUID) -> Feed:
        return self.run(self.hub.feed(project_id))


async def _echoed(hub: Hub) -> None:
    """A message of our own comes back, so all before it have been heard."""
    before = hub._heard_at
    async with asyncio.timeout(SECONDS):
        await layer.channels().send(hub._channel, {"type": "echo"})
        while hub._heard_at == before:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


@contextmanager
def running_hub(hub: Hub) -> Iterator[HubThread]:
    live = HubThread(hub)
    live._thread.start()
    try:
        live.run(hub.start())
        live.until(lambda: hub.is_live, "the hub's own echo")
        yield live
    finally:
        live.run(hub.stop())
        live.loop.call_soon_threadsafe(live.loop.stop)
        live._thread.join(SECONDS)
        live.loop.close()


class Wire:
    """Stands where a socket would: keeps what is sent, can be made to take nothing."""

    def __init__(self, *, resumable: bool = True, max_events: int = 1_000) -> None:
        self.frames: list[dict[str, Any]] = []
        self.messages: list[str] = []
        self.closed: int | None = None
        self.on_frame: Callable[[dict[str, Any]], Awaitable[None]] | None = None
        self.takes = asyncio.Event()
        self.takes.set()
        self.outbox = Outbox(self._send, self._close, resumable=resumable, max_events=max_events)
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.task = asyncio.get_running_loop().create_task(self.outbox.run())

    async def take(self, message: str) -> None:
        self.messages.append(message)
        body = orjson.loads(message)
        for frame in body if isinstance(body, list) else [body]:
            self.frames.append(frame)
            if self.on_frame:
                await self.on_frame(frame)

    async def _send(self, message: str) -> None:
        await self.takes.wait()
        if self.closed is None:
            await self.take(message)

    async def _close(self, code: int, reason: str) -> None:
        self.closed = code

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame.get("type") == kind]


async def attach(hub: Hub, project_id: UUID, wire: Wire) -> Feed:
    feed = await hub.feed(project_id)
    feed.attach(wire.outbox)
    wire.start()
    return feed
