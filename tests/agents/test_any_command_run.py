"""Any order of any verbs on command runs: the rows stand where a short model says they must.

The model is what the product promises, in pure Python and from none of its code. Every rule asks
both and compares what they said; MC_TEST_EXAMPLES asks more often.
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from apps.accounts.models import Project
from apps.agents import dispatch, handed_over, lease, overdue, repair
from apps.agents.connectors.base import Outcome
from apps.agents.models import Agent, CommandRun, CommandRunAttempt, Connector, Worker
from apps.agents.moves import Failure, lease_time
from apps.agents.services import pause_agent, resume_agent
from apps.errors import Conflict, StaleFence
from apps.events.clock import now
from apps.events.models import Event
from apps.workflows import control
from tests.agents.factories import make_agent, make_command, make_run

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(400)]

EXAMPLES = int(os.environ.get("MC_TEST_EXAMPLES") or 200)
SECONDS = 40.0  # after that the remaining examples are left out, whatever the machine
OVER = ("completed", "failed", "cancelled", "timed_out")
DONE = Outcome({"text": "done"}, 1, 1, "m", demo=False)
MAX_LOST = 3


@dataclass
class Model:
    """What a command run must be, in pure Python."""

    priority: int
    attempts: int
    status: str = "queued"
    due: bool = True
    fence: int = 0
    attempt: int = 0
    lost: int = 0
    cancelled: bool = False
    handed_over: bool = False
    """The agent has it and no worker does: asked of no lease, ended by its timeout or its own word."""
    history: list[str] = field(default_factory=list)

    def end(self, status: str) -> None:
        self.status = status

    def requeue(self, due: bool = True) -> None:
        self.status, self.due = "queued", due

    def claim(self) -> None:
        self.status, self.fence, self.attempt = "running", self.fence + 1, self.attempt + 1
        self.handed_over = False

    def fail(self, retryable: bool, final: str) -> None:
        if self.cancelled:
            self.end("cancelled")
        elif retryable and self.attempt - self.lost < self.attempts:
            self.requeue(due=False)
        else:
            self.end(final)

    def lose(self) -> None:
        self.lost += 1
        if self.cancelled:
            self.end("cancelled")
        elif self.lost > MAX_LOST:
            self.end("failed")
        else:
            self.fence += 1
            self.requeue()

    def give_back(self) -> None:
        if self.cancelled:
            self.end("cancelled")
        else:
            self.attempt = max(0, self.attempt - 1)
            self.requeue()

    def cancel(self) -> None:
        if not self.cancelled:
            self.cancelled = True
            if self.status != "running":
                self.end("cancelled")


class Machine(RuleBasedStateMachine):
    """One agent that does one thing at a time, and up to three command runs of different priority.

    It has an endpoint: a worker calls it, and holds the lease until the agent takes the work over."""

    until: float = 0.0
    is_failing = False  # a failure is looked for until it is small, however long that takes

    def __init__(self) -> None:
        super().__init__()
        self.is_late = time.monotonic() > self.until and not self.is_failing
        self.models: dict[uuid.UUID, Model] = {}
        self.paused = self.held = False

    @initialize()
    def begin(self) -> None:
        slug = f"p-{uuid.uuid4().hex[:8]}"
        self.project = Project.objects.create(slug=slug, name=slug)
        self.agent = make_agent(self.project, connector=Connector.HTTP, endpoint="https://agent.example.org")
        self.worker = Worker.objects.get(name="w").pk
        self.command = make_command(self.project)

    def teardown(self) -> None:
        if isinstance(sys.exc_info()[1], Exception):
            Machine.is_failing = True

    def pick(self, number: int) -> uuid.UUID | None:
        return list(self.models)[number % len(self.models)] if self.models else None

    def row(self, pk: uuid.UUID) -> CommandRun:
        return CommandRun.objects.get(pk=pk)

    def at_work(self) -> bool:
        return any(model.status in ("dispatched", "running") for model in self.models.values())

    def holder(self, number: int, is_stale: bool, act: Callable[[uuid.UUID, int], Any]) -> Model | None:
        """A verb of somebody who says to hold the lease: the model if the verb must have worked."""
        pk = self.pick(number)
        if pk is None or self.is_late:
            return None
        model = self.models[pk]
        if model.status == "running" and not is_stale:
            act(pk, model.fence)
            return model
        with pytest.raises(StaleFence):
            act(pk, model.fence - 1 if is_stale else model.fence)
        return None

    def repair(
        self, number: int, act: Callable[[uuid.UUID, datetime], bool], **overdue_field: Any
    ) -> Model | None:
        """A verb of the repair loop on a row whose time is made to be over."""
        pk = self.pick(number)
        if pk is None or self.is_late:
            return None
        model = self.models[pk]
        CommandRun.objects.filter(pk=pk, status="running").update(**overdue_field)
        moved = act(pk, now())
        assert moved == (model.status == "running")
        return model if moved else None

    # --- what may happen --------------------------------------------------------------------------

    @rule(attempts=st.integers(1, 3))
    def accept(self, attempts: int) -> None:
        if self.is_late or len(self.models) == 3:
            return
        priority = len(self.models) * 7 % 3
        run = make_run(
            self.command, self.agent, priority=priority, max_attempts=attempts, backoff_seconds=3000.0,
            max_backoff_seconds=3000.0,
        )  # fmt: skip
        self.models[run.pk] = Model(priority, attempts)

    @rule()
    def dispatch(self) -> None:
        if self.is_late:
            return
        given = [one.command_run_id for one in dispatch.dispatch_ready(self.project.pk)]
        ready = [pk for pk, model in self.models.items() if model.status == "queued" and model.due]
        free = ready and not (self.at_work() or self.paused or self.held)
        expected = [max(ready, key=lambda pk: self.models[pk].priority)] if free else []
        assert given == expected
        for pk in expected:
            self.models[pk].status = "dispatched"

    @rule(number=st.integers(0, 2), is_known=st.sampled_from([True, True, True, False]))
    def message(self, number: int, is_known: bool) -> None:
        """A message arrives: the first, the same once more, or one of an earlier dispatch."""
        pk = self.pick(number)
        if pk is None or self.is_late:
            return
        model = self.models[pk]
        named = self.row(pk).dispatch_id if is_known else None
        claimed = lease.claim(pk, named or uuid.uuid4(), worker="w", worker_id=self.worker)
        wins = model.status == "dispatched" and is_known and not self.held
        assert (claimed is not None) == wins
        if claimed is not None:
            model.claim()
            assert claimed.fence == model.fence

    @rule(number=st.integers(0, 2), is_stale=st.booleans())
    def heartbeat(self, number: int, is_stale: bool) -> None:
        pk = self.pick(number)
        if pk is None or self.is_late:
            return
        model = self.models[pk]
        signal = lease.report(pk, model.fence - is_stale, progress=50)
        assert signal.alive == (model.status == "running" and not is_stale)
        if signal.alive:
            assert (signal.cancel, signal.pause) == (model.cancelled, self.paused)

    @rule(number=st.integers(0, 2), is_stale=st.booleans())
    def hand_over(self, number: int, is_stale: bool) -> None:
        """The agent answered 202. A worker may say so twice."""
        pk = self.pick(number)
        if pk is None or self.is_late:
            return
        model = self.models[pk]
        taken = handed_over.hand_over(pk, model.fence - is_stale, "Taken over.")
        assert taken == (model.status == "running" and not is_stale)
        model.handed_over = model.handed_over or taken

    @rule()
    def workers_are_gone(self) -> None:
        """Every lease that workers must renew runs out; work that was handed over is nobody's loss."""
        if self.is_late:
            return
        last = now() + lease_time() + timedelta(seconds=1)
        overdue_now = CommandRun.objects.filter(status="running", lease_expires_at__lt=last)
        lost = set(overdue_now.filter(pk__in=list(self.models)).values_list("pk", flat=True))
        held = {pk for pk, one in self.models.items() if one.status == "running" and not one.handed_over}
        assert lost == held
        for pk in lost:
            assert overdue.take_back(pk, at=last)
            self.models[pk].lose()

    @rule(number=st.integers(0, 2))
    def end_what_was_handed_over(self, number: int) -> None:
        """The repair loop ends what is cancelled at once: no worker stands by."""
        pk = self.pick(number)
        if pk is None or self.is_late:
            return
        model = self.models[pk]
        ends = model.status == "running" and model.handed_over and model.cancelled
        assert overdue.end_handed_over(pk) == ends
        if ends:
            model.fence += 1
            model.end("cancelled")

    @rule(number=st.integers(0, 2), is_stale=st.booleans())
    def finish(self, number: int, is_stale: bool) -> None:
        if model := self.holder(number, is_stale, lambda pk, fence: lease.finish(pk, fence, DONE)):
            model.end("completed")

    @rule(number=st.integers(0, 2), is_stale=st.booleans(), retryable=st.booleans())
    def fail(self, number: int, is_stale: bool, retryable: bool) -> None:
        failure = Failure("broken", "It broke.", retryable=retryable)
        if model := self.holder(number, is_stale, lambda pk, fence: lease.fail(pk, fence, failure)):
            model.fail(retryable, "failed")

    @rule(number=st.integers(0, 2), is_stale=st.booleans())
    def give_back(self, number: int, is_stale: bool) -> None:
        if model := self.holder(number, is_stale, lease.give_back):
            model.give_back()

    @rule(number=st.integers(0, 2))
    def lose(self, number: int) -> None:
        past = now() - timedelta(seconds=1)
        if model := self.repair(number, lambda pk, at: overdue.take_back(pk, at=at), lease_expires_at=past):
            model.lose()

    @rule(number=st.integers(0, 2))
    def time_out(self, number: int) -> None:
        past = now() - timedelta(seconds=1)
        if model := self.repair(number, lambda pk, at: overdue.time_out(pk, at=at), timeout_at=past):
            model.fence += 1
            model.fail(True, "timed_out")

    @rule(number=st.integers(0, 2))
    def cancel(self, number: int) -> None:
        pk = self.pick(number)
        if pk is None or self.is_late:
            return
        if self.models[pk].status in OVER:
            with pytest.raises(Conflict):
                lease.cancel(pk)
        else:
            lease.cancel(pk)
            self.models[pk].cancel()

    @rule(number=st.integers(0, 2))
    def ignore_the_cancellation(self, number: int) -> None:
        pk = self.pick(number)
        if pk is None or self.is_late or not self.models[pk].cancelled:
            return
        past = now() - timedelta(seconds=overdue.CANCEL_GRACE_SECONDS + 1)
        if model := self.repair(
            number, lambda pk, at: overdue.end_cancelled(pk, at=at), cancel_requested_at=past
        ):
            model.fence += 1
            model.end("cancelled")

    @rule(number=st.integers(0, 2))
    def become_due(self, number: int) -> None:
        pk = self.pick(number)
        if pk is not None and not self.is_late and self.models[pk].status == "queued":
            CommandRun.objects.filter(pk=pk).update(available_at=now())
            self.models[pk].due = True

    @rule(number=st.integers(0, 2))
    def nobody_takes_it(self, number: int) -> None:
        pk = self.pick(number)
        if pk is None or self.is_late:
            return
        before = self.row(pk).gives_up_at
        CommandRun.objects.filter(pk=pk).update(gives_up_at=now() - timedelta(seconds=1))
        waits = self.models[pk].status in ("queued", "dispatched") and not self.held
        assert overdue.queue_time_out(pk, at=now()) == waits
        if waits:
            self.models[pk].end("timed_out")
        else:
            CommandRun.objects.filter(pk=pk).update(gives_up_at=before)

    @rule(is_pause=st.booleans())
    def pause_the_agent(self, is_pause: bool) -> None:
        if not self.is_late:
            (pause_agent if is_pause else resume_agent)(Agent.objects.get(pk=self.agent.pk))
            self.paused = is_pause

    @rule(is_pause=st.booleans())
    def pause_everything(self, is_pause: bool) -> None:
        if not self.is_late:
            (control.pause_project if is_pause else control.resume_project)(self.project.pk)
            self.held = is_pause

    @rule()
    def recall(self) -> None:
        """The repair loop takes back what was handed out and may not begin."""
        if self.is_late:
            return
        repair.recall_from_absent()
        repair.recall_held()
        for model in self.models.values():
            if model.status == "dispatched" and (self.paused or self.held):
                model.requeue()

    # --- what must always be true -------------------------------------------------------------------

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        for row in CommandRun.objects.filter(pk__in=list(self.models)):
            model = self.models[row.pk]
            said = (row.status, row.fence, row.attempt, row.lost_count, row.cancel_requested)
            assert said == (model.status, model.fence, model.attempt, model.lost, model.cancelled)
            assert (row.lease_expires_at is not None) == (model.status == "running")
            outcomes = list(
                CommandRunAttempt.objects.filter(command_run=row).values_list("outcome", flat=True)
            )
            assert outcomes.count("completed") == (model.status == "completed")
            assert outcomes.count("") == (model.status == "running")

    @invariant()
    def what_was_handed_over_has_no_worker_and_lasts_to_its_timeout(self) -> None:
        for row in CommandRun.objects.filter(pk__in=list(self.models), status="running"):
            is_handed_over = self.models[row.pk].handed_over
            assert handed_over.is_handed_over(row) == is_handed_over
            assert (row.worker_id is None) == is_handed_over
            if is_handed_over:
                assert row.lease_expires_at is not None
                assert row.timeout_at is not None
                assert row.lease_expires_at > row.timeout_at

    @invariant()
    def the_journal_tells_each_move_once(self) -> None:
        for pk, model in self.models.items():
            events = list(Event.objects.filter(entity_id=pk).order_by("seq"))
            states = [event.payload["status"] for event in events]
            assert states[-1] == model.status
            assert [event.kind for event in events].count("command_run.finished") == (model.status in OVER)
            befores = [event.payload["previous_status"] for event in events]
            assert befores == [None, *states[:-1]]
            assert states[: len(model.history)] == model.history
            model.history = states

    @invariant()
    def the_agent_is_busy_when_it_works(self) -> None:
        if not self.models:
            return
        works = any(model.status == "running" for model in self.models.values())
        status = Agent.objects.values_list("status", flat=True).get(pk=self.agent.pk)
        assert (status == "busy") == (works and not self.paused)


def test_any_order_of_any_verbs() -> None:
    Worker.objects.create(name="w", slots=10_000, heartbeat_at=now() + timedelta(days=1))
    Machine.until = time.monotonic() + SECONDS
    run_state_machine_as_test(
        Machine,
        settings=settings(max_examples=EXAMPLES, stateful_step_count=20, deadline=None, database=None),
    )
