"""Fifty hands on one command run at the same moment: each thing happens once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from apps.agents import dispatch, lease, repair
from apps.agents.connectors.base import Outcome
from apps.agents.models import Agent, CommandRun, CommandRunAttempt
from apps.events.clock import now
from apps.events.models import Event
from tests.agents.factories import make_agent, make_command, make_run, make_worker
from tests.rig.together import LOST, at_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_connection_is_left_behind() -> Iterator[None]:
    yield
    connection.close()


def dispatched() -> CommandRun:
    agent = make_agent()
    make_worker()
    run = make_run(make_command(), agent)
    dispatch.dispatch_ready(run.project_id)
    run.refresh_from_db()
    return run


def kinds(run: CommandRun) -> list[str]:
    found = Event.objects.filter(entity_id=run.pk).order_by("seq").values_list("kind", flat=True)
    return [kind.partition(".")[2] for kind in found]


def test_of_fifty_claims_at_once_one_wins() -> None:
    run = dispatched()
    assert run.dispatch_id
    seen = run.dispatch_id

    def claim(number: int) -> Any:
        return lease.claim(run.pk, seen, worker=f"w{number}") or LOST

    assert at_once(*[lambda n=n: claim(n) for n in range(50)]) == {"ok": 1, "nothing": 49}
    run.refresh_from_db()
    assert (run.status, run.fence, run.attempt) == ("running", 1, 1)
    assert CommandRunAttempt.objects.filter(command_run=run).count() == 1
    assert kinds(run) == ["queued", "dispatched", "started"]


def test_of_fifty_claims_of_one_pull_agent_with_two_pieces_of_work_each_piece_is_won_once() -> None:
    agent = make_agent(connector="pull", heartbeat_at=now(), max_parallel=2)
    command = make_command()
    runs = [make_run(command, agent) for _ in range(2)]
    assert len(dispatch.dispatch_ready(agent.project_id)) == 2
    ends = at_once(*[lambda: lease.claim_next(agent.pk, worker="a") or LOST] * 50)
    assert ends == {"ok": 2, "nothing": 48}
    assert CommandRunAttempt.objects.filter(command_run__in=runs).count() == 2


def test_of_fifty_results_at_once_one_is_written() -> None:
    run = dispatched()
    assert run.dispatch_id
    held = lease.claim(run.pk, run.dispatch_id, worker="w")
    assert held

    def finish(number: int) -> None:
        lease.finish(run.pk, held.fence, Outcome({"text": str(number)}, None, None, "m", demo=False))

    assert at_once(*[lambda n=n: finish(n) for n in range(50)]) == {"ok": 1, "StaleFence": 49}
    assert kinds(run).count("finished") == 1


def test_of_fifty_dispatches_at_once_one_gives_the_work_away() -> None:
    agent = make_agent()
    make_worker()
    run = make_run(make_command(), agent)
    assert at_once(*[lambda: dispatch.dispatch_ready(run.project_id) or LOST] * 50)["ok"] == 1
    assert kinds(run) == ["queued", "dispatched"]


def test_repair_loops_at_once_take_a_lost_lease_back_once() -> None:
    run = dispatched()
    assert run.dispatch_id
    lease.claim(run.pk, run.dispatch_id, worker="w")
    CommandRun.objects.filter(pk=run.pk).update(lease_expires_at=run.queued_at)
    at_once(*[repair.tick] * 8)
    run.refresh_from_db()
    assert (run.lost_count, run.status) == (1, "dispatched")
    assert kinds(run) == ["queued", "dispatched", "started", "retried", "dispatched"]
    assert Agent.objects.get(command_runs=run).status != "error"
