"""Where the threads of a worker hand in what they claim and what they finished.

A clerk takes everything that was handed in for a project while the last of it was being written, and
writes it in one transaction: with one command run at a time nobody waits for anybody, with many the
cost of a transaction, of its journal lines and of the run's row is shared. Whoever hands in a result
is given the next command run in the same transaction, if one was dispatched already; a message of the
broker only wakes a slot that has nothing to do. Clerks keep their connection while there is work; the
threads that hand in need none.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from uuid import UUID

from django.db import DatabaseError, close_old_connections, connection

from apps.agents import lease
from apps.agents.lease import Claimed, Result, Taker, Ticket
from apps.agents.models import CommandRun

CLERKS = 2  # a project whose rows are locked for long holds the others up no more than that
AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class _Claiming:
    ticket: Ticket
    answer: Future[Claimed | None] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a result. `run` is None when the lease was lost; `following` is what the slot holds
    now, or else `ticket` is what it might claim."""

    run: CommandRun | None
    following: Claimed | None = None
    ticket: tuple[UUID, Ticket] | None = None


@dataclass(frozen=True, slots=True)
class _Ending:
    result: Result
    goes_on: bool
    answer: Future[Ended] = field(default_factory=Future)


_Paper = _Claiming | _Ending


class Desk:
    """Start it, hand in, stop it when nobody hands in any more."""

    def __init__(self, worker: str, worker_id: UUID) -> None:
        self._worker, self._worker_id = worker, worker_id
        self._papers: dict[UUID, deque[_Paper]] = {}
        self._at_work: set[UUID] = set()
        self._more = threading.Condition()
        self._closed = False
        self._clerks: list[threading.Thread] = []

    def open(self) -> None:
        for number in range(CLERKS):
            clerk = threading.Thread(target=self._work_till_closed, name=f"desk-{number}", daemon=True)
            clerk.start()
            self._clerks.append(clerk)

    def close(self) -> None:
        with self._more:
            self._closed = True
            self._more.notify_all()
        for clerk in self._clerks:
            clerk.join(timeout=5)

    def claim(self, project_id: UUID, ticket: Ticket) -> Claimed | None:
        """`lease.claim`, together with others. Raises DatabaseError."""
        paper = _Claiming(ticket)
        self._hand_in(project_id, paper)
        return paper.answer.result()

    def end(self, project_id: UUID, result: Result, *, goes_on: bool) -> Ended:
        """`lease.finish` and its like, together with others, and whether the slot `goes_on` with other
        work. Raises DatabaseError."""
        paper = _Ending(result, goes_on)
        self._hand_in(project_id, paper)
        return paper.answer.result()

    def anything(self) -> tuple[UUID, Ticket] | None:
        """What a slot whose work went elsewhere might claim. Any thread."""
        try:
            return next(iter(lease.unclaimed(Taker(self._worker, self._worker_id, 1))), None)
        except DatabaseError:  # the repair loop publishes what is waiting
            return None
        finally:
            close_old_connections()

    def _hand_in(self, project_id: UUID, paper: _Paper) -> None:
        with self._more:
            self._papers.setdefault(project_id, deque()).append(paper)
            self._more.notify()

    def _work_till_closed(self) -> None:
        try:
            self._work()
        finally:
            connection.close()

    def _work(self) -> None:
        while True:
            with self._more:
                while (project_id := self._next()) is None:
                    if self._closed:
                        return
                    if not self._more.wait_for(self._is_wanted, timeout=0.05):
                        self._rest()
                papers = self._papers[project_id]
                taken = [papers.popleft() for _ in range(min(AT_ONCE, len(papers)))]
                if not papers:
                    del self._papers[project_id]
                self._at_work.add(project_id)
            try:
                self._write(project_id, taken)
            finally:
                with self._more:
                    self._at_work.discard(project_id)
                    self._more.notify()

    def _rest(self) -> None:
        """Nothing came for a while: give the connection back and sleep until something does."""
        self._more.release()
        try:
            close_old_connections()
        finally:
            self._more.acquire()
        self._more.wait_for(self._is_wanted)

    def _is_wanted(self) -> bool:
        return self._closed or self._next() is not None

    def _next(self) -> UUID | None:
        """The project whose papers wait longest and that no other clerk has in hand."""
        return next((one for one in self._papers if one not in self._at_work), None)

    def _write(self, project_id: UUID, papers: Sequence[_Paper]) -> None:
        try:
            self._write_together(project_id, papers)
        except DatabaseError as error:
            close_old_connections()
            _refuse(papers, error)
        except BaseException as error:
            if len(papers) == 1:
                _refuse(papers, error)
                return
            for paper in papers:  # one of them breaks whatever it is written with; the others must not suffer
                self._write(project_id, [paper])

    def _write_together(self, project_id: UUID, papers: Sequence[_Paper]) -> None:
        claiming = [paper for paper in papers if isinstance(paper, _Claiming)]
        ending = [paper for paper in papers if isinstance(paper, _Ending)]
        taker = self._taker(sum(one.goes_on for one in ending))
        tickets, results = [one.ticket for one in claiming], [one.result for one in ending]
        written = lease.write(project_id, tickets, results, taker)
        for one, held in zip(claiming, written.claimed, strict=True):
            one.answer.set_result(held)
        following = iter(written.taken)
        empty: list[tuple[_Ending, CommandRun | None]] = []
        for other, run in zip(ending, written.ended, strict=True):
            held = next(following, None) if other.goes_on else None
            if held is None and other.goes_on:
                empty.append((other, run))
            else:
                other.answer.set_result(Ended(run, held))
        if empty:
            self._look_again(empty)

    def _look_again(self, empty: Sequence[tuple[_Ending, CommandRun | None]]) -> None:
        """For slots that got nothing. What was dispatched before they were seen to be free had no
        message; what is dispatched from now on has one."""
        taker = self._taker(len(empty))
        try:
            tickets = iter(lease.unclaimed(taker) if taker else ())
        except DatabaseError:  # the results are written; the repair loop publishes what is waiting
            close_old_connections()
            tickets = iter(())
        for paper, run in empty:
            paper.answer.set_result(Ended(run, ticket=next(tickets, None)))

    def _taker(self, slots: int) -> Taker | None:
        return Taker(self._worker, self._worker_id, slots) if slots else None


def _refuse(papers: Sequence[_Paper], error: BaseException) -> None:
    for paper in papers:
        paper.answer.set_exception(error)
