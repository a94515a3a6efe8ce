"""Whoever hands a paper in at a worker's desk is answered, whatever breaks there."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.backends.signals import connection_created

from apps.agents import dispatch, lease
from apps.agents.connectors.base import Outcome
from apps.agents.desk import Claiming, Desk, DeskClosed, Ending
from apps.agents.lease import Claimed, Result, Ticket
from apps.agents.models import CommandRun, Worker
from tests.agents.factories import make_agent, make_command, make_run, make_worker

pytestmark = pytest.mark.django_db(transaction=True)

DONE = Outcome({"text": "done"}, None, None, "test", demo=True)
SOON = 30  # seconds that an answer may take on a machine that does much else


@pytest.fixture
def worker() -> Worker:
    return make_worker(slots=8)


@pytest.fixture
def desk(worker: Worker) -> Iterator[Desk]:
    """Not open yet: what is handed in before that is written together."""
    desk = Desk(worker.name, worker.pk)
    yield desk
    desk.close()
    connection.close()


def dispatched(count: int) -> list[CommandRun]:
    make_agent(max_parallel=16)
    command = make_command()
    runs = [make_run(command) for _ in range(count)]
    dispatch.dispatch_ready(runs[0].project_id)
    return list(CommandRun.objects.filter(pk__in=[run.pk for run in runs]).order_by("queued_at"))


def ticket_of(run: CommandRun, worker: Worker) -> Ticket:
    assert run.dispatch_id
    return Ticket(run.pk, run.dispatch_id, worker.name, worker.pk)


def held(run: CommandRun, worker: Worker) -> Claimed:
    assert run.dispatch_id
    claimed = lease.claim(run.pk, run.dispatch_id, worker=worker.name, worker_id=worker.pk)
    assert claimed
    return claimed


def ending(claimed: Claimed, outcome: Outcome = DONE, *, goes_on: bool = False) -> Ending:
    return Ending(Result(claimed.command_run_id, claimed.fence, outcome), goes_on)


@pytest.mark.parametrize(
    "poison",
    [
        Outcome({"made": object()}, None, None, "test", demo=True),
        Outcome({"text": "long"}, 2**70, None, "test", demo=True),
    ],
    ids=["no JSON", "no number of the database"],
)
def test_of_papers_written_together_one_that_cannot_be_written_hurts_no_other(
    desk: Desk, worker: Worker, poison: Outcome
) -> None:
    first, bad, last, free = dispatched(4)
    good = [ending(held(first, worker)), ending(held(last, worker))]
    broken = ending(held(bad, worker), poison)
    claiming = Claiming(ticket_of(free, worker))
    for paper in (good[0], broken, claiming, good[1]):
        desk.hand_in(first.project_id, paper)
    desk.open()
    for paper in good:
        ended = paper.answer.result(SOON).run
        assert ended is not None
        assert ended.status == "completed"
    claimed = claiming.answer.result(SOON)
    assert claimed is not None
    assert claimed.command_run_id == free.pk
    assert broken.answer.exception(SOON) is not None
    bad.refresh_from_db()
    assert (bad.status, bad.fence) == ("running", 1)


def test_a_slot_is_answered_although_the_look_for_more_work_breaks(desk: Desk, worker: Worker) -> None:
    broke = threading.Event()

    def refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "LEFT JOIN agents_agent" in sql:
            broke.set()
            raise sqlite3.ProgrammingError("the driver broke")  # no error that Django would know
        return execute(sql, params, many, context)

    def spoil(connection: Any, **_: Any) -> None:
        if threading.current_thread().name.startswith("desk-"):
            connection.execute_wrappers.append(refuse)

    runs = dispatched(3)
    papers = [ending(held(run, worker), goes_on=True) for run in runs]
    connection_created.connect(spoil)
    try:
        for paper in papers:
            desk.hand_in(runs[0].project_id, paper)
        desk.open()
        answers = [paper.answer.result(SOON) for paper in papers]
    finally:
        connection_created.disconnect(spoil)
    assert broke.is_set()
    assert [(one.run is not None, one.following, one.ticket) for one in answers] == [(True, None, None)] * 3
    assert set(CommandRun.objects.values_list("status", flat=True)) == {"completed"}


def test_a_desk_that_had_to_refuse_goes_on(desk: Desk, worker: Worker) -> None:
    bad, good = dispatched(2)
    poison = ending(held(bad, worker), Outcome({"made": object()}, None, None, "test", demo=True))
    desk.hand_in(bad.project_id, poison)
    desk.open()
    assert isinstance(poison.answer.exception(SOON), TypeError)
    claimed = desk.claim(good.project_id, ticket_of(good, worker))
    assert claimed is not None
    again = desk.end(bad.project_id, Result(bad.pk, 1, DONE), goes_on=False)
    assert again.run is not None
    assert again.run.status == "completed"


def test_what_was_handed_in_before_the_desk_closed_is_written_and_nothing_waits_after(
    desk: Desk, worker: Worker
) -> None:
    first, second = dispatched(2)
    paper = ending(held(first, worker))
    desk.hand_in(first.project_id, paper)
    desk.open()
    desk.close()
    ended = paper.answer.result(SOON).run
    assert ended is not None
    assert ended.status == "completed"
    with pytest.raises(DeskClosed):
        desk.claim(second.project_id, ticket_of(second, worker))
