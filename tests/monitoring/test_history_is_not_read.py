"""What the engine does again and again, and every step of a run, reads what is open and not what is over.

The database says so itself: each statement is explained with the tables forbidden to be scanned.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from apps.accounts.models import Project
from apps.accounts.services import default_project
from apps.agents import dispatch, lease, repair
from apps.agents.connectors.base import Outcome
from apps.agents.models import Agent, Command, Worker
from apps.events.clock import now
from apps.monitoring import alerts, metrics
from apps.workflows import engine as runs
from apps.workflows import services
from apps.workflows.models import Run
from apps.workflows.services import apply_definition
from config.engine import duties

pytestmark = pytest.mark.django_db(transaction=True)

# They grow with every run and are kept.
HISTORY = ("agents_commandrun", "agents_commandrundata", "agents_commandrunattempt", "workflows_run",
           "workflows_rundata", "workflows_step")  # fmt: skip
DONE = Outcome(output={"text": ""}, input_tokens=1, output_tokens=1, model="none", demo=True)
DOCUMENT = """
name: Two
slug: two
steps:
  - {key: first, command: test.do}
  - {key: second, command: test.do, needs: [first]}
"""


@pytest.fixture
def project() -> Project:
    project = default_project()
    Agent.objects.create(project=project, slug="a", name="A", type="test", capabilities=["test"])
    Command.objects.create(project=project, name="test.do", title="Do", capability="test")
    Worker.objects.create(name="w", slots=4, heartbeat_at=now())
    apply_definition(project, DOCUMENT)
    return project


@contextmanager
def asked() -> Iterator[list[tuple[str, Any]]]:
    """The statements that read or change rows inside the block, with their parameters."""
    found: list[tuple[str, Any]] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if not many and re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)", sql):
            found.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield found


def scans(statements: list[tuple[str, Any]]) -> list[str]:
    """The statements whose plan goes through a whole table of history."""
    found = []
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")
        for sql, params in statements:
            how = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
            cursor.execute(f"{how} {sql}", params)
            plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
            if any(_scans(plan, table, sql) for table in HISTORY):
                found.append(f"{sql}\n{plan}")
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = on")
    return found


def _scans(plan: str, table: str, sql: str) -> bool:
    if connection.vendor == "postgresql":
        return bool(re.search(rf"Seq Scan on {table}\b", plan))
    # SQLite names the alias. A partial index is read whole where that is little: what is open.
    aliases = {table, *re.findall(rf'{table}"?\s+(?:AS\s+)?"?([UVW]\d|run|step)\b', sql)}
    whole = re.findall(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", plan)
    return any(name in aliases and index not in OF_WHAT_IS_OPEN for name, index in whole)


OF_WHAT_IS_OPEN = ("command_run_live", "command_run_gives_up", "command_run_agent_live", "command_run_ready",
                   "run_open", "run_open_by_key", "step_open", "step_wakes")  # fmt: skip


@pytest.mark.parametrize("name", [duty.name for duty in duties()])
def test_a_duty_of_the_engine_reads_no_history(project: Project, name: str) -> None:
    workflow = project.workflows.get(slug="two")
    services.start_run(workflow, {})
    act = next(duty.act for duty in duties() if duty.name == name)
    with asked() as statements:
        act()
    assert "\n\n".join(scans(statements)) == ""


def test_a_step_from_dispatch_to_its_end_reads_no_history(project: Project) -> None:
    workflow = project.workflows.get(slug="two")
    with asked() as statements:
        run, _ = services.start_run(workflow, {})
        assert not dispatch.is_supplied(project.pk)
        assert dispatch.idle_slots() == 4
        for _ in range(2):
            for given in dispatch.dispatch_ready(project.pk):
                claimed = lease.claim(given.command_run_id, given.dispatch_id, worker="w")
                assert claimed is not None
                lease.report(given.command_run_id, claimed.fence, progress=50)
                lease.finish(given.command_run_id, claimed.fence, DONE)
    assert Run.objects.get(pk=run.pk).status == "completed"
    assert "\n\n".join(scans(statements)) == ""


def test_the_sweeps_go_on_with_what_they_find_without_reading_history(project: Project) -> None:
    workflow = project.workflows.get(slug="two")
    run, _ = services.start_run(workflow, {})
    services.cancel_run(run)
    with asked() as statements:
        repair.tick()
        runs.sweep()
        alerts.sweep()
        metrics.sample()
    assert "\n\n".join(scans(statements)) == ""
