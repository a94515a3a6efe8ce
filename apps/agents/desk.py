"""Where the threads of a worker hand in what they claim and what they finished.

A clerk takes everything that was handed in for a project while the last of it was being written, and
writes it in one transaction: with one command run at a time nobody waits for anybody, with many the
cost of a transaction, of its journal lines and of the run's row is shared. Whoever hands in a result
is given the next command run in the same transaction, if one was dispatched already; a message of the
broker only wakes a slot that has nothing to do. Clerks keep their connection while there is work; the
threads that hand in need none.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError, close_old_connections, connection

from apps.agents import lease
from apps.agents.lease import Claimed, Result, Taker, Ticket, Written
from apps.agents.models import CommandRun

logger = logging.getLogger(__name__)

CLERKS = 2  # a project whose rows are locked for long holds the others up no more than that
AT_ONCE = 64
OUTAGE = (OperationalError, InterfaceError)  # of the database, whatever is written


class DeskClosed(RuntimeError):
    """Nobody writes any more; leases that are held run out and their work is queued again."""


@dataclass(frozen=True, slots=True)
class Claiming:
    """A paper that asks for a lease."""

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
class Ending:
    """A paper that brings a result."""

    result: Result
    goes_on: bool
    answer: Future[Ended] = field(default_factory=Future)


Paper = Claiming | Ending


class Desk:
    """Start it, hand in, stop it when nobody hands in any more."""

    def __init__(self, worker: str, worker_id: UUID) -> None:
        self._worker, self._worker_id = worker, worker_id
        self._papers: dict[UUID, deque[Paper]] = {}
        self._at_work: set[UUID] = set()
        self._more = threading.Condition()
        self._closed = False
        self._clerks: list[threading.Thread] = []
        self._left = 0  # clerks that have gone home

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
        """`lease.claim`, together with others. Raises DatabaseError and DeskClosed."""
        paper = Claiming(ticket)
        self.hand_in(project_id, paper)
        return paper.answer.result()

    def end(self, project_id: UUID, result: Result, *, goes_on: bool) -> Ended:
        """`lease.finish` and its like, together with others, and whether the slot `goes_on` with other
        work. Raises DatabaseError and DeskClosed."""
        paper = Ending(result, goes_on)
        self.hand_in(project_id, paper)
        return paper.answer.result()

    def anything(self) -> tuple[UUID, Ticket] | None:
        """What a slot whose work went elsewhere might claim. Any thread."""
        try:
            return next(iter(lease.unclaimed(Taker(self._worker, self._worker_id, 1))), None)
        except DatabaseError:  # the repair loop publishes what is waiting
            return None
        finally:
            close_old_connections()

    def hand_in(self, project_id: UUID, paper: Paper) -> None:
        """Put a paper down; its answer comes, whatever becomes of it. Raises DeskClosed."""
        with self._more:
            if self._left == CLERKS:
                raise DeskClosed("The worker stops; nothing is written any more.")
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
                        self._left += 1
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
            except BaseException as error:
                logger.exception("papers were left unanswered", extra={"project_id": str(project_id)})
                _refuse(taken, error)
            finally:
                with self._more:
                    self._at_work.discard(project_id)
                    self._more.notify()

    def _rest(self) -> None:
        """Nothing came for a while: give the connection back and sleep until something does."""
        self._more.release()
        try:
            close_old_connections()
        except DatabaseError:  # there is none to give back then
            logger.warning("a connection could not be given back", exc_info=True)
        finally:
            self._more.acquire()
        self._more.wait_for(self._is_wanted)

    def _is_wanted(self) -> bool:
        return self._closed or self._next() is not None

    def _next(self) -> UUID | None:
        """The project whose papers wait longest and that no other clerk has in hand."""
        return next((one for one in self._papers if one not in self._at_work), None)

    def _write(self, project_id: UUID, papers: Sequence[Paper]) -> None:
        """Write papers and answer each of them, once, whatever breaks."""
        try:
            written = self._commit(project_id, papers)
        except OUTAGE as error:  # whoever handed in tries again, or leaves it to the repair loop
            close_old_connections()
            _refuse(papers, error)
        except BaseException as error:
            close_old_connections()
            if len(papers) == 1:
                logger.exception("a paper cannot be written", extra={"project_id": str(project_id)})
                _refuse(papers, error)
                return
            for paper in papers:  # one of them breaks whatever it is written with; the others must not suffer
                self._write(project_id, [paper])
        else:
            self._answer(papers, written)

    def _commit(self, project_id: UUID, papers: Sequence[Paper]) -> Written:
        tickets = [paper.ticket for paper in papers if isinstance(paper, Claiming)]
        ending = [paper for paper in papers if isinstance(paper, Ending)]
        taker = self._taker(sum(one.goes_on for one in ending))
        return lease.write(project_id, tickets, [one.result for one in ending], taker)

    def _answer(self, papers: Sequence[Paper], written: Written) -> None:
        """Tell what was committed. From here on nothing is written again."""
        claimed, ended, following = iter(written.claimed), iter(written.ended), iter(written.taken)
        empty: list[tuple[Ending, CommandRun | None]] = []
        for paper in papers:
            if isinstance(paper, Claiming):
                paper.answer.set_result(next(claimed))
                continue
            run = next(ended)
            held = next(following, None) if paper.goes_on else None
            if held is None and paper.goes_on:
                empty.append((paper, run))
            else:
                paper.answer.set_result(Ended(run, held))
        tickets = iter(self._look_again(len(empty)))
        for other, run in empty:
            other.answer.set_result(Ended(run, ticket=next(tickets, None)))

    def _look_again(self, slots: int) -> list[tuple[UUID, Ticket]]:
        """For slots that got nothing. What was dispatched before they were seen to be free had no
        message; what is dispatched from now on has one. Their results are written: whatever breaks
        here, the repair loop publishes what is waiting."""
        if not slots:
            return []
        try:
            return lease.unclaimed(Taker(self._worker, self._worker_id, slots))
        except Exception:
            logger.warning("free slots could not look for more work", exc_info=True)
            close_old_connections()
            return []

    def _taker(self, slots: int) -> Taker | None:
        return Taker(self._worker, self._worker_id, slots) if slots else None


def _refuse(papers: Sequence[Paper], error: BaseException) -> None:
    """Have each that was not answered yet hear of the error."""
    for paper in papers:
        if not paper.answer.done():
            paper.answer.set_exception(error)
