"""Where exports wait to be read: put in before they are answered for, counted so that it stays bounded."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Sum
from django.db.models.functions import Length

from apps.agents.models.telemetry import TelemetryBatch
from apps.agents.telemetry.decode import Export

LOOK_SECONDS = 0.5
MAX_BATCHES = 20_000
COURTESY_SECONDS = 0.3

_door = threading.Condition()
_at_the_door = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is in the inbox of one project."""

    batches: int
    size: int

    def is_over(self, max_bytes: int) -> bool:
        return self.batches >= MAX_BATCHES or self.size >= max_bytes


class Backlog:
    """How much waits of each project, as of half a second ago."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looked_at = float("-inf")
        self._waiting: dict[UUID, Waiting] = {}

    def look(self, project_id: UUID) -> Waiting:
        with self._lock:
            if time.monotonic() - self._looked_at >= LOOK_SECONDS:
                self._waiting = count()
                self._looked_at = time.monotonic()
            return self._waiting.get(project_id, Waiting(0, 0))


def count() -> dict[UUID, Waiting]:
    """What waits of each project that has something waiting."""
    # The length of a value is known without reading it, in both databases.
    found = TelemetryBatch.objects.order_by().values_list("project_id")
    rows = found.annotate(batches=Count("id"), size=Sum(Length("body")))
    return {project_id: Waiting(batches, size or 0) for project_id, batches, size in rows}


def put(project_id: UUID, agent_id: UUID | None, export: Export, *, key_id: UUID | None = None) -> None:
    """Commit one export; `agent_id` is that of a key which belongs to one agent."""
    with _putting():
        TelemetryBatch.objects.create(
            project_id=project_id,
            agent_id=agent_id,
            key_id=key_id,
            signal=export.signal,
            body=export.body,
            items=export.items,
        )


@contextmanager
def _putting() -> Iterator[None]:
    global _at_the_door  # noqa: PLW0603
    with _door:
        _at_the_door += 1
    try:
        yield
    finally:
        with _door:
            _at_the_door -= 1
            _door.notify_all()


def after_you() -> None:
    """Let those of this process who are putting something in go first, for a moment at most.

    SQLite has one writer, and who waits for it only looks again now and then: a reader that begins
    the next transaction at once would keep senders waiting for seconds (2026-11).
    """
    with _door:
        _door.wait_for(lambda: not _at_the_door, COURTESY_SECONDS)
