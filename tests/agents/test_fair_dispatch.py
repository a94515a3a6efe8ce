"""Who gets the next place: priority first, then shares in turns, then age; projects in turns too."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import Project
from apps.accounts.services import default_project
from apps.agents import dispatch, explain, lease
from apps.agents.connectors.base import Outcome
from apps.agents.models import Agent, Command, CommandRun, CommandRunData, Connector
from apps.events.clock import now
from tests.agents.factories import make_agent, make_command, make_run, make_worker

pytestmark = pytest.mark.django_db


def make_project(slug: str) -> Project:
    return Project.objects.create(slug=slug, name=slug)


def make_pull_agent(project: Project | None = None, **fields: Any) -> Agent:
    return make_agent(project, connector=Connector.PULL, heartbeat_at=timezone.now(), **fields)


def order(project: Project) -> list[str]:
    """Titles in the order in which they are given away, each done before the next dispatch."""
    titles: list[str] = []
    while given := dispatch.dispatch_ready(project.pk):
        for one in given:
            titles.append(done(one.command_run_id).title)
    return titles


def done(command_run_id: Any) -> CommandRun:
    run = CommandRun.objects.get(pk=command_run_id)
    assert run.dispatch_id
    held = lease.claim(run.pk, run.dispatch_id, worker="test")
    assert held
    return lease.finish(run.pk, held.fence, Outcome({}, None, None, "test", demo=True))


def pile(project: Project, command: Command, share: str, count: int, **fields: Any) -> None:
    """Queue many rows as if they had been accepted one after the other."""
    moment = now()
    rows = [
        CommandRun(
            project=project, command=command, capability=command.capability, title=f"{share}{number}",
            share=share, turn=number + 1, queued_at=moment, available_at=moment,
            gives_up_at=moment + timedelta(hours=1), **fields,
        )
        for number in range(count)
    ]  # fmt: skip
    CommandRun.objects.bulk_create(rows, batch_size=5_000)
    CommandRunData.objects.bulk_create([CommandRunData(command_run=row) for row in rows], batch_size=5_000)


@pytest.fixture
def project() -> Project:
    return default_project()


@pytest.fixture
def command(project: Project) -> Command:
    return make_command()


def test_one_place_goes_by_priority_then_in_turns_between_shares_then_by_age(command: Command) -> None:
    make_pull_agent()
    for number in range(4):
        make_run(command, title=f"big {number}", share="big")
    make_run(command, title="small 0", share="small")
    make_run(command, title="late 0", share="late")
    make_run(command, title="late 1", share="late")
    make_run(command, title="urgent", share="big", priority=5)
    assert order(command.project) == [
        *("urgent", "big 0", "small 0", "late 0", "big 1", "late 1", "big 2", "big 3"),
    ]


def test_a_share_that_comes_one_row_at_a_time_takes_turns_with_a_long_queue(command: Command) -> None:
    make_pull_agent()
    for number in range(6):
        make_run(command, title=f"big {number}", share="big")
    seen = []
    for number in range(3):
        make_run(command, title=f"step {number}", share="chain")
        for _ in range(2):
            (given,) = dispatch.dispatch_ready(command.project_id)
            seen.append(done(given.command_run_id).title)
    assert seen == ["big 0", "step 0", "big 1", "step 1", "big 2", "step 2"]


def test_who_comes_late_neither_waits_for_a_long_queue_nor_overtakes_it_for_ever(command: Command) -> None:
    make_pull_agent()
    for number in range(10):
        make_run(command, title=f"old {number}", share="old")
    for _ in range(5):
        (given,) = dispatch.dispatch_ready(command.project_id)
        done(given.command_run_id)
    for number in range(5):
        make_run(command, title=f"new {number}", share="new")
    rest = order(command.project)
    assert rest[:6] == ["old 5", "new 0", "old 6", "new 1", "old 7", "new 2"]


def test_what_a_person_asks_for_shares_a_line_with_nobody_else(command: Command) -> None:
    make_pull_agent()
    for number in range(3):
        make_run(command, title=f"olga {number}", requested_by="olga")
    make_run(command, title="otto", requested_by="otto")
    assert order(command.project) == ["olga 0", "otto", "olga 1", "olga 2"]


def test_a_backlog_that_nobody_can_take_hides_nothing_behind_it(project: Project) -> None:
    blocked = make_command(capability="nobody")
    pile(project, blocked, "stuck", dispatch.BATCH * 3, priority=50)
    make_pull_agent()
    run = make_run(make_command())
    assert [one.command_run_id for one in dispatch.dispatch_ready(project.pk)] == [run.pk]


def test_work_for_workers_that_are_full_hides_no_work_of_pull_agents(project: Project) -> None:
    make_worker(slots=1)
    make_agent(max_parallel=500)
    pile(project, make_command(), "model", dispatch.BATCH * 2, priority=50)
    make_pull_agent(capabilities=["pull"])
    run = make_run(make_command(capability="pull"))
    given = dispatch.dispatch_ready(project.pk)
    assert run.pk in [one.command_run_id for one in given]
    assert sum(one.by_worker for one in given) == 2


def test_capabilities_that_compete_for_a_worker_take_turns_too(project: Project) -> None:
    make_worker(slots=1)
    for capability in ("coding", "review"):
        make_agent(capabilities=[capability], max_parallel=10)
    pile(project, make_command(capability="coding"), "big", 20)
    make_run(make_command(capability="review"), share="small")
    given = [CommandRun.objects.get(pk=one.command_run_id) for one in dispatch.dispatch_ready(project.pk)]
    assert Counter(run.share for run in given) == {"big": 1, "small": 1}


def test_a_project_has_no_more_at_work_than_its_limit(project: Project, command: Command) -> None:
    make_pull_agent(max_parallel=10)
    Project.objects.filter(pk=project.pk).update(max_command_runs=3)
    runs = [make_run(command) for _ in range(5)]
    given = dispatch.dispatch_ready(project.pk)
    assert len(given) == 3
    explain.explain_waiting(project.pk)
    runs[-1].refresh_from_db()
    assert runs[-1].wait_reason == "waiting for a place: 3 of 3 command runs of the project are at work"
    done(given[0].command_run_id)
    assert len(dispatch.dispatch_ready(project.pk)) == 1
    Project.objects.filter(pk=project.pk).update(max_command_runs=None)
    assert len(dispatch.dispatch_ready(project.pk)) == 1


def test_ten_thousand_rows_of_one_project_do_not_starve_another(project: Project) -> None:
    make_worker(slots=2)
    big, small = project, make_project("small")
    make_agent(big, max_parallel=100)
    make_agent(small, max_parallel=100)
    pile(big, make_command(big), "big", 10_000)
    first = dispatch.dispatch_in_turns()
    assert len(first) == 4, "alone it has every place"
    for _ in range(6):
        make_run(make_command(small))
    held = [one.command_run_id for one in first]
    got: Counter[str] = Counter()
    for _ in range(6):
        done(held.pop(0))
        for one in dispatch.dispatch_in_turns(big.pk):
            held.append(one.command_run_id)
            got[CommandRun.objects.get(pk=one.command_run_id).project.slug] += 1
    at_work = Counter(CommandRun.objects.filter(pk__in=held).values_list("project__slug", flat=True))
    assert at_work == {big.slug: 2, small.slug: 2}
    assert got["small"] >= 3


def test_a_place_that_a_project_cannot_use_is_not_kept_for_it(project: Project) -> None:
    make_worker(slots=2)
    other = make_project("agentless")
    make_run(make_command(other))
    make_agent(project, max_parallel=100)
    pile(project, make_command(project), "big", 20)
    assert len(dispatch.dispatch_in_turns()) == 4


@pytest.mark.parametrize("shares", [1, 200])
def test_a_dispatch_costs_the_same_whatever_is_queued(
    project: Project, command: Command, shares: int
) -> None:
    make_pull_agent(max_parallel=1000)

    def statements(rows: int) -> int:
        CommandRun.objects.filter(status="queued").delete()
        for share in range(shares):
            pile(project, command, f"s{share}-", rows // shares)
        with CaptureQueriesContext(connection) as asked:
            given = dispatch.dispatch_ready(project.pk)
        assert len(given) == min(rows, dispatch.BATCH)
        return len(asked)

    few, many = statements(200), statements(3_000)
    assert many <= few < 25
