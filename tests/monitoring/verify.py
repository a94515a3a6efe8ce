"""The dashboard's promise: snapshot before + events == snapshot after, for any verb.

with verify_action(project.pk):
    pause_agent(agent)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from apps.events import journal
from apps.events.journal import StoredEvent
from apps.monitoring.dashboard.load import load_board
from apps.monitoring.dashboard.reducer import Board


@contextmanager
def verify_action(project_id: UUID, *, silent: bool = False) -> Iterator[list[StoredEvent]]:
    """Check the promise for what happens inside; yields the list its events are put into.

    A verb that changes the dashboard and records nothing fails. `silent=True` says that nothing
    may be recorded at all.
    """
    at, board = load_board(project_id)
    events: list[StoredEvent] = []
    yield events
    after_at, after = load_board(project_id)
    events.extend(journal.read(project_id, after=at.head))
    assert [event.seq for event in events] == list(range(at.head + 1, after_at.head + 1))
    assert bool(events) != silent, "a verb records what it changed, and only that"
    for event in events:
        board.apply(event.payload)
    assert_same(board, after)


def assert_same(mine: Board, theirs: Board) -> None:
    """Row by row, so that a failure names the field."""
    assert mine.agents == theirs.agents
    assert list(mine.runs.values()) == list(theirs.runs.values())
    assert mine.alerts == theirs.alerts
    assert mine.counts == theirs.counts
    assert mine.open_approvals == theirs.open_approvals


def stats_without_measurements(stats: dict[str, Any]) -> dict[str, Any]:
    measured = ("storage_used_mb", "api_response_time_ms", "timestamp")
    return {name: value for name, value in stats.items() if name not in measured}
