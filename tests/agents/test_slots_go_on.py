"""A slot that gets free takes what was dispatched already, in the transaction that writes its result."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from celery import current_app

from apps.accounts.models import Project
from apps.accounts.services import default_project
from apps.agents import dispatch, lease
from apps.agents.connectors.base import Outcome
from apps.agents.lease import Claimed, Result, Taker
from apps.agents.models import Command, CommandRun, Connector, Worker
from apps.events.clock import now
from apps.workflows.models import Run
from apps.workflows.services import apply_definition, start_run
from tests.agents.factories import make_agent, make_command, make_run, make_worker

pytestmark = pytest.mark.django_db

DONE = Outcome({"text": "done"}, None, None, "test", demo=True)


@pytest.fixture
def worker() -> Worker:
    return make_worker(slots=8)


@pytest.fixture
def command() -> Command:
    make_agent(max_parallel=8)
    return make_command()


def dispatched(project: Project | None = None) -> list[UUID]:
    """Dispatch what is ready; the ids in the order in which they were dispatched."""
    return [one.command_run_id for one in dispatch.dispatch_ready((project or default_project()).pk)]


def claim(pk: UUID, worker: Worker) -> Claimed:
    run = CommandRun.objects.get(pk=pk)
    assert run.dispatch_id
    held = lease.claim(pk, run.dispatch_id, worker=worker.name, worker_id=worker.pk)
    assert held
    return held


def finish(held: list[Claimed], worker: Worker, slots: int) -> list[Claimed]:
    """What so many slots get with the results of what they held."""
    results = [Result(one.command_run_id, one.fence, DONE) for one in held]
    taker = Taker(worker.name, worker.pk, slots)
    return lease.write(held[0].project_id, (), results, taker).taken


def test_what_was_dispatched_first_is_taken_with_the_result(command: Command, worker: Worker) -> None:
    first, second, third = [make_run(command).pk for _ in range(3)]
    assert dispatched() == [first, second, third]
    (taken,) = finish([claim(first, worker)], worker, 1)
    assert taken.command_run_id == second
    states = CommandRun.objects.values_list("status", "worker_id", "fence").order_by("queued_at")
    assert list(states)[1:] == [("running", worker.pk, 1), ("dispatched", None, 0)]
    assert CommandRun.objects.get(pk=first).status == "completed"


def test_its_message_finds_the_work_taken(command: Command, worker: Worker) -> None:
    first, second = [make_run(command).pk for _ in range(2)]
    dispatched()
    message = CommandRun.objects.get(pk=second).dispatch_id
    finish([claim(first, worker)], worker, 1)
    assert message
    assert lease.claim(second, message, worker="another") is None


def test_no_more_is_taken_than_slots_got_free(command: Command, worker: Worker) -> None:
    ids = [make_run(command).pk for _ in range(5)]
    dispatched()
    taken = finish([claim(pk, worker) for pk in ids[:2]], worker, 2)
    assert [one.command_run_id for one in taken] == ids[2:4]


def test_work_of_agents_that_ask_for_it_is_left_to_them(worker: Worker) -> None:
    agent = make_agent(max_parallel=8)
    asks = make_agent(connector=Connector.PULL, heartbeat_at=now())
    command = make_command()
    mine, theirs = make_run(command, agent).pk, make_run(command, asks).pk
    assert set(dispatched()) == {mine, theirs}
    assert finish([claim(mine, worker)], worker, 1) == []


def test_what_was_paused_or_cancelled_meanwhile_is_not_taken(command: Command, worker: Worker) -> None:
    first, second = [make_run(command).pk for _ in range(2)]
    dispatched()
    held = claim(first, worker)
    lease.cancel(second)
    assert finish([held], worker, 1) == []


def test_older_work_of_another_project_goes_first(command: Command, worker: Worker) -> None:
    other = Project.objects.create(slug="other", name="Other")
    make_agent(other, max_parallel=8)
    mine = make_run(command).pk
    dispatched()
    held = claim(mine, worker)
    theirs = make_run(make_command(other)).pk
    assert dispatched(other) == [theirs]
    make_run(command)
    dispatched()
    assert finish([held], worker, 1) == []
    ((project_id, ticket),) = lease.unclaimed(Taker(worker.name, worker.pk, 1))
    assert (project_id, ticket.command_run_id) == (other.pk, theirs)


def test_messages_wake_idle_slots_only(
    command: Command, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    worker = make_worker(slots=2)
    sent: list[str] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args, **_: sent.append(args[0]))
    busy = make_run(command).pk
    dispatched()
    claim(busy, worker)
    for _ in range(3):
        make_run(command)
    given = dispatch.dispatch_ready(default_project().pk)
    assert len(given) == 3
    dispatch.announce(given)
    assert sent == [str(given[0].command_run_id)]


def test_steps_of_many_runs_that_end_together_free_those_behind_them(worker: Worker) -> None:
    project = default_project()
    make_agent(max_parallel=8)
    command = make_command(parameters={"type": "object"})
    text = (
        "name: Line\nslug: line\nsteps:\n"
        f"  - {{key: one, command: {command.name}}}\n"
        f"  - {{key: two, command: {command.name}, needs: [one]}}\n"
        f"  - {{key: three, command: {command.name}, needs: [two]}}\n"
    )
    workflow = apply_definition(project, text, by="test").workflow
    for _ in range(3):
        start_run(workflow, {})
    for left in (2, 1, 0):
        held = [claim(pk, worker) for pk in dispatched()]
        assert len(held) == 3
        finish(held, worker, 3)
        assert set(Run.objects.values_list("open_steps", flat=True)) == {left}
    assert set(Run.objects.values_list("status", "progress")) == {("completed", 100)}
