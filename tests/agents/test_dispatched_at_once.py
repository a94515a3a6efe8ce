"""Work is dispatched in the transaction that queues it, and a slot goes on with what its result freed."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.db import connection, transaction

from apps.accounts.models import Project
from apps.accounts.services import default_project
from apps.agents import at_once, dispatch, holds, lease
from apps.agents.connectors.base import Outcome
from apps.agents.lease import Claimed, Result, Taker
from apps.agents.models import Agent, CommandRun, Connector, Worker
from apps.events.clock import now
from apps.events.models import Event
from apps.workflows.control import pause_project
from apps.workflows.models import Run, Workflow
from apps.workflows.services import apply_definition, start_run
from tests.agents.factories import make_agent, make_command, make_run, make_worker

pytestmark = pytest.mark.django_db

DONE = Outcome({"text": "done"}, None, None, "test", demo=True)


@pytest.fixture(autouse=True)
def dispatcher() -> Iterator[None]:
    """The thread that says after a commit what was dispatched in it."""
    dispatch.start()
    yield
    dispatch.stop()


@pytest.fixture
def worker() -> Worker:
    return make_worker(slots=8)


@pytest.fixture
def agent() -> Agent:
    return make_agent(max_parallel=8)


@pytest.fixture
def line(agent: Agent) -> Workflow:
    """Three steps, one after the other."""
    command = make_command(parameters={"type": "object"})
    return apply_definition(
        default_project(),
        "name: Line\nslug: line\nsteps:\n"
        f"  - {{key: one, command: {command.name}}}\n"
        f"  - {{key: two, command: {command.name}, needs: [one]}}\n"
        f"  - {{key: three, command: {command.name}, needs: [two]}}\n",
        by="test",
    ).workflow


def claim(run: CommandRun, worker: Worker) -> Claimed:
    assert run.dispatch_id
    held = lease.claim(run.pk, run.dispatch_id, worker=worker.name, worker_id=worker.pk)
    assert held
    return held


def first_of(workflow: Workflow, worker: Worker) -> tuple[Run, Claimed]:
    run, _ = start_run(workflow, {})
    return run, claim(CommandRun.objects.get(run_id=run.pk), worker)


def finish(held: Claimed, worker: Worker, slots: int = 1) -> list[Claimed]:
    result = Result(held.command_run_id, held.fence, DONE)
    return lease.write(held.project_id, (), [result], Taker(worker.name, worker.pk, slots)).taken


def statuses(run: Run) -> list[str]:
    return list(run.steps.order_by("index").values_list("status", flat=True))


def test_the_first_step_is_dispatched_with_its_run(line: Workflow, worker: Worker) -> None:
    run, _ = start_run(line, {})
    work = CommandRun.objects.get(run_id=run.pk)
    assert (work.status, work.dispatched_at) == ("dispatched", work.queued_at)
    kinds = list(Event.objects.order_by("seq").values_list("kind", flat=True))
    assert kinds.index("command_run.queued") < kinds.index("command_run.dispatched")


def test_a_slot_goes_on_with_the_step_that_its_result_freed(line: Workflow, worker: Worker) -> None:
    run, held = first_of(line, worker)
    for states in (["completed", "running", "pending"], ["completed", "completed", "running"]):
        (held,) = finish(held, worker)
        assert statuses(run) == states
        work = CommandRun.objects.get(pk=held.command_run_id)
        assert work.dispatched_at
        assert work.started_at
        assert work.queued_at <= work.dispatched_at <= work.started_at
    assert finish(held, worker) == []
    run.refresh_from_db()
    assert (run.status, run.progress) == ("completed", 100)


def test_every_move_has_its_line_although_it_is_one_transaction(line: Workflow, worker: Worker) -> None:
    _, held = first_of(line, worker)
    (held,) = finish(held, worker)
    lines = Event.objects.filter(entity_id=held.command_run_id).order_by("seq")
    moves = [(line.kind, line.payload["status"]) for line in lines]
    assert moves == [
        ("command_run.queued", "queued"),
        ("command_run.dispatched", "dispatched"),
        ("command_run.started", "running"),
    ]
    assert list(lines.values_list("seq", flat=True)) == sorted(lines.values_list("seq", flat=True))


def test_work_of_another_run_is_dispatched_in_its_turn_but_left_to_a_message(
    line: Workflow, worker: Worker
) -> None:
    _, held = first_of(line, worker)
    dispatch.stop()
    waits, _ = start_run(line, {}, priority=5)
    dispatch.start()
    (next_one,) = finish(held, worker, slots=2)
    assert next_one.run_id == held.run_id
    work = CommandRun.objects.get(run_id=waits.pk)
    assert (work.status, work.worker_id) == ("dispatched", None)


def test_while_other_projects_have_work_the_dispatcher_shares_the_places(
    line: Workflow, worker: Worker
) -> None:
    run, held = first_of(line, worker)
    other = Project.objects.create(slug="other", name="Other")
    make_run(make_command(other))
    assert finish(held, worker) == []
    assert statuses(run) == ["completed", "queued", "pending"]


def test_what_is_paused_is_not_dispatched(line: Workflow, worker: Worker) -> None:
    _, held = first_of(line, worker)
    pause_project(default_project().pk, by="test")
    assert finish(held, worker) == []
    assert CommandRun.objects.filter(status="queued").count() == 1


def test_an_agent_that_asks_for_its_work_finds_it_dispatched(line: Workflow, worker: Worker) -> None:
    Agent.objects.update(connector=Connector.PULL, heartbeat_at=now())
    run, _ = start_run(line, {})
    held = lease.claim_next(Agent.objects.get().pk, worker="itself")
    assert held
    assert held.run_id == run.pk
    lease.finish(held.command_run_id, held.fence, DONE)
    following = lease.claim_next(Agent.objects.get().pk, worker="itself")
    assert following
    assert following.command_run_id != held.command_run_id


def test_so_many_agents_are_not_read_while_rows_are_locked(
    line: Workflow, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_once, "AGENTS", 1)
    make_agent()
    run, _ = start_run(line, {})
    assert CommandRun.objects.get(run_id=run.pk).status == "queued"


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_another_dispatch_or_for_an_agent_that_is_in_hand(
    line: Workflow, worker: Worker, agent: Agent
) -> None:
    """On SQLite there is one writer at a time, so nothing is ever in another's hand."""
    if connection.vendor != "postgresql":
        return
    run, held = first_of(line, worker)
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            holds.lock(held.project_id)
            locked.set()
            done.wait(30)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    assert locked.wait(30)
    try:
        assert finish(held, worker) == []  # without waiting
    finally:
        done.set()
        other.join()
        dispatch.stop()  # what it has in hand ends before the database is emptied
    assert statuses(run)[0] == "completed"
