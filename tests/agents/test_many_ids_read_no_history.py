"""Rows that are found by many ids are read by these, not by an index of their project."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.agents import moves
from apps.agents.keyholders import Keyholders
from apps.agents.many import Sender, take
from apps.agents.models import Session
from apps.agents.telemetry import activities, links, prompts, sessions
from apps.events import journal
from apps.events.clock import now
from apps.workflows import telemetry
from apps.workflows.advance import Advance

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans by what it knows of the rows"),
]


def plans_of(act: Callable[[], object]) -> list[list[str]]:
    """How the database finds the rows of each statement that names some."""
    with CaptureQueriesContext(connection) as seen:
        act()
    plans = []
    with connection.cursor() as cursor:
        for one in seen:
            if one["sql"].startswith(("SELECT", "UPDATE")) and " WHERE " in one["sql"]:
                cursor.execute(f"EXPLAIN QUERY PLAN {one['sql']}")
                plans.append([row[3] for row in cursor.fetchall()])
    return plans


def test_a_full_desk_goes_through_no_projects_history() -> None:
    ids, project_id = [uuid4() for _ in range(200)], uuid4()
    with CaptureQueriesContext(connection) as seen, transaction.atomic():
        assert moves.locked_all(project_id, ids) == {}
        with journal.changes(project_id) as change:
            assert Advance.hold_all(change, ids) == {}
    read = [one["sql"] for one in seen if " IN (" in one["sql"]]
    assert len(read) == 2
    with connection.cursor() as cursor:
        for sql in read:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
            assert "(id=?)" in cursor.fetchone()[3]


@pytest.mark.parametrize("count", [1, 60])
def test_what_telemetry_names_is_found_through_no_projects_history(count: int) -> None:
    ids, project_id = [uuid4() for _ in range(count)], uuid4()
    keys = [(one.hex, one.hex[:16]) for one in ids]
    heartbeats = [{"type": "heartbeat", "agent": str(one)} for one in ids]
    shown = Session(name="s", first_at=now(), last_at=now(), stale=False, agents=[str(one) for one in ids])
    asked: list[Callable[[], object]] = [
        lambda: links._commands(project_id, ids),
        lambda: links._handed(project_id, [(one, one.hex[:16]) for one in ids]),
        lambda: telemetry.known(project_id, ids, ids),
        lambda: Keyholders().agents_named(project_id, ids),
        lambda: take(Sender(project_id, uuid4()), heartbeats),
        lambda: sessions.session_rows(project_id, [shown]),
        lambda: sessions._sums(project_id, [one.hex for one in ids]),
        lambda: sessions.mark_traces(project_id, [one.hex for one in ids]),
        lambda: activities.roots_of(project_id, keys),
        lambda: activities._totals(project_id, dict.fromkeys(keys, 1)),
        lambda: list(activities._within(project_id, keys).order_by(*activities.OLDEST_FIRST)[:50]),
        lambda: activities.spans_of_run(project_id, ids[0]),
        lambda: list(activities.linked(project_id, "command_run_id", ids[0]).order_by("-started_at", "-id")),
        lambda: prompts._end(project_id, [one.hex for one in ids]),
        lambda: prompts._move_ends(project_id, set(keys)),
    ]
    for number, ask in enumerate(asked):
        plans = plans_of(ask)
        assert plans, f"number {number} asks for nothing"
        for plan in plans:
            assert not any(is_history(line) for line in plan), (number, plan)


def is_history(line: str) -> bool:
    """Whether rows are looked for among all of a table, or of a project."""
    return line.startswith("SCAN ") or line.endswith("(project_id=?)")
