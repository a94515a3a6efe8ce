"""One project's events in one web process: in order, without gaps, to a view and to its sockets.

A feed stands at `seq`: it has applied everything up to there. Doorbells bring what comes next;
where one is missing, late or doubled the numbers show it, and the journal fills the gap.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol
from uuid import UUID

from django.db import DatabaseError

from apps.events import frames, journal
from apps.events.journal import Position, StoredEvent
from apps.events.outbox import Outbox
from apps.events.threads import in_thread

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 0.05
# Doorbells of two processes may overtake each other by this much before the journal is asked.
PATIENCE_SECONDS = 0.015
READ_LIMIT = 5_000
RECENT_EVENTS = 2_000
MAX_STASH = 1_000
CLOSE_RESTART = 1012


class View(Protocol):
    """What a feed keeps up to date: loaded whole at (epoch, seq), then moved by each event."""

    epoch: UUID
    seq: int

    def apply(self, event: StoredEvent) -> None: ...

    def tick(self, tick: dict[str, Any]) -> None: ...


Loader = Callable[[UUID], View]
Plain = Callable[[StoredEvent], "dict[str, Any] | None"]


class Feed:
    """Lives on the server's loop; every method without `async` runs there to its end."""

    def __init__(self, project_id: UUID, view: View, *, loader: Loader, plain: Plain) -> None:
        self.project_id = project_id
        self.view = view
        self.epoch = view.epoch
        self.seq = view.seq
        self.sent = view.seq
        self.floor = 0
        self.outboxes: set[Outbox] = set()
        self.used_at = asyncio.get_running_loop().time()
        self._loader = loader
        self._plain = plain
        self._recent: deque[StoredEvent] = deque(maxlen=RECENT_EVENTS)
        self._pending: dict[object, StoredEvent] = {}
        self._ticks: dict[tuple[str, str], dict[str, Any]] = {}
        self._stash: dict[int, tuple[int, list[StoredEvent]]] = {}
        self._flush_timer: asyncio.TimerHandle | asyncio.Handle | None = None
        self._flushed_at = 0.0
        self._gap_timer: asyncio.TimerHandle | None = None
        self._catching_up: asyncio.Task[None] | None = None

    @property
    def is_behind(self) -> bool:
        """Whether it knows of an event that it does not have yet."""
        return bool(self._stash) or (self._catching_up is not None and not self._catching_up.done())

    # What comes in

    def ring(self, first: int, last: int, events: list[StoredEvent] | None) -> None:
        """A doorbell: `first … last` are committed; `events` holds them unless they were too big."""
        if last <= self.seq:
            return
        if events is None:
            self.catch_up_soon()
        elif first <= self.seq + 1:
            self._take(events)
            self._take_stashed()
        elif len(self._stash) < MAX_STASH:
            self._stash[first] = (last, events)
            if self._gap_timer is None:
                loop = asyncio.get_running_loop()
                self._gap_timer = loop.call_later(PATIENCE_SECONDS, self._end_patience)

    def tick(self, tick: dict[str, Any]) -> None:
        self.view.tick(tick)
        if self.outboxes:
            key = frames.tick_key(tick)
            self._ticks[key] = frames.join_ticks(self._ticks.get(key), tick)
            self._flush_soon()

    def see(self, at: Position) -> None:
        """What the journal says of itself: a missed doorbell or a broken history shows here."""
        self.floor = at.floor
        if at.head != self.seq or at.epoch != self.epoch:
            self.catch_up_soon()

    def catch_up_soon(self) -> asyncio.Task[None]:
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.get_running_loop().create_task(self._catch_up())
        return self._catching_up

    async def catch_up(self) -> None:
        """Return when the feed holds everything that was committed before the call."""
        if self._catching_up is not None and not self._catching_up.done():
            await asyncio.shield(self._catching_up)
        await asyncio.shield(self.catch_up_soon())

    def _end_patience(self) -> None:
        self._gap_timer = None
        if self._stash:
            self.catch_up_soon()

    def _take_stashed(self) -> None:
        while self._stash:
            first = min(self._stash)
            if first > self.seq + 1:
                return
            last, events = self._stash.pop(first)
            if last > self.seq:
                self._take(events)

    async def _catch_up(self) -> None:
        try:
            while True:
                before = self.seq
                at = await in_thread(journal.position, self.project_id)
                self.floor = at.floor
                if at.epoch != self.epoch or at.head < before:
                    await self._start_over("epoch")
                elif at.head <= self.seq:
                    return
                elif at.floor > self.seq:
                    await self._start_over("pruned")
                else:
                    await self._read_on(at.head)
                    if self.seq >= at.head:
                        return
        except DatabaseError as error:
            logger.warning("live feed could not read the journal: %s", type(error).__name__)

    async def _read_on(self, head: int) -> None:
        rows = await in_thread(_read, self.project_id, self.seq, head)
        self._take(rows)
        self._take_stashed()

    async def _start_over(self, reason: str) -> None:
        """History is broken or forgotten: load the view again and tell every socket."""
        view = await in_thread(self._loader, self.project_id)
        self.view, self.epoch, self.seq, self.sent = view, view.epoch, view.seq, view.seq
        self._pending.clear()
        self._recent.clear()
        self._stash.clear()
        message = frames.reset(reason, epoch=self.epoch, seq=self.seq)
        for outbox in list(self.outboxes):
            if outbox.resumable:
                outbox.offer(message, 0)
            else:  # the plain protocol has no word for it: connect again and load afresh
                outbox.end(CLOSE_RESTART, "history was reset")

    async def refresh_view(self) -> None:
        """Load the view again beside the old one, so that its counters cannot drift for ever."""
        view = await in_thread(self._loader, self.project_id)
        if view.epoch != self.epoch:
            self.catch_up_soon()
            return
        missed = [event for event in self._recent if event.seq > view.seq]
        if view.seq < self.seq and (not missed or missed[0].seq != view.seq + 1):
            return  # more happened meanwhile than is remembered; the next round will do
        for event in missed:
            view.apply(event)
        self.view = view

    # What goes out

    def _take(self, events: Sequence[StoredEvent]) -> None:
        for event in events:
            if event.seq <= self.seq:
                continue
            if event.seq != self.seq + 1:
                self.catch_up_soon()
                return
            self.seq = event.seq
            if event.seq > self.view.seq:
                self.view.apply(event)
            self._recent.append(event)
            self._hand_out(event)

    def _hand_out(self, event: StoredEvent) -> None:
        if not self.outboxes:
            self.sent = event.seq
            return
        plain = self._plain(event)
        if plain is not None:
            message = frames.encode(plain)
            for outbox in list(self.outboxes):
                if not outbox.resumable:
                    outbox.offer(message, 1)
        key: object = (event.entity, event.entity_id) if event.entity_id else event.seq
        earlier = self._pending.pop(key, None)
        self._pending[key] = frames.merge(earlier, event) if earlier else event
        self._flush_soon()

    def _flush_soon(self) -> None:
        """At once after a quiet window, otherwise at the end of the running one."""
        if self._flush_timer is not None:
            return
        loop = asyncio.get_running_loop()
        due = self._flushed_at + WINDOW_SECONDS
        if loop.time() >= due:
            self._flush_timer = loop.call_soon(self.flush)
        else:
            self._flush_timer = loop.call_at(due, self.flush)

    def flush(self) -> None:
        """Send what waits: each message encoded once for all sockets."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        self._flushed_at = asyncio.get_running_loop().time()
        resumable = [outbox for outbox in self.outboxes if outbox.resumable]
        if self._ticks:
            for message, _ in frames.pack([frames.encode(tick) for tick in self._ticks.values()]):
                for outbox in resumable:
                    outbox.offer_ticks(message)
            self._ticks.clear()
        # Insertion order is seq order: a merged event is taken out and put in again at the end.
        for message, count in frames.pack(frames.chain(self._pending.values(), self.sent)):
            for outbox in resumable:
                outbox.offer(message, count)
        self._pending.clear()
        self.sent = self.seq

    def mark(self) -> None:
        self.flush()
        message = frames.mark(self.sent)
        for outbox in self.outboxes:
            if outbox.resumable:
                outbox.offer(message, 0)

    def attach(self, outbox: Outbox) -> None:
        """Let a socket take part from `seq` on; what others still wait for goes out first."""
        self.flush()
        self.outboxes.add(outbox)

    def detach(self, outbox: Outbox) -> None:
        self.outboxes.discard(outbox)
        self.used_at = asyncio.get_running_loop().time()

    def close(self) -> None:
        for timer in (self._flush_timer, self._gap_timer, self._catching_up):
            if timer is not None:
                timer.cancel()

    async def events_since(self, seq: int) -> list[StoredEvent] | None:
        """What a client at `seq` has missed, up to this moment; None if it needs a snapshot.

        Runs without a pause from its last read to its return, so that a caller who attaches at
        once misses nothing.
        """
        if not 0 <= seq <= self.seq or self.seq - seq > READ_LIMIT:
            return None
        if self._remembers(seq):
            return [event for event in self._recent if event.seq > seq]
        epoch, upto = self.epoch, self.seq
        rows = await in_thread(_read, self.project_id, seq, upto)
        if len(rows) != upto - seq or epoch != self.epoch or not self._remembers(upto):
            return None
        return rows + [event for event in self._recent if event.seq > upto]

    def _remembers(self, seq: int) -> bool:
        return seq == self.seq or (bool(self._recent) and self._recent[0].seq <= seq + 1)


def _read(project_id: UUID, after: int, upto: int) -> list[StoredEvent]:
    return journal.read(project_id, after=after, upto=upto, limit=READ_LIMIT)
