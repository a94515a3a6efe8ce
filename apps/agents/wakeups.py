"""Rings for pull agents that wait for work in this process. A hint: whoever waits also looks."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from apps.events import layer

TOPIC = "work-for:"

_waiters: dict[UUID, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = defaultdict(set)
_lock = threading.Lock()


@contextmanager
def waiting(agent_id: UUID) -> Iterator[asyncio.Event]:
    """An event of the running loop that is set whenever the agent is rung."""
    waiter = (asyncio.get_running_loop(), asyncio.Event())
    with _lock:
        _waiters[agent_id].add(waiter)
    try:
        yield waiter[1]
    finally:
        with _lock:
            _waiters[agent_id].discard(waiter)
            if not _waiters[agent_id]:
                del _waiters[agent_id]


def ring(agent_id: UUID) -> None:
    """Wake whoever waits for the agent's work, here and in the other web processes. Any thread."""
    _ring_here(agent_id)
    layer.ring(f"{TOPIC}{agent_id}")


def heard(topic: str) -> None:
    """A ring from another process."""
    if topic.startswith(TOPIC):
        _ring_here(UUID(topic.removeprefix(TOPIC)))


def _ring_here(agent_id: UUID) -> None:
    with _lock:
        waiters = list(_waiters.get(agent_id, ()))
    for loop, event in waiters:
        if not loop.is_closed():
            loop.call_soon_threadsafe(event.set)
