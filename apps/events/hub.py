"""The one hub of a web process: a single subscription to the layer, and a feed per project in use.

The layer only rings; the journal is the truth. The hub hears its own echo through the layer to
know that the bell works, and looks at the journal's heads once a second for when it does not.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import DatabaseError

from apps.events import frames, journal, layer
from apps.events.feed import CLOSE_RESTART, Feed, Loader, Plain
from apps.events.journal import StoredEvent
from apps.events.outbox import Outbox
from apps.events.threads import in_thread

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
ECHO_SECONDS = 1.0
DEAF_SECONDS = 3.5
RETRY_SECONDS = 1.0
IDLE_SECONDS = 120.0
REFRESH_SECONDS = 300.0
GOODBYE_SECONDS = 1.0


@dataclass(slots=True)
class Still:
    """The view of a feed that needs none: only the position."""

    epoch: UUID
    seq: int

    def apply(self, event: StoredEvent) -> None:
        self.seq = event.seq

    def tick(self, tick: dict[str, Any]) -> None:
        """A position does not move by what is not journalled."""


def load_still(project_id: UUID) -> Still:
    at = journal.position(project_id)
    return Still(at.epoch, at.head)


def every_event(event: StoredEvent) -> dict[str, Any] | None:
    return event.payload


class Hub:
    """Started and stopped by the server; everything but `is_live` belongs to the server's loop."""

    def __init__(self, *, loader: Loader = load_still, plain: Plain = every_event) -> None:
        self._loader = loader
        self._plain = plain
        self._feeds: dict[UUID, Feed] = {}
        self._loading: dict[UUID, asyncio.Task[Feed]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._channel = ""
        self._heard_at = float("-inf")
        self.loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_live(self) -> bool:
        """Whether the layer brought our own echo back within the last seconds. Any thread."""
        return time.monotonic() - self._heard_at < DEAF_SECONDS

    async def start(self) -> None:
        self.loop = asyncio.get_running_loop()
        layer.own(self.loop, self._take)
        chores = (self._listen, self._echo, self._poll, self._keep)
        self._tasks = [self.loop.create_task(_keep_at(chore)) for chore in chores]

    async def stop(self) -> None:
        """Close every socket with 1012, so that it comes back to the next process."""
        if self.loop is None:
            return
        chores = [*self._tasks, *self._loading.values()]
        for task in chores:
            task.cancel()
        # Bounded: the layer's own clean-up waits for a Redis that may never answer again.
        await asyncio.wait(chores, timeout=GOODBYE_SECONDS)
        for feed in self._feeds.values():
            for outbox in list(feed.outboxes):
                outbox.end(CLOSE_RESTART, f'{{"retry_ms":{random.randint(500, 3000)}}}')  # noqa: S311
        deadline = self.loop.time() + GOODBYE_SECONDS
        while self._has_sockets() and self.loop.time() < deadline:  # noqa: ASYNC110  (once in a life)
            await asyncio.sleep(0.01)
        for feed in self._feeds.values():
            feed.close()
        self._feeds.clear()
        self._loading.clear()
        layer.disown(self.loop)
        self.loop = None
        self._heard_at = float("-inf")

    def _has_sockets(self) -> bool:
        return any(feed.outboxes for feed in self._feeds.values())

    def ready_feed(self, project_id: UUID) -> Feed | None:
        """The project's feed if it is loaded and can be trusted as it is; never waits."""
        feed = self._feeds.get(project_id)
        if feed is None or not self.is_live or feed.is_behind:
            return None
        feed.used_at = asyncio.get_running_loop().time()
        return feed

    async def feed(self, project_id: UUID) -> Feed:
        """The project's feed, loaded on first use, once however many ask; up to date on return."""
        feed = self._feeds.get(project_id)
        if feed is None:
            loading = self._loading.get(project_id)
            if loading is None:
                loading = asyncio.get_running_loop().create_task(self._load(project_id))
                self._loading[project_id] = loading
            feed = await asyncio.shield(loading)
        feed.used_at = asyncio.get_running_loop().time()
        if not self.is_live or feed.is_behind:
            await feed.catch_up()
        return feed

    async def _load(self, project_id: UUID) -> Feed:
        try:
            view = await in_thread(self._loader, project_id)
            feed = Feed(project_id, view, loader=self._loader, plain=self._plain)
            self._feeds[project_id] = feed
            await feed.catch_up()  # what was rung while the view was being loaded
            return feed
        finally:
            del self._loading[project_id]

    async def resume(
        self, project_id: UUID, outbox: Outbox, *, epoch: UUID | None, seq: int | None
    ) -> tuple[Feed, list[str]]:
        """Attach a socket; gives what to send before its queue: `ready`, then what it missed."""
        feed = await self.feed(project_id)
        missed: list[StoredEvent] | None = None
        start = feed.seq
        if seq is not None and epoch == feed.epoch:
            if seq > feed.seq:  # another process was quicker than our doorbell
                await feed.catch_up()
            if epoch == feed.epoch:
                missed = await feed.events_since(seq)
        feed.attach(outbox)
        start = feed.seq if missed is None or seq is None else seq
        ready = frames.ready(resumed=missed is not None, epoch=feed.epoch, seq=start, floor=feed.floor)
        packed = frames.pack(frames.chain(missed or (), start))
        return feed, [ready, *(message for message, _ in packed)]

    # The chores

    async def _listen(self) -> None:
        """Hear the layer; silence for longer than an echo takes means a dead subscription."""
        channels = layer.channels()
        async with asyncio.timeout(DEAF_SECONDS):
            channel = await channels.new_channel("hub.")
            await channels.group_add(layer.GROUP, channel)
        self._channel = channel
        try:
            while True:
                async with asyncio.timeout(DEAF_SECONDS):
                    message = await channels.receive(channel)
                if message["type"] == "echo":
                    self._heard_at = time.monotonic()
                else:
                    for part in message["messages"]:
                        self._take(part)
        except TimeoutError:
            async with asyncio.timeout(DEAF_SECONDS):
                await channels.flush()  # its connections may be half open
            raise
        finally:
            self._channel = ""

    def _take(self, part: dict[str, Any]) -> None:
        if part["kind"] == "ring":
            layer.rung(part["topic"])
            return
        feed = self._feeds.get(UUID(part["project"]))
        if feed is None:
            return
        if part["kind"] == "tick":
            feed.tick(orjson.loads(part["tick"]))
            return
        if part["kind"] == "ticks":
            for tick in orjson.loads(part["ticks"]):
                feed.tick(tick)
            return
        encoded = part.get("events")
        events = None if encoded is None else [_stored(row) for row in orjson.loads(encoded)]
        feed.ring(part["first"], part["last"], events)

    async def _echo(self) -> None:
        while True:
            if self._channel:
                async with asyncio.timeout(layer.SEND_SECONDS):
                    await layer.channels().send(self._channel, {"type": "echo"})
            # Soon while nobody has answered yet, so that a fresh hub is live at once.
            await asyncio.sleep(ECHO_SECONDS if self.is_live else 0.05)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if self._feeds:
                heads = await in_thread(journal.heads, list(self._feeds))
                for project_id, at in heads.items():
                    if feed := self._feeds.get(project_id):
                        feed.see(at)

    async def _keep(self) -> None:
        """Marks for the sockets, fresh views for the counters, goodbye to feeds nobody uses."""
        loop = asyncio.get_running_loop()
        refreshed: dict[UUID, float] = {}
        while True:
            await asyncio.sleep(frames.HEARTBEAT_SECONDS)
            for project_id, feed in list(self._feeds.items()):
                feed.mark()
                if not feed.outboxes and loop.time() - feed.used_at > IDLE_SECONDS:
                    feed.close()
                    del self._feeds[project_id]
                elif loop.time() - refreshed.setdefault(project_id, loop.time()) > REFRESH_SECONDS:
                    refreshed[project_id] = loop.time()
                    await feed.refresh_view()


async def _keep_at(chore: Callable[[], Awaitable[None]]) -> None:
    """Run a chore for as long as the hub lives, whatever befalls the layer or the database."""
    while True:
        try:
            await chore()
        except (*layer.LAYER_ERRORS, DatabaseError) as error:
            logger.warning("live feed: %s: %s", chore.__name__.strip("_"), type(error).__name__)
        except Exception:
            logger.exception("live feed: %s failed", chore.__name__.strip("_"))
        await asyncio.sleep(RETRY_SECONDS)


def _stored(row: list[Any]) -> StoredEvent:
    seq, kind, entity, entity_id, payload, at = row
    return StoredEvent(
        seq, kind, entity, UUID(entity_id) if entity_id else None, payload, datetime.fromisoformat(at)
    )
