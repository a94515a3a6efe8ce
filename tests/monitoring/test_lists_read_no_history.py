"""What the screen asks for reads what it shows: thousands of finished runs make it no more work.

The database says how much it did: SQLite counts its steps, PostgreSQL the rows it looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import orjson
import pytest
from django.db import connection

from apps.accounts.models import Project
from apps.accounts.services import default_project
from apps.accounts.sessions import sign_in
from apps.agents.models import Agent, Command, CommandRun
from apps.events.clock import now
from apps.monitoring.dashboard.load import load_board
from apps.workflows.models import Run, Workflow
from apps.workflows.services import apply_definition
from tests.accounts.people import Caller, make_user

pytestmark = pytest.mark.django_db

FINISHED = 4000
DOCUMENT = """
name: One
slug: one
steps:
  - {key: only, command: test.do}
"""
# Of each kind some that nothing fits: those look the longest.
ASKED = (
    "runs/?limit=1",
    "runs/?status=completed&limit=1",
    "runs/?status=cancelled&limit=1",
    "runs/?status=running&limit=1",
    "workflows/one/runs/?status=failed&limit=1",
    "workflows/one/runs/?status=queued&limit=1",
    "workflows/",
    "workflows/one/",
    "project/",
    "command-runs/?limit=1",
    "command-runs/?status=timed_out&limit=1",
    "command-runs/?status=running&limit=1",
    "command-runs/?command=test.other&limit=1",
    "command-runs/?command=test.do&limit=1",
    "monitoring/attention/",
)
STEPS_MORE, ROWS_MORE = 10_000, 1_000  # going through the history takes SQLite some ten steps a row


@pytest.fixture
def project() -> Project:
    project = default_project()
    Agent.objects.create(project=project, slug="a", name="A", type="test", capabilities=["test"])
    for name in ("test.do", "test.other"):
        Command.objects.create(project=project, name=name, title="Do", capability="test")
    apply_definition(project, DOCUMENT)
    return project


def work_of(act: Callable[[], object]) -> int:
    """SQLite's steps, or the most rows that a node of each of PostgreSQL's plans looked at."""
    if connection.vendor == "postgresql":
        return _rows_of(act)
    connection.ensure_connection()
    hundreds = 0

    def count() -> int:
        nonlocal hundreds
        hundreds += 1
        return 0

    connection.connection.set_progress_handler(count, 100)
    try:
        act()
    finally:
        connection.connection.set_progress_handler(None, 0)
    return hundreds * 100


def _rows_of(act: Callable[[], object]) -> int:
    found: list[tuple[str, Any]] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not many and re.match(r"\s*SELECT", sql):
            found.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        act()
    total = 0
    with connection.cursor() as cursor:
        for sql, params in found:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
            plan = cursor.fetchone()[0]
            total += _looked_at((orjson.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
    return total


def _looked_at(node: dict[str, Any]) -> int:
    here = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return max([int(here), *(_looked_at(one) for one in node.get("Plans", []))])


def add_history(project: Project) -> None:
    """Runs of days before yesterday, each with its command run; none of today."""
    workflow = Workflow.objects.select_related("current").get(project=project, slug="one")
    command, agent = Command.objects.get(name="test.do"), Agent.objects.get()
    assert workflow.current is not None
    past = now() - timedelta(days=3)
    runs = [
        Run(
            project=project, workflow=workflow, version=workflow.current, number=number, name="One",
            status="completed" if number % 2 else "failed", created_at=past, started_at=past,
            completed_at=past,
        )
        for number in range(1, FINISHED + 1)
    ]  # fmt: skip
    Run.objects.bulk_create(runs, batch_size=500)
    CommandRun.objects.bulk_create(
        [
            CommandRun(
                project=project, command=command, agent=agent, capability="test", title="Do",
                status=run.status, run_id=run.pk, queued_at=past, available_at=past, gives_up_at=past,
                finished_at=past,
            )
            for run in runs
        ],
        batch_size=500,
    )  # fmt: skip
    Workflow.objects.filter(pk=workflow.pk).update(run_count=FINISHED)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE workflows_run, agents_commandrun")


def test_what_the_screen_asks_for_is_no_more_work_with_a_long_history(project: Project) -> None:
    me = Caller(sign_in(make_user("operator", project)).access)
    asked: dict[str, Callable[[], object]] = {path: partial(me.get, path) for path in ASKED}
    asked["an agent"] = lambda: me.get(f"agents/{Agent.objects.get().pk}/")
    asked["cancel all runs"] = lambda: me.post(
        "runs/cancellations/", {"filter": {"status": "running"}, "dry_run": True}
    )
    asked["the board"] = lambda: load_board(project.pk)
    for act in asked.values():  # what is read once and remembered
        act()
    before = {name: work_of(act) for name, act in asked.items()}
    add_history(project)
    more = {name: work_of(act) - before[name] for name, act in asked.items()}
    most = ROWS_MORE if connection.vendor == "postgresql" else STEPS_MORE
    assert {name: growth for name, growth in more.items() if growth > most} == {}
    _, board = load_board(project.pk)
    assert board.counts.total_workflows == FINISHED
